"""Is this log what was written, whole and in order? One pass over its rows, then its checkpoints.

What the chain finds by itself: an entry that was edited, deleted, inserted or moved by somebody
who didn't rewrite all that follows. What only a checkpoint finds, if a copy of it is where the
forger can't write: everything else, such as a log whose newest entries were cut off, that was
rewritten from some entry on, or that is an older copy of itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from agent.audit.checkpoint import PRUNED, Witness, origin_of, verifier_of
from agent.audit.findings import Finding, Kind, Verdict
from agent.audit.merkle import Tree
from agent.domain.access import Action
from agent.domain.access_entry import (
    ACTOR,
    ACTOR_LABEL,
    AT,
    LEAF,
    NO_TEXT,
    NOTE,
    NOTE_LABEL,
    NUMBER,
    PREVIOUS,
    commitment,
    first_link,
    from_ranges,
)

CLOCK_TOLERANCE = timedelta(seconds=30)
"""Entries of several processes may be this much out of order: one waits while another writes."""

_ERASURE = b'"action":"%s"' % Action.ERASED.value.encode()

Row = Sequence[Any]
"""The fields of `agent.domain.access_entry.EntryRow`, in its order, of any type."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """Where the log begins, if its oldest entries were deleted.

    Attributes:
        witness: the signed note about it.
        peaks: of the tree of the deleted entries.
    """

    witness: Witness
    peaks: bytes


def verify(
    rows: Iterable[Row],
    witnesses: Sequence[Witness],
    verify_keys: Sequence[bytes],
    *,
    log_id: bytes,
    pruned: Pruned | None = None,
) -> Verdict:
    """Check a log.

    Args:
        rows: all its entries as they are stored, by rising number.
        witnesses: checkpoints, wherever they were kept.
        verify_keys: raw Ed25519 public keys that the device has had, oldest first, from a place
            that the forger of the log can't write.
        log_id: the log's own.
        pruned: what the log says was deleted at its old end.
    """
    findings: list[Finding] = []
    begin, tree = _beginning(pruned, verify_keys, log_id, findings)
    reading = _Reading(begin, tree, first_link(log_id) if begin == 0 else None, findings)
    reading.wanted = {w.checkpoint.size for w in witnesses}
    reading.roots[begin] = tree.root()
    for row in rows:
        reading.take(row)
    erased = reading.settle_erasures()
    good, covered = _judge(witnesses, verify_keys, log_id, reading)
    return Verdict(
        origin_of(log_id),
        tuple(findings),
        reading.count,
        reading.first,
        reading.last,
        erased,
        good,
        covered,
        tree.root(),
    )


@dataclass(slots=True)
class _Reading:
    """What is known after some rows."""

    last: int
    tree: Tree
    previous: bytes | None
    findings: list[Finding]
    wanted: set[int] = field(default_factory=set)
    roots: dict[int, bytes] = field(default_factory=dict)
    begin: int = field(init=False)
    first: int = 0
    count: int = 0
    at: bytes = b""
    erased: dict[str, set[int]] = field(default_factory=lambda: {"actor": set(), "note": set()})
    allowed: dict[str, list[range]] = field(default_factory=lambda: {"actor": [], "note": []})

    def __post_init__(self) -> None:
        self.begin = self.last

    def find(self, kind: Kind, entry: int, sentence: str) -> None:
        """Note one finding."""
        self.findings.append(Finding(kind, entry, sentence))

    def take(self, row: Row) -> None:
        """Check one row against all before it."""
        number, body, stored, *texts = row
        self.count += 1
        if type(number) is not int or type(body) is not bytes:
            self.find(Kind.UNREADABLE, self.last + 1, f"After entry {self.last} a row isn't one.")
            return
        if number <= self.last:
            sentence = f"Entry {number} lies where the log says that it was deleted."
            self.find(Kind.MOVED, number, sentence)
            return
        self.first = self.first or number
        link = sha256(LEAF + body).digest()
        self._link(number, body, link, stored)
        if body[AT] < self.at:
            self._clock(number, body[AT])
        self._texts(number, body, *texts)
        if _ERASURE in body:
            self._allow(number, body)
        self.last, self.previous, self.at = number, link, body[AT]
        self.tree.add(link)
        if number in self.wanted and number == self.tree.size:
            self.roots[number] = self.tree.root()

    def settle_erasures(self) -> int:
        """Compare what is erased with what was recorded as erased; return how many texts fit."""
        fit = 0
        for name, numbers in self.erased.items():
            ranges = sorted(self.allowed[name], key=lambda r: r.start, reverse=True)
            reach = 0
            for number in sorted(numbers):
                while ranges and ranges[-1].start <= number:
                    reach = max(reach, ranges.pop().stop)
                if number < reach:
                    fit += 1
                    continue
                self.find(
                    Kind.ERASED_UNLOGGED, number,
                    f"The {name} of entry {number} is gone, and no entry says who erased it.",
                )  # fmt: skip
        return fit

    def _link(self, number: int, body: bytes, link: bytes, stored: object) -> None:
        """Check an entry's place: after the one before, under its number, unchanged."""
        if number > self.last + 1:
            first, before = self.last + 1, number - 1
            what = f"Entry {first} is" if first == before else f"Entries {first} to {before} are"
            self.find(Kind.MISSING, first, f"{what} missing.")
        elif self.previous is not None and body[PREVIOUS] != self.previous.hex().encode():
            self.find(
                Kind.UNLINKED, number,
                f"Entry {number} wasn't written after entry {number - 1} as it stands now: "
                "one of the two was changed, put in or exchanged.",
            )  # fmt: skip
        if stored != link:
            self.find(Kind.EDITED, number, f"Entry {number} was changed after it was written.")
        if not body.startswith(b'"n":%d,' % number, NUMBER):
            self.find(Kind.MOVED, number, f"Entry {number} was written under another number.")

    def _texts(
        self, number: int, body: bytes, actor: object, actor_salt: object, note: object,
        note_salt: object,
    ) -> None:  # fmt: skip
        """Check the personal texts against what the entry is committed to."""
        if not _fits(ACTOR_LABEL, actor_salt, actor, body[ACTOR]):
            self._misfit("actor", number, actor, actor_salt)
        if body[NOTE] == NO_TEXT and note is None and note_salt is None:
            return
        if not _fits(NOTE_LABEL, note_salt, note, body[NOTE]):
            self._misfit("note", number, note, note_salt)

    def _clock(self, number: int, at: bytes) -> None:
        try:
            back = datetime.fromisoformat(self.at.decode()) - datetime.fromisoformat(at.decode())
        except (TypeError, ValueError):
            self.find(Kind.UNREADABLE, number, f"The time of entry {number} can't be read.")
            return
        if back > CLOCK_TOLERANCE:
            self.find(
                Kind.CLOCK_BACKWARDS, number,
                f"The clock ran {back.total_seconds():.0f} s backwards before entry {number}.",
            )  # fmt: skip

    def _misfit(self, name: str, number: int, text: object, salt: object) -> None:
        if text is None and salt is None:
            self.erased[name].add(number)
        else:
            self.find(
                Kind.TEXT_CHANGED, number,
                f"The {name} of entry {number} isn't the one that was written.",
            )  # fmt: skip

    def _allow(self, number: int, body: bytes) -> None:
        """Read what an entry says was erased; only entries before it count."""
        try:
            entry = json.loads(body)
            if entry["action"] != Action.ERASED.value:
                return
            for text in entry["objects"]:
                name, _, ranges = text.partition(":")
                for found in from_ranges([ranges]):
                    self.allowed[name].append(range(found.start, min(found.stop, number)))
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            self.find(Kind.UNREADABLE, number, f"Entry {number} can't be read.")


def _fits(label: bytes, salt: object, text: object, committed: bytes) -> bool:
    if type(text) is not bytes or type(salt) is not bytes:
        return False
    return commitment(label, salt, text) == committed


def _beginning(
    pruned: Pruned | None, verify_keys: Sequence[bytes], log_id: bytes, findings: list[Finding]
) -> tuple[int, Tree]:
    """Return after which entry the log begins, and the tree up to there."""
    if pruned is None:
        return 0, Tree()
    checkpoint = pruned.witness.checkpoint
    try:
        tree = Tree(checkpoint.size, pruned.peaks)
    except ValueError:
        tree = None
    allowed = (
        tree is not None
        and checkpoint.origin == origin_of(log_id) + PRUNED
        and tree.root() == checkpoint.root
        and _signer(pruned.witness, verify_keys) is not None
    )
    if tree is None or not allowed:
        sentence = f"Entries 1 to {checkpoint.size} were deleted without a signed note about it."
        findings.append(Finding(Kind.PRUNED_UNSIGNED, checkpoint.size, sentence))
    if tree is None:
        # Whatever the peaks were: the numbers still say where the log goes on.
        tree = Tree(checkpoint.size, bytes(32 * checkpoint.size.bit_count()))
    return checkpoint.size, tree


def _judge(
    witnesses: Sequence[Witness], verify_keys: Sequence[bytes], log_id: bytes, reading: _Reading
) -> tuple[int, int]:
    """Compare checkpoints with the log; return how many fit, and up to which entry."""
    good: set[int] = set()
    rewritten: set[str] = set()
    newest_key = 0
    for witness in sorted(witnesses, key=lambda w: w.checkpoint.size):
        size, where = witness.checkpoint.size, witness.source
        signer = _signer(witness, verify_keys) if witness.note else newest_key
        if witness.checkpoint.origin != origin_of(log_id):
            found = Finding(Kind.OTHER_LOG, None, f"A checkpoint in {where} is another log's.")
        elif signer is None or signer < newest_key:
            # A key that ended may be stolen: it signs nothing after its successor has signed.
            which = (
                "isn't signed by this device's key"
                if signer is None
                else ("is signed by a key that had been replaced before")
            )
            sentence = f"The checkpoint of {size} entries in {where} {which}."
            found = Finding(Kind.WRONG_KEY, None, sentence)
        else:
            newest_key = signer
            compared = _compare(witness, reading)
            if compared is None:
                good.add(size)
                continue
            found = compared
        if found.kind is Kind.REWRITTEN and where in rewritten:
            continue  # each later one fails with the first
        if found.kind is Kind.REWRITTEN:
            rewritten.add(where)
        reading.findings.append(found)
    return len(good), max(good, default=0)


def _compare(witness: Witness, reading: _Reading) -> Finding | None:
    """Return how a genuine checkpoint contradicts the log, None where it doesn't."""
    size, where = witness.checkpoint.size, witness.source
    if size > reading.last:
        return Finding(
            Kind.TRUNCATED, size,
            f"The checkpoint in {where} was made of {size} entries, the log ends with "
            f"{reading.last}: the newest were cut off, or an older copy was put back.",
        )  # fmt: skip
    if size < reading.begin or reading.roots.get(size) == witness.checkpoint.root:
        return None
    return Finding(
        Kind.REWRITTEN, size,
        f"The entries up to {size} aren't those of the checkpoint in {where}: "
        "at least one was changed, deleted, put in or moved.",
    )  # fmt: skip


def _signer(witness: Witness, verify_keys: Sequence[bytes]) -> int | None:
    """Return the place of the newest key that signed a note, None if none did."""
    if witness.note is None:
        return None
    for place in reversed(range(len(verify_keys))):
        if witness.note.signed_by(verifier_of(witness.checkpoint, verify_keys[place])):
            return place
    return None
