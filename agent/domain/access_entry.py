"""One entry of the access log as bytes: what is hashed, what is chained, what can be erased.

An entry's body is one line of JSON, ASCII spaces nowhere, keys in this order:

    {"omokage-access":1,"at":"2026-11-25T10:00:30.000000Z","prev":"64 hex","actor":"64 hex",
    "note":"64 hex","n":17,"role":"reviewer","action":"unlocked","decision":"allowed",
    "purpose":"...","objects":["..."],"counts":{"...":1}}

(without the line breaks). The first five values have a fixed width, so a verifier finds them by
position. The entry's hash is SHA-256 over one zero byte and the body: the leaf hash of RFC 6962,
section 2.1. `prev` is the hash of the entry before, so the entries are a chain; the first entry
follows `first_link` of the log's random id. `n` counts from 1.

`actor` and `note` stand in the body only as commitments: SHA-256 over a label, 32 random bytes and
the text. The text and its random bytes lie beside the body. Without both, nobody can tell what was
committed to, not even by trying names; so they can be erased while the chain still holds. A note
that was never written is 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from agent.domain.access import AccessEvent, Action, Decision, Role

LAYOUT = 1
HASH_BYTES = 32
SALT_BYTES = 32
LOG_ID_BYTES = 16
MAX_BODY_BYTES = 1 << 18

LEAF = b"\0"
"""What stands before a body when it is hashed (RFC 6962, section 2.1)."""
NO_TEXT = b"0" * 64
"""Stands for a note that was never written."""
ACTOR_LABEL = b"omokage/access-actor/1\0"
NOTE_LABEL = b"omokage/access-note/1\0"
_LOG_LABEL = b"omokage/access-log/1\0"

_HEAD = b'{"omokage-access":%d,"at":"' % LAYOUT
_AT = len(_HEAD)
AT = slice(_AT, _AT + 27)
PREVIOUS = slice(AT.stop + len(b'","prev":"'), AT.stop + len(b'","prev":"') + 64)
ACTOR = slice(PREVIOUS.stop + len(b'","actor":"'), PREVIOUS.stop + len(b'","actor":"') + 64)
NOTE = slice(ACTOR.stop + len(b'","note":"'), ACTOR.stop + len(b'","note":"') + 64)
NUMBER = NOTE.stop + len(b'",')
"""Where `"n":` begins."""


class EntryRow(NamedTuple):
    """An entry as it is stored; whatever a broken or forged database holds, so unchecked.

    Attributes:
        number: its place in the log, from 1.
        body: see the module's head.
        hash: of the body, as it was when it was written.
        actor: UTF-8; None once erased.
        actor_salt: 32 random bytes; None once erased.
        note: UTF-8; None once erased, or where there was none.
        note_salt: 32 random bytes; None once erased, or where there was none.
    """

    number: int
    body: bytes
    hash: bytes
    actor: bytes | None
    actor_salt: bytes | None
    note: bytes | None
    note_salt: bytes | None


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """An entry as a person reads it.

    Attributes:
        number: its place in the log, from 1.
        event: what happened; actor or note are "" where they were erased.
        actor_erased: whether the actor's name was erased.
        note_erased: whether a note was erased.
        hash: of the body, 32 bytes.
    """

    number: int
    event: AccessEvent
    actor_erased: bool
    note_erased: bool
    hash: bytes


def first_link(log_id: bytes) -> bytes:
    """Return what the first entry of a log follows.

    Args:
        log_id: 16 random bytes, drawn when the log is created.
    """
    return hashlib.sha256(_LOG_LABEL + log_id).digest()


def entry_hash(body: bytes) -> bytes:
    """Return an entry's hash, 32 bytes."""
    return hashlib.sha256(LEAF + body).digest()


def commitment(label: bytes, salt: bytes, text: bytes) -> bytes:
    """Return the commitment to a personal text, 64 hexadecimal digits."""
    return hashlib.sha256(label + salt + text).hexdigest().encode()


def write_entry(
    event: AccessEvent, number: int, previous: bytes, *, actor_salt: bytes, note_salt: bytes
) -> EntryRow:
    """Turn an event into the log's next entry.

    Args:
        event: what happened.
        number: of the entry, from 1.
        previous: hash of the entry before, or `first_link`.
        actor_salt: 32 random bytes, fresh for this entry.
        note_salt: 32 more.

    Raises:
        ValueError: the time is naive, a text isn't Unicode, a salt is too short, or the entry
            is larger than `MAX_BODY_BYTES`.
    """
    if event.at.tzinfo is None:
        raise ValueError("an entry's time has a time zone")
    if len(actor_salt) != SALT_BYTES or len(note_salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    actor, note = event.actor.encode(), event.note.encode()
    fields = {
        "omokage-access": LAYOUT,
        "at": instant_text(event.at),
        "prev": previous.hex(),
        "actor": commitment(ACTOR_LABEL, actor_salt, actor).decode(),
        "note": (commitment(NOTE_LABEL, note_salt, note) if note else NO_TEXT).decode(),
        "n": number,
        "role": event.role.value,
        "action": event.action.value,
        "decision": event.decision.value,
        "purpose": event.purpose,
        "objects": list(event.objects),
        "counts": {name: int(event.counts[name]) for name in sorted(event.counts)},
    }
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > MAX_BODY_BYTES:
        raise ValueError("an entry of the access log is too large")
    return EntryRow(
        number, body, entry_hash(body), actor, actor_salt,
        note or None, note_salt if note else None,
    )  # fmt: skip


def read_entry(row: EntryRow) -> AccessEntry:
    """Turn a stored entry into what a person reads; says nothing about whether it is genuine.

    Raises:
        ValueError: the body isn't one.
    """
    try:
        fields: dict[str, Any] = json.loads(row.body)
        event = AccessEvent(
            at=datetime.fromisoformat(fields["at"]).astimezone(UTC),
            actor=_text(row.actor),
            role=Role(fields["role"]),
            action=Action(fields["action"]),
            purpose=str(fields["purpose"]),
            objects=tuple(str(o) for o in fields["objects"]),
            decision=Decision(fields["decision"]),
            counts={str(name): int(n) for name, n in fields["counts"].items()},
            note=_text(row.note),
        )
        note_erased = fields["note"].encode() != NO_TEXT and row.note is None
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"entry {row.number} can't be read") from error
    return AccessEntry(row.number, event, row.actor is None, note_erased, row.hash)


def instant_text(at: datetime) -> str:
    """Return an instant as an entry holds it: UTC, microseconds, 27 characters."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def to_ranges(numbers: Iterable[int]) -> list[str]:
    """Return numbers as ascending ranges: 3, 4, 5 and 9 become "3-5" and "9"."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return [f"{a}" if a == b else f"{a}-{b}" for a, b in ranges]


def from_ranges(ranges: Iterable[str]) -> list[range]:
    """Return what `to_ranges` wrote.

    Raises:
        ValueError: one isn't a range of numbers.
    """
    found = []
    for text in ranges:
        first, _, last = text.partition("-")
        found.append(range(int(first), int(last or first) + 1))
    return found


def _text(stored: bytes | None) -> str:
    return "" if stored is None else stored.decode("utf-8", "replace")
