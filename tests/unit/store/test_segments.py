"""The store keeps what it acknowledged, hands it back unchanged, and refuses contradictions."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from agent.domain.segment import FIRST_LINK, counter_nonce
from agent.errors import SchemaTooNew, SegmentTampered, SegmentTruncated, StoreError, StoreFull
from agent.store.segments import Purge, SegmentReader, SegmentStore
from agent.store.tables import BUCKETS
from tests.forging import edit
from tests.sealing import BUCKET_START, DELETE_BY, NOW, bucket, expire, opener, records, verifier

HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database will lie."""
    return tmp_path / "segments.sqlite"


@pytest.fixture
def store(path: Path):
    """Return an empty store."""
    with SegmentStore(path) as made:
        yield made


def fill(store: SegmentStore, count: int = 3, **where):
    """Append a bucket of some segments and return its writer and the segments."""
    writer = bucket(**where)
    segments = [writer.seal(records(20, seed=i)) for i in range(count)]
    for segment in segments:
        store.append(segment, writer.sealed_key)
    return writer, segments


def test_a_bucket_comes_back_unchanged(store) -> None:
    """Header, nonce, ciphertext, link, signature and key are what was appended."""
    writer, segments = fill(store)

    (found,) = store.buckets()

    assert tuple(segments) == found.segments
    assert writer.sealed_key == found.key
    assert list(store.segments()) == segments


def test_a_stored_bucket_opens(store) -> None:
    """What is read from the disk still satisfies the reader."""
    fill(store)

    (found,) = store.buckets()

    assert len(opener().open_bucket(found.segments, found.key, verifier(), now=NOW)) == 60


def test_the_same_segment_twice_is_one(store) -> None:
    """Appending again, after a lost acknowledgement, changes nothing."""
    writer, segments = fill(store)

    again = store.append(segments[0], writer.sealed_key)

    assert again is False
    assert store.count() == 3


def test_a_reopened_database_has_everything(path: Path) -> None:
    """Closing and opening loses nothing."""
    with SegmentStore(path) as first:
        _, segments = fill(first)

    with SegmentStore(path) as second:
        assert list(second.segments()) == segments


def test_buckets_are_chosen_by_zone_and_time(store) -> None:
    """The reader gets the buckets it asks for, in order of time."""
    fill(store, 1, zone="till", start=BUCKET_START + HOUR)
    fill(store, 1, zone="door", start=BUCKET_START)
    fill(store, 1, zone="door", start=BUCKET_START + HOUR)

    def starts(**choice):
        chosen = [b.segments[0].header for b in store.buckets(**choice)]
        return [(h.zone, (h.bucket_start - BUCKET_START) // HOUR) for h in chosen]

    assert starts() == [("door", 0), ("door", 1), ("till", 1)]
    assert starts(zone="till") == [("till", 1)]
    assert starts(since=BUCKET_START + HOUR) == [("door", 1), ("till", 1)]
    assert starts(until=BUCKET_START + HOUR) == [("door", 0)]


def test_another_segment_under_the_same_number_is_refused(store) -> None:
    """A number is given once; the first segment stays."""
    writer, segments = fill(store)
    other = replace(segments[0], signature=bytes(64))

    with pytest.raises(StoreError, match="another segment"):
        store.append(other, writer.sealed_key)
    assert next(store.segments()) == segments[0]


@pytest.mark.parametrize(
    "change",
    [{"zone": "till"}, {"models": ()}, {"policy_digest": "cd" * 32}, {"bucket_seconds": 60}],
)
def test_a_header_that_contradicts_its_bucket_is_refused(store, change) -> None:
    """What a bucket's segments have in common can't change within it."""
    writer, _ = fill(store, 1)
    odd = writer.seal(records(2))

    with pytest.raises(StoreError, match="contradicts"):
        store.append(replace(odd, header=replace(odd.header, **change)), writer.sealed_key)
    assert store.count() == 1


def test_another_sealed_key_under_the_same_name_is_refused(store) -> None:
    """A bucket's key can't be exchanged."""
    writer, _ = fill(store, 1)
    exchanged = replace(writer.sealed_key, wrapped=bucket().sealed_key.wrapped)

    with pytest.raises(StoreError, match="contradicts"):
        store.append(writer.seal(records(2)), exchanged)


def test_a_segment_with_a_foreign_key_is_refused(store) -> None:
    """A segment isn't stored beside a key that can't open it."""
    segment = bucket().seal(records(2))

    with pytest.raises(StoreError, match="isn't that"):
        store.append(segment, bucket().sealed_key)
    assert store.count() == 0
    assert list(store.buckets()) == []


def test_a_key_that_outlives_its_bucket_is_refused(store) -> None:
    """Key and header name the same deadline."""
    writer = bucket()
    later = replace(writer.sealed_key, delete_by=DELETE_BY + HOUR)

    with pytest.raises(StoreError, match="isn't that"):
        store.append(writer.seal(records(2)), later)


def test_a_nonce_that_is_not_the_counter_is_refused(store) -> None:
    """The nonce isn't stored, so it must be the number."""
    writer = bucket()
    odd = replace(writer.seal(records(2)), nonce=counter_nonce(9))

    with pytest.raises(StoreError, match="nonce"):
        store.append(odd, writer.sealed_key)


def test_a_first_segment_that_fails_leaves_no_key(store) -> None:
    """Key and first segment come together or not at all."""
    writer = bucket()
    segment = writer.seal(records(2))
    with pytest.raises(StoreError):
        store.append(replace(segment, signature=None), writer.sealed_key)

    assert list(store.buckets()) == []


def test_expiry_takes_what_is_due_and_nothing_else(store) -> None:
    """At its deadline a bucket goes, key and segments; a later one stays."""
    fill(store, 3)
    fill(store, 2, start=BUCKET_START + HOUR)

    purge = expire(store, DELETE_BY)

    assert purge == Purge(keys=1, segments=3, wal_truncated=True)
    assert store.count() == 2


def test_nothing_expires_early(store) -> None:
    """One second before its deadline a bucket is whole."""
    fill(store)

    purge = expire(store, DELETE_BY - timedelta(seconds=1))

    assert purge == Purge(keys=0, segments=0, wal_truncated=True)
    assert store.count() == 3


def test_expiring_twice_is_expiring_once(store) -> None:
    """A second purge finds nothing."""
    fill(store)
    expire(store, DELETE_BY)

    assert Purge(0, 0, wal_truncated=True) == expire(store, DELETE_BY)


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    """A database of a later Omokage isn't opened, by writer or reader, nor changed."""
    with SegmentStore(path) as made:
        fill(made)
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET number = 9 WHERE name = 'schema'")
    raw.close()
    before = path.read_bytes()

    with pytest.raises(SchemaTooNew):
        SegmentStore(path)
    with pytest.raises(SchemaTooNew):
        SegmentReader(path)
    assert before == path.read_bytes()


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE other (x)", "CREATE TABLE meta (name, number)"]
)
def test_somebody_elses_database_is_refused(path: Path, statement: str) -> None:
    """A SQLite file without our schema row isn't written to."""
    with sqlite3.connect(path) as raw:
        raw.execute(statement)
    raw.close()

    with pytest.raises(StoreError, match="isn't Omokage's"):
        SegmentStore(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """Noise is refused with the store's own error."""
    path.write_bytes(b"not a database, but long enough to look like one" * 100)

    with pytest.raises(StoreError):
        SegmentStore(path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """The store doesn't make folders where nobody asked for them."""
    with pytest.raises(StoreError, match="can't open"):
        SegmentStore(tmp_path / "none" / "segments.sqlite")


def test_a_missing_database_is_not_made_by_reading(path: Path) -> None:
    """A reader finds nothing, and leaves no file behind."""
    with SegmentReader(path) as reader:
        assert [] == reader.holdings()

    assert not path.exists()


def fill_up(store: SegmentStore, writer) -> int:
    """Append until the store refuses; return how many segments it acknowledged."""
    for acknowledged in range(1000):
        try:
            store.append(writer.seal(records(200)), writer.sealed_key)
        except StoreFull:
            return acknowledged
    raise AssertionError("the cap doesn't hold")


def test_a_full_database_says_so_and_can_still_delete(path: Path) -> None:
    """At its cap the store refuses to grow, keeps what it acknowledged, and expires it."""
    with SegmentStore(path, max_bytes=96 * 1024) as store:
        writer = bucket()
        acknowledged = fill_up(store, writer)

        assert store.count() == acknowledged > 5
        assert path.stat().st_size <= 96 * 1024
        assert Purge(1, acknowledged, wal_truncated=True) == expire(store, DELETE_BY)
        assert store.append(writer.seal(records(1)), writer.sealed_key)


def test_the_file_is_for_its_owner_only(path: Path, store) -> None:
    """Database and log are 0600 whatever the umask is."""
    fill(store)

    modes = {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}

    assert modes == {0o600}


def test_a_reader_sees_what_is_stored(path: Path, store) -> None:
    """A second connection reads while the writer is open."""
    _, segments = fill(store)

    with SegmentReader(path) as reader:
        assert [s for b in reader.buckets() for s in b.segments] == segments


def test_a_reader_works_after_the_writer_is_gone(path: Path) -> None:
    """The reviewer can read when the agent is down."""
    with SegmentStore(path) as made:
        _, segments = fill(made)

    with SegmentReader(path) as reader:
        assert [s for b in reader.buckets() for s in b.segments] == segments


def test_a_reader_cannot_write(path: Path, store) -> None:
    """The reader's connection refuses every change."""
    fill(store)

    with (
        SegmentReader(path) as reader,
        reader._engine.connect() as connection,
        pytest.raises(Exception, match="readonly"),
    ):
        connection.exec_driver_sql("DELETE FROM segments")


def test_a_slow_reader_holds_no_transaction(path: Path, store) -> None:
    """Between two buckets a reader blocks no purge."""
    fill(store)
    fill(store, start=BUCKET_START + HOUR)
    with SegmentReader(path) as reader:
        slow = reader.buckets()
        next(slow)

        assert expire(store, DELETE_BY + HOUR).wal_truncated
        assert list(slow) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE buckets SET zone = 'till'",
        "UPDATE buckets SET delete_by = delete_by + 86400",
        "UPDATE buckets SET device = 'camera-2'",
        "UPDATE segments SET records = records + 1",
        "UPDATE segments SET sequence = 9 WHERE sequence = 2",
    ],
)
def test_a_row_that_was_edited_does_not_open(path: Path, store, statement: str) -> None:
    """Every clear column is authenticated when the segment is opened."""
    fill(store)
    edit(path, statement)

    (found,) = store.buckets()
    with pytest.raises((SegmentTampered, SegmentTruncated)):
        opener().open_bucket(found.segments, found.key, verifier(), now=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE buckets SET bucket_seconds = 0",
        "UPDATE buckets SET delete_by = 0",
        "UPDATE buckets SET policy_digest = 'abc'",
        "UPDATE buckets SET key_id = x'00'",
        "UPDATE buckets SET bucket_start = 99999999999999999",
        "UPDATE segments SET records = 100000",
    ],
)
def test_a_row_that_is_no_segment_is_refused(path: Path, store, statement: str) -> None:
    """Impossible columns are an error of the store's own, not a crash."""
    fill(store)
    edit(path, statement)

    with pytest.raises(StoreError, match="isn't a segment's"):
        list(store.buckets())


def test_messages_hold_no_values(path: Path) -> None:
    """An error names the database and SQLite's code, never a statement or its values."""
    path.write_bytes(b"not a database, but long enough to look like one" * 100)

    with pytest.raises(StoreError) as caught:
        SegmentStore(path)

    assert "SELECT" not in str(caught.value)
    assert str(path.parent) not in str(caught.value)


def close(store: SegmentStore, count: int = 3, **where):
    """Append a bucket of some flushes, close it, and return its key and both kinds."""
    writer, flushes = fill(store, count, **where)
    closing = writer.finish()
    replaced = store.close_bucket(writer.sealed_key, closing)
    assert replaced == count
    return writer.sealed_key, flushes, closing


def test_a_closed_bucket_is_its_closing_segments(store) -> None:
    """The flushes are gone, the records are all there."""
    key, _, closing = close(store)

    (found,) = store.buckets()

    assert tuple(closing) == found.segments
    assert len(opener().open_bucket(found.segments, key, verifier(), now=NOW)) == 60
    assert [h.rows for h in store.holdings()] == [60]


def test_closing_twice_changes_nothing(store) -> None:
    """After a lost acknowledgement the same closing can be tried again."""
    key, _, closing = close(store)

    assert store.close_bucket(key, closing) == 0
    assert store.count() == 1


def test_a_late_second_closing_does_not_move_the_end_back(store) -> None:
    """The zone's end stays where the next bucket put it."""
    key, _, closing = close(store)
    _, after = fill(store, 1, start=BUCKET_START + HOUR, previous=closing[0].link)

    store.close_bucket(key, closing)

    assert store.last_link("door") == after[0].link


def test_a_closed_bucket_takes_no_flush(store) -> None:
    """A late segment would be counted twice or lost: it is refused."""
    key, flushes, closing = close(store)

    with pytest.raises(StoreError, match="closed"):
        store.append(flushes[0], key)
    assert list(store.segments()) == closing


def test_a_closing_segment_is_not_appended(store) -> None:
    """A bucket is closed as a whole or not at all."""
    writer, flushes = fill(store)
    (closing,) = writer.finish()

    with pytest.raises(StoreError, match="closing"):
        store.append(closing, writer.sealed_key)
    assert list(store.segments()) == flushes


@pytest.mark.parametrize("what", ["nothing", "flushes", "twice", "another key"])
def test_anything_but_a_whole_closing_is_refused(store, what: str) -> None:
    """The flushes stay until the right segments replace them."""
    writer, flushes = fill(store)
    closing = writer.finish()
    wrong = {
        "nothing": [],
        "flushes": flushes,
        "twice": closing * 2,
        "another key": closing,
    }[what]
    key = bucket().sealed_key if what == "another key" else writer.sealed_key

    with pytest.raises(StoreError):
        store.close_bucket(key, wrong)
    assert list(store.segments()) == flushes


def test_another_closing_of_the_same_bucket_is_refused(store) -> None:
    """What closed a bucket stays."""
    key, _, closing = close(store)
    other = replace(closing[0], signature=bytes(64))

    with pytest.raises(StoreError, match="another segment"):
        store.close_bucket(key, [other])
    assert list(store.segments()) == closing


def test_the_zones_end_is_remembered(store, path: Path) -> None:
    """The next bucket follows the last stored segment, also after that was purged."""
    assert store.last_link("door") == FIRST_LINK
    writer, flushes = fill(store)
    assert store.last_link("door") == flushes[-1].link

    (closing,) = writer.finish()
    store.close_bucket(writer.sealed_key, [closing])
    store.purge([writer.sealed_key.key_id.hex()])

    assert store.last_link("door") == closing.link
    assert store.last_link("till") == FIRST_LINK
    with SegmentReader(path) as reader:
        assert reader.last_link("door") == closing.link


def test_a_refused_segment_is_no_end(store) -> None:
    """What wasn't stored isn't followed."""
    writer, flushes = fill(store, 1)
    lost = writer.seal(records(2))

    with pytest.raises(StoreError):
        store.append(replace(lost, header=replace(lost.header, zone="till")), writer.sealed_key)
    assert store.last_link("door") == flushes[0].link
    assert store.last_link("till") == FIRST_LINK


def test_holdings_tell_what_is_kept(store, path: Path) -> None:
    """A holding names zone, time, size and deadline of one bucket; reader and writer agree."""
    writer, segments = fill(store, zone="till")

    (held,) = store.holdings()

    assert (held.id, held.tier, held.zone) == (writer.sealed_key.key_id.hex(), "records", "till")
    assert (held.start, held.end) == (BUCKET_START, BUCKET_START + HOUR)
    assert (held.rows, held.epoch) == (60, segments[0].header.epoch)
    assert held.delete_by == DELETE_BY
    assert held.stored_bytes > sum(len(s.ciphertext) for s in segments) + 1168
    with SegmentReader(path) as reader:
        assert reader.holdings() == [held]


def test_a_deadline_comes_nearer_and_never_goes_away(store) -> None:
    """`lower` takes the earlier one, again and again, and counts what changed."""
    writer, _ = fill(store, 1)
    id_ = writer.sealed_key.key_id.hex()
    nearer = DELETE_BY - HOUR

    assert store.lower({id_: nearer}) == 1
    assert store.lower({id_: nearer}) == 0
    assert store.lower({id_: DELETE_BY + HOUR}) == 0
    assert store.lower({id_: nearer + timedelta(seconds=1)}) == 0

    assert [h.delete_by for h in store.holdings()] == [nearer]
    assert [b.deadline for b in store.buckets()] == [nearer]


def test_unknown_ids_are_passed_over(store) -> None:
    """What is gone already, or belongs to another tier, is no error."""
    fill(store, 1)

    assert store.lower({"ab" * 16: NOW, "cell:door:1": NOW}) == 0
    assert store.purge(["ab" * 16, "cell:door:1", "quarantine:none"]) == Purge(
        0, 0, wal_truncated=True
    )
    assert store.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE buckets SET lowered = delete_by + 86400",
        "UPDATE buckets SET lowered = 99999999999",
    ],
)
def test_an_edited_deadline_extends_nothing(path: Path, store, statement: str) -> None:
    """Whoever edits the column can't put a deletion off."""
    fill(store, 1)
    edit(path, statement)

    assert [h.delete_by for h in store.holdings()] == [DELETE_BY]
    assert [b.deadline for b in store.buckets()] == [DELETE_BY]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE buckets SET delete_by = delete_by + 1",
        "UPDATE buckets SET delete_by = delete_by - 1",
        "UPDATE buckets SET zone = 'till'",
        "UPDATE buckets SET wrapped = x'00'",
        "UPDATE buckets SET wrapped = randomblob(length(wrapped))",
        "UPDATE buckets SET lowered = delete_by + 1",
        "UPDATE buckets SET lowered = NULL",
        "UPDATE segments SET ciphertext = zeroblob(9)",
        "UPDATE segments SET records = records + 1",
        "UPDATE quarantine SET delete_by = delete_by + 1",
    ],
)
def test_the_database_itself_refuses_a_change(path: Path, store, statement: str) -> None:
    """No program that leaves the rules in place can put a deadline off or change what is sealed."""
    writer, _ = fill(store)
    store.lower({writer.sealed_key.key_id.hex(): DELETE_BY - HOUR})
    aside = "INSERT INTO quarantine VALUES ('segments.corrupt-1.sqlite', 0, 1, 2)"
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(aside)

    refusal = pytest.raises(sqlite3.IntegrityError, match=r"never changes|comes nearer")
    with refusal, closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(statement)


def test_expiry_keeps_to_the_lowered_deadline(store) -> None:
    """A shorter policy deletes what was collected under a longer one."""
    writer, _ = fill(store, 2)
    _, kept = fill(store, 1, zone="till")
    store.lower({writer.sealed_key.key_id.hex(): NOW})

    assert Purge(1, 2, wal_truncated=True) == expire(store, NOW)
    assert list(store.segments()) == kept


def test_a_purge_takes_what_it_is_given_and_no_more(store) -> None:
    """Ids decide, not deadlines: the plan is made elsewhere."""
    due, _ = fill(store, 2)
    _, kept = fill(store, 3, zone="till")

    purge = store.purge([due.sealed_key.key_id.hex()])

    assert Purge(1, 2, wal_truncated=True) == purge
    assert list(store.segments()) == kept


def test_many_buckets_are_purged_at_once(store) -> None:
    """More ids than a statement takes are still one purge."""
    ids = [bytes(14) + i.to_bytes(2, "big") for i in range(1200)]
    writer, _ = fill(store, 1)
    with store._engine.begin() as connection:
        row = connection.execute(select(BUCKETS)).one()._asdict()
        del row["id"]
        connection.execute(insert(BUCKETS), [{**row, "key_id": id_} for id_ in ids])

    assert store.purge([id_.hex() for id_ in ids]).keys == 1200
    assert [h.id for h in store.holdings()] == [writer.sealed_key.key_id.hex()]
