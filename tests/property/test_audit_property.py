"""Whatever was written: any change of it is found, and what may be done to it is no finding."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.audit.checkpoint import (
    PRUNED,
    Checkpoint,
    Witness,
    find_checkpoints,
    origin_of,
    sign_checkpoint,
)
from agent.audit.findings import Kind, Verdict
from agent.audit.merkle import Tree
from agent.audit.verify import Pruned, verify
from agent.domain.access import AccessEvent, Action, Decision, Role
from agent.domain.access_entry import (
    EntryRow,
    entry_hash,
    first_link,
    from_ranges,
    read_entry,
    to_ranges,
    write_entry,
)
from tests.logs import OTHER_SIGNER, SIGNER, VERIFY_KEY

LOG_ID = bytes(range(16))
ORIGIN = origin_of(LOG_ID)

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
events = st.builds(
    AccessEvent,
    at=st.integers(0, 10**16).map(lambda us: EARLIEST + timedelta(microseconds=us // 30)),
    actor=texts,
    role=st.sampled_from(Role),
    action=st.sampled_from([a for a in Action if a is not Action.ERASED]),
    purpose=texts,
    objects=st.lists(texts, max_size=3).map(tuple),
    decision=st.sampled_from(Decision),
    counts=st.dictionaries(texts, st.integers(-(2**40), 2**40), max_size=2),
    note=texts,
)


def salt(number: int, name: str) -> bytes:
    """Return 32 bytes that no other text has."""
    return hashlib.sha256(f"{number} {name}".encode()).digest()


def append(rows: list[EntryRow], event: AccessEvent) -> None:
    """Write the next entry, as the log does."""
    number = rows[-1].number + 1 if rows else 1
    previous = rows[-1].hash if rows else first_link(LOG_ID)
    rows.append(
        write_entry(
            event, number, previous, actor_salt=salt(number, "a"), note_salt=salt(number, "n")
        )
    )


@dataclass(frozen=True)
class Log:
    """A log and the checkpoints that somebody else keeps, by size."""

    rows: list[EntryRow]
    notes: dict[int, str]

    def witnesses(self, *sizes: int) -> list[Witness]:
        """Return the checkpoints of these sizes, or all."""
        chosen = sizes or tuple(self.notes)
        return [w for size in chosen for w in find_checkpoints(self.notes[size], "paper")]


def signed(rows: list[EntryRow], size: int, signer: Ed25519PrivateKey = SIGNER) -> str:
    """Sign the first entries of a log."""
    return sign_checkpoint(Checkpoint(ORIGIN, size, tree_of(rows[:size]).root()), signer)


def tree_of(rows: list[EntryRow]) -> Tree:
    """Return the Merkle tree over entries."""
    tree = Tree()
    for row in rows:
        tree.add(entry_hash(row.body))
    return tree


@st.composite
def logs(draw: st.DrawFn, least: int = 1) -> Log:
    """Draw a log with a checkpoint after each entry."""
    rows: list[EntryRow] = []
    for event in draw(st.lists(events, min_size=least, max_size=9)):
        append(rows, event)
    return Log(rows, {size: signed(rows, size) for size in range(1, len(rows) + 1)})


def judge(rows: list[EntryRow], witnesses: list[Witness], **more: Pruned | None) -> Verdict:
    """Verify rows."""
    return verify(rows, witnesses, (VERIFY_KEY,), log_id=LOG_ID, **more)


def rechained(rows: list[EntryRow]) -> list[EntryRow]:
    """Return rows numbered and linked anew, as a forger would who knows all but the key."""
    made: list[EntryRow] = []
    previous = first_link(LOG_ID)
    for number, row in enumerate(rows, 1):
        head, _, tail = row.body.partition(b'"prev":"')
        body = head + b'"prev":"' + previous.hex().encode() + tail[64:]
        head, _, tail = body.partition(b'"n":')
        body = head + b'"n":%d' % number + tail[tail.index(b",") :]
        previous = entry_hash(body)
        made.append(row._replace(number=number, body=body, hash=previous))
    return made


def fatal(verdict: Verdict) -> set[Kind]:
    """Return what was found, but for clocks."""
    return {finding.kind for finding in verdict.findings if finding.kind.fatal}


@given(logs())
def test_what_was_written_holds(log: Log) -> None:
    """No sequence of events is a finding, and every checkpoint of it fits."""
    verdict = judge(log.rows, log.witnesses())

    assert set() == fatal(verdict)
    assert (len(log.rows),) * 2 == (verdict.checkpoints, verdict.covered)


@given(events)
def test_an_event_survives_being_written(event: AccessEvent) -> None:
    """Every event comes back from its bytes."""
    row = write_entry(event, 1, bytes(32), actor_salt=salt(1, "a"), note_salt=salt(1, "n"))

    assert event == read_entry(row).event


@given(logs(), st.data())
def test_any_changed_byte_is_found(log: Log, data: st.DataObject) -> None:
    """One bit of a body, a name, a note or what hides them can't change unseen."""
    place = data.draw(st.integers(0, len(log.rows) - 1))
    row = log.rows[place]
    field = data.draw(
        st.sampled_from([n for n in EntryRow._fields[1:] if getattr(row, n)]), "field"
    )
    value: bytes = getattr(row, field)
    bit = data.draw(st.integers(0, len(value) * 8 - 1), "bit")
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    rows = log.rows.copy()
    rows[place] = row._replace(**{field: bytes(changed)})

    assert fatal(judge(rows, []))


@given(logs(), st.data())
def test_an_edit_with_a_new_chain_is_found_by_any_later_checkpoint(
    log: Log, data: st.DataObject
) -> None:
    """Who rewrites everything from an entry on is found by each checkpoint from there on."""
    place = data.draw(st.integers(0, len(log.rows) - 1), "place")
    other = data.draw(events, "instead")
    rows = log.rows.copy()
    number = place + 1
    rows[place] = write_entry(
        other, number, bytes(32), actor_salt=salt(number, "x"), note_salt=salt(number, "y")
    )
    size = data.draw(st.integers(number, len(rows)), "checkpoint")

    assert {Kind.REWRITTEN} == fatal(judge(rechained(rows), log.witnesses(size)))


@given(logs(least=2), st.data())
def test_a_deletion_is_found(log: Log, data: st.DataObject) -> None:
    """A gap is found at once; a closed one by the links; a new chain by a checkpoint."""
    place = data.draw(st.integers(0, len(log.rows) - 2), "place")
    rest = log.rows[:place] + log.rows[place + 1 :]
    renumbered = [row._replace(number=i) for i, row in enumerate(rest, 1)]
    size = data.draw(st.integers(place + 1, len(log.rows)), "checkpoint")

    assert fatal(judge(rest, []))
    assert fatal(judge(renumbered, []))
    assert fatal(judge(rechained(rest), log.witnesses(size)))


@given(logs(), events, st.data())
def test_an_insertion_is_found(log: Log, event: AccessEvent, data: st.DataObject) -> None:
    """A new entry between others is found by the links; in a new chain by a checkpoint."""
    place = data.draw(st.integers(0, len(log.rows) - 1), "place")
    new = write_entry(
        event, place + 1, log.rows[place - 1].hash if place else first_link(LOG_ID),
        actor_salt=salt(0, "x"), note_salt=salt(0, "y"),
    )  # fmt: skip
    rows = [*log.rows[:place], new, *log.rows[place:]]
    renumbered = [row._replace(number=i) for i, row in enumerate(rows, 1)]
    size = data.draw(st.integers(place + 1, len(log.rows)), "checkpoint")

    assert fatal(judge(renumbered, []))
    assert {Kind.REWRITTEN} == fatal(judge(rechained(rows), log.witnesses(size)))


@given(logs(least=2), st.data())
def test_an_exchange_is_found(log: Log, data: st.DataObject) -> None:
    """Two entries that change places are found; in a new chain by a checkpoint."""
    a, b = sorted(
        data.draw(st.lists(st.integers(0, len(log.rows) - 1), min_size=2, max_size=2, unique=True))
    )
    rows = log.rows.copy()
    rows[a], rows[b] = rows[b], rows[a]
    renumbered = [row._replace(number=i) for i, row in enumerate(rows, 1)]
    assume(rechained(rows)[a].body != log.rows[a].body)
    size = data.draw(st.integers(a + 1, len(rows)), "checkpoint")

    assert fatal(judge(renumbered, []))
    assert {Kind.REWRITTEN} == fatal(judge(rechained(rows), log.witnesses(size)))


@given(logs(), st.data())
def test_a_cut_below_a_checkpoint_is_found(log: Log, data: st.DataObject) -> None:
    """However much of the end goes, a checkpoint that reaches beyond it finds that."""
    left = data.draw(st.integers(0, len(log.rows) - 1), "left")
    size = data.draw(st.integers(left + 1, len(log.rows)), "checkpoint")

    assert {Kind.TRUNCATED} == fatal(judge(log.rows[:left], log.witnesses(size)))


@given(logs(), st.lists(events, min_size=1, max_size=9), st.data())
def test_an_older_copy_that_went_on_is_found(
    log: Log, later: list[AccessEvent], data: st.DataObject
) -> None:
    """A copy from the past that new entries were added to isn't what was signed."""
    kept = data.draw(st.integers(0, len(log.rows) - 1), "copied")
    rows = log.rows[:kept]
    for event in later:
        append(rows, event)
    size = data.draw(st.integers(kept + 1, len(log.rows)), "checkpoint")
    assume([r.body for r in rows[:size]] != [r.body for r in log.rows[:size]])

    assert fatal(judge(rows, log.witnesses(size))) in ({Kind.TRUNCATED}, {Kind.REWRITTEN})


@given(logs(), st.data())
def test_a_signature_by_another_key_is_found(log: Log, data: st.DataObject) -> None:
    """A true checkpoint that somebody else signed is as good as none."""
    size = data.draw(st.integers(1, len(log.rows)))
    forged = find_checkpoints(signed(log.rows, size, OTHER_SIGNER), "paper")

    assert {Kind.WRONG_KEY} == fatal(judge(log.rows, forged))


@given(logs(), st.integers(1, 2**60))
def test_a_checkpoint_of_another_log_is_found(log: Log, other: int) -> None:
    """A log can't be judged by a checkpoint of another, even under the same key."""
    origin = origin_of(other.to_bytes(16, "big"))
    root = tree_of(log.rows).root()
    note = sign_checkpoint(Checkpoint(origin, len(log.rows), root), SIGNER)

    assert {Kind.OTHER_LOG} == fatal(judge(log.rows, find_checkpoints(note, "paper")))


@given(logs(), st.data())
def test_any_recorded_erasure_is_no_finding(log: Log, data: st.DataObject) -> None:
    """Any set of names and notes may go; all checkpoints still fit."""
    numbers = st.sets(st.integers(1, len(log.rows)))
    actors, notes = data.draw(numbers, "actors"), data.draw(numbers, "notes")
    rows = log.rows.copy()
    append(rows, erasure(actors, notes))
    rows = [erased(r, actors, notes) for r in rows]

    verdict = judge(rows, log.witnesses())

    assert set() == fatal(verdict)
    assert len(log.rows) == verdict.covered


@given(logs(), st.data())
def test_an_erasure_beyond_the_recorded_one_is_found(log: Log, data: st.DataObject) -> None:
    """A name that is gone and that no entry speaks of is a finding at that entry."""
    told = data.draw(st.sets(st.integers(1, len(log.rows))), "told")
    stolen = data.draw(st.integers(1, len(log.rows)), "stolen")
    assume(stolen not in told)
    rows = log.rows.copy()
    append(rows, erasure(told, set()))
    rows = [erased(r, told | {stolen}, set()) for r in rows]

    findings = [f for f in judge(rows, log.witnesses()).findings if f.kind.fatal]

    assert [(Kind.ERASED_UNLOGGED, stolen)] == [(f.kind, f.entry) for f in findings]


def erasure(actors: set[int], notes: set[int]) -> AccessEvent:
    """Return the entry that says what was erased."""
    objects = [f"actor:{r}" for r in to_ranges(actors)] + [f"note:{r}" for r in to_ranges(notes)]
    return AccessEvent(
        datetime(2031, 1, 1, tzinfo=UTC),
        "office",
        Role.ADMIN,
        Action.ERASED,
        objects=tuple(objects),
    )


def erased(row: EntryRow, actors: set[int], notes: set[int]) -> EntryRow:
    """Return a row without its texts, where they are to go."""
    if row.number in actors:
        row = row._replace(actor=None, actor_salt=None)
    return row._replace(note=None, note_salt=None) if row.number in notes else row


def pruning(rows: list[EntryRow], size: int, signer: Ed25519PrivateKey) -> Pruned:
    """Return the signed note that the first entries are gone."""
    tree = tree_of(rows[:size])
    note = sign_checkpoint(Checkpoint(ORIGIN + PRUNED, size, tree.root()), signer)
    return Pruned(find_checkpoints(note, "the database")[0], tree.peaks)


@given(logs(), st.data())
def test_any_signed_pruning_is_no_finding(log: Log, data: st.DataObject) -> None:
    """However much of the old end goes, the rest holds and all checkpoints still fit."""
    size = data.draw(st.integers(1, len(log.rows)))

    verdict = judge(log.rows[size:], log.witnesses(), pruned=pruning(log.rows, size, SIGNER))

    assert set() == fatal(verdict)
    assert len(log.rows) == verdict.checkpoints


@given(logs(least=2), st.data())
def test_more_pruned_than_signed_for_is_found(log: Log, data: st.DataObject) -> None:
    """A note speaks for as many entries as it says."""
    size = data.draw(st.integers(1, len(log.rows) - 1), "signed")
    gone = data.draw(st.integers(size + 1, len(log.rows)), "gone")
    found = judge(log.rows[gone:], log.witnesses(), pruned=pruning(log.rows, size, SIGNER))

    assert fatal(found) & {Kind.MISSING, Kind.TRUNCATED}


@given(logs(), st.data())
def test_a_pruning_that_somebody_else_signed_is_found(log: Log, data: st.DataObject) -> None:
    """Only the device may say that entries are gone on time."""
    size = data.draw(st.integers(1, len(log.rows)))
    found = judge(log.rows[size:], [], pruned=pruning(log.rows, size, OTHER_SIGNER))

    assert {Kind.PRUNED_UNSIGNED} == fatal(found)


@given(logs(least=2), st.data())
def test_a_change_after_pruning_is_found(log: Log, data: st.DataObject) -> None:
    """What is left of a pruned log is held as firmly as a whole one."""
    size = data.draw(st.integers(1, len(log.rows) - 1), "pruned")
    place = data.draw(st.integers(size, len(log.rows) - 1), "place")
    rows = log.rows.copy()
    body = rows[place].body.replace(b'"decision":"', b'"decision":"x', 1)
    rows[place] = rows[place]._replace(body=body, hash=entry_hash(body))
    found = judge(rows[size:], log.witnesses(), pruned=pruning(log.rows, size, SIGNER))

    assert Kind.REWRITTEN in fatal(found)


@given(st.lists(st.integers(1, 60), max_size=30))
def test_clocks_are_told_and_never_fatal(minutes: list[int]) -> None:
    """Whatever the clock did, the log holds; each step back of more than half a minute is told."""
    rows: list[EntryRow] = []
    at = datetime(2026, 1, 1, tzinfo=UTC)
    times = [at + timedelta(minutes=m) for m in minutes]
    for time in times:
        append(rows, AccessEvent(time, "a", Role.AGENT, Action.STARTED))
    back = [i for i, (a, b) in enumerate(pairwise(times), 2) if b < a]

    verdict = judge(rows, [])

    assert verdict.sound
    assert back == [f.entry for f in verdict.findings]


@given(st.sets(st.integers(1, 10**9)))
def test_ranges_say_exactly_their_numbers(numbers: set[int]) -> None:
    """No number is added and none is lost."""
    assert numbers == {n for r in from_ranges(to_ranges(numbers)) for n in r}


JUNK = st.one_of(st.none(), st.integers(), st.binary(max_size=300), st.floats(), texts)


@given(logs(), st.tuples(st.integers(-5, 99), *[JUNK] * 6), st.data())
def test_a_row_of_anything_is_found_and_never_a_crash(
    log: Log, junk: tuple[object, ...], data: st.DataObject
) -> None:
    """Whatever a forger puts into the table, the verifier answers."""
    place = data.draw(st.integers(0, len(log.rows)))
    rows = sorted([*log.rows[:place], junk, *log.rows[place:]], key=lambda row: row[0])

    assert fatal(judge(rows, []))
