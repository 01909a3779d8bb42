"""A database that is damaged, gone or exchanged: nothing is lost sight of or glossed over."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from agent.domain.retention import Tier
from agent.errors import StoreCorrupt, StoreError, StoreMissing
from agent.store.identity import marker_of, start_over
from agent.store.recover import open_or_replace
from agent.store.segments import SegmentStore
from tests.forging import edit
from tests.sealing import BUCKET_START, DELETE_BY, NOW, bucket, expire, records
from tests.unit.store.test_holds import HOLD

LONGEST = timedelta(days=7, hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database will lie."""
    return tmp_path / "segments.sqlite"


def filled(path: Path, count: int = 30):
    """Write a database with one bucket and a hold; return the sealed segments."""
    with SegmentStore(path) as store:
        writer = bucket()
        segments = [writer.seal(records(60, seed=i)) for i in range(count)]
        for segment in segments:
            store.append(segment, writer.sealed_key)
        store.holds.place(HOLD)
        store.purge(())
    return segments


def damage_segments(path: Path) -> None:
    """Overwrite the last used page, where segments lie; the first pages stay."""
    with sqlite3.connect(path) as raw:
        pages = "SELECT max(pageno) FROM dbstat WHERE name = 'segments' AND pagetype = 'leaf'"
        try:
            (page,) = raw.execute(pages).fetchone()
        except sqlite3.OperationalError:  # built without that table
            page = path.stat().st_size // 4096
    raw.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)


def damage_head(path: Path) -> None:
    """Overwrite the beginning: nothing can be read any more."""
    with path.open("r+b") as file:
        file.write(b"\xa5" * 4096)


def cut_short(path: Path) -> None:
    """End the file in the middle, as a full disk or a broken copy does."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


DAMAGES = [damage_segments, damage_head, cut_short]


def reopen(path: Path, now=NOW):
    """Open as the agent does."""
    return open_or_replace(path, now=now, longest=LONGEST)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_not_written_to(path: Path, damage) -> None:
    """Opening refuses before anything is changed."""
    filled(path)
    damage(path)
    before = path.read_bytes()

    with pytest.raises(StoreCorrupt):
        SegmentStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_moved_aside_with_a_deadline(path: Path, damage) -> None:
    """The agent goes on with a new one, which knows the old one and until when it may stay."""
    filled(path)
    damage(path)
    raw = path.read_bytes()

    store, moved = reopen(path)
    with store:
        (aside,) = moved
        (held,) = store.holdings()
        assert path.with_name(aside.name).read_bytes() == raw
        assert store.count() == 0
        assert (held.tier, held.zone, held.stored_bytes) == (Tier.RECORDS, "", len(raw))
        assert held.delete_by == aside.delete_by <= NOW + LONGEST
        writer = bucket()
        assert store.append(writer.seal(records(3)), writer.sealed_key)


def test_what_can_be_read_is_taken_over(path: Path) -> None:
    """Deadline, oldest bucket and legal holds survive where their pages did."""
    filled(path)
    damage_segments(path)

    store, (aside,) = reopen(path)
    with store:
        assert aside.delete_by == DELETE_BY
        assert aside.start == BUCKET_START
        assert aside.holds == 1
        assert store.holds.all() == [HOLD]


def test_where_nothing_can_be_read_the_longest_life_counts(path: Path) -> None:
    """No bucket can be younger than the moment of moving."""
    filled(path)
    damage_head(path)

    store, (aside,) = reopen(path)
    store.close()
    assert aside.delete_by == NOW.replace(microsecond=0) + LONGEST
    assert aside.start == NOW - LONGEST


def test_a_deadline_in_a_damaged_file_is_not_trusted_beyond_the_longest(path: Path) -> None:
    """A garbled date can't keep the file for ever."""
    filled(path)
    edit(path, "UPDATE buckets SET delete_by = 99999999999")
    damage_segments(path)

    store, (aside,) = reopen(path)
    store.close()
    assert aside.delete_by <= NOW + LONGEST


def test_a_quarantined_file_is_erased_when_its_time_comes(path: Path) -> None:
    """It is overwritten and gone, and so is its entry; nothing of it stays in the folder."""
    segments = filled(path)
    damage_segments(path)
    store, (aside,) = reopen(path)

    with store:
        early = expire(store, aside.delete_by - timedelta(seconds=1))
        assert early.files == 0
        assert path.with_name(aside.name).exists()

        purge = expire(store, aside.delete_by)
        assert purge.files == 1
        assert store.holdings() == []
    left = b"".join(p.read_bytes() for p in path.parent.iterdir())
    assert not list(path.parent.glob("*corrupt*"))
    assert not any(s.signature in left or s.ciphertext[:48] in left for s in segments)


def test_the_bytes_are_overwritten_before_the_file_goes(path: Path) -> None:
    """Who still holds the file open, or finds its blocks, finds zeros."""
    filled(path)
    damage_segments(path)
    store, (aside,) = reopen(path)
    link = path.parent / "another-name"
    link.hardlink_to(path.with_name(aside.name))

    with store:
        expire(store, aside.delete_by)

    assert link.stat().st_size > 0
    assert not any(link.read_bytes())


def test_only_registered_files_are_erased(path: Path, tmp_path: Path) -> None:
    """An id that names another file does nothing to it."""
    other = tmp_path / "precious"
    other.write_text("keep me")

    with SegmentStore(path) as store:
        purge = store.purge(["quarantine:precious", "quarantine:../precious"])

    assert purge.files == 0
    assert other.read_text() == "keep me"


def test_a_crash_between_moving_and_registering_is_made_up_for(path: Path) -> None:
    """A file that lies aside without an entry gets one at the next start."""
    filled(path)
    shutil.copy(path, path.with_name("segments.sqlite.corrupt-20261125T100000Z"))

    store, moved = reopen(path)
    with store:
        assert [aside.name for aside in moved] == ["segments.sqlite.corrupt-20261125T100000Z"]
        assert any(h.id.startswith("quarantine:") for h in store.holdings())
    again, none = reopen(path)
    again.close()
    assert none == []


def test_a_healthy_database_is_left_alone(path: Path) -> None:
    """Opening it the agent's way is opening it."""
    filled(path)

    store, moved = reopen(path)
    with store:
        assert moved == []
        assert store.count() == 30


def test_two_damaged_databases_are_two_holdings(path: Path) -> None:
    """The second one doesn't overwrite the first."""
    for hour in range(2):
        filled(path)
        damage_head(path)
        store, _ = reopen(path, NOW + timedelta(hours=hour))
        store.close()

    with SegmentStore(path) as store:
        assert len({h.id for h in store.holdings()}) == 2
    assert len(list(path.parent.glob("*corrupt*"))) == 2


def remove(path: Path) -> None:
    """Take the database away, with its log."""
    for file in path.parent.glob(path.name + "*"):
        file.unlink()


def test_a_missing_database_is_not_silently_begun_anew(path: Path) -> None:
    """Where one used to be, nothing is created and the purge has nothing to report on."""
    filled(path)
    remove(path)

    with pytest.raises(StoreMissing, match="gone") as caught:
        SegmentStore(path)
    assert not path.exists()
    assert "start-over" in caught.value.advice
    with pytest.raises(StoreMissing):
        reopen(path)


def test_an_empty_file_is_a_missing_database(path: Path) -> None:
    """A file of no bytes isn't the database that was here."""
    filled(path)
    remove(path)
    path.touch()

    with pytest.raises(StoreMissing):
        SegmentStore(path)


def test_another_database_in_its_place_is_refused(path: Path, tmp_path: Path) -> None:
    """A freshly created one doesn't pass for the old one, and isn't changed."""
    filled(path)
    remove(path)
    SegmentStore(tmp_path / "fresh.sqlite").close()
    (tmp_path / "fresh.sqlite").rename(path)
    before = path.read_bytes()

    with pytest.raises(StoreMissing, match="isn't the database"):
        SegmentStore(path)
    assert path.read_bytes() == before


def test_the_old_database_may_come_back(path: Path, tmp_path: Path) -> None:
    """Brought back from where it was, it opens again."""
    filled(path)
    path.rename(tmp_path / "away")
    with pytest.raises(StoreMissing):
        SegmentStore(path)

    (tmp_path / "away").rename(path)

    with SegmentStore(path) as store:
        assert store.count() == 30


def test_starting_over_is_said_aloud_and_works_once(path: Path) -> None:
    """After `start_over` a new database is begun; there is nothing to start over then."""
    filled(path)
    remove(path)

    assert start_over(path) is True
    with SegmentStore(path) as store:
        assert store.count() == 0
    with pytest.raises(StoreError, match="where it should be"):
        start_over(path)


def test_a_new_site_has_nothing_to_start_over(path: Path) -> None:
    """Without a marker there is no missing database."""
    assert start_over(path) is False


def test_an_unreadable_marker_is_refused(path: Path) -> None:
    """A garbled marker is no licence to begin anew."""
    filled(path)
    marker_of(path).write_text("what?")

    with pytest.raises(StoreError, match="marker"):
        SegmentStore(path)


def test_a_database_without_a_marker_is_marked(path: Path) -> None:
    """As when it was restored without it: from then on it is known."""
    filled(path)
    marker_of(path).unlink()

    SegmentStore(path).close()
    remove(path)

    with pytest.raises(StoreMissing):
        SegmentStore(path)
