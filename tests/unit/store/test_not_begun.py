"""A first start that was killed at once: there is a file, and nothing in it yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cli.keys.ending import held_epochs
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.vault import CHEAPEST
from agent.domain.access import AccessEvent, Action, Role
from agent.domain.segment import FIRST_LINK
from agent.errors import ConfigError, StoreError, StoreMissing
from agent.store import database
from agent.store.access_log import AccessLog
from agent.store.access_reader import AccessReader
from agent.store.aggregates import AggregateReader
from agent.store.identity import has_begun, marker_of
from agent.store.reading import SegmentReader
from agent.store.reviews import ReviewReader
from agent.store.segments import SegmentStore
from agent.upkeep import is_accounted
from tests.sealing import NOW, PASSPHRASE, bucket, records
from tests.unit.store.test_holds import HOLD


def leave_nothing(path: Path) -> None:
    """Stop before the file was made."""


def leave_no_bytes(path: Path) -> None:
    """Stop between making the file and opening it."""
    path.touch()


def leave_no_tables(path: Path) -> None:
    """Stop between opening the file, which writes its first page, and the first commit."""
    engine = database.writer_engine(path)
    with engine.connect():
        pass
    engine.dispose()
    assert path.stat().st_size > 0


STOPS: list[Callable[[Path], None]] = [leave_nothing, leave_no_bytes, leave_no_tables]


@pytest.fixture(params=STOPS, ids=lambda stop: stop.__name__)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a database's path as a killed first start leaves it."""
    place = tmp_path / "segments.sqlite"
    request.param(place)
    return place


def test_it_reads_as_empty(path: Path) -> None:
    """Nothing is there yet, and nobody is told that it is somebody else's database."""
    with SegmentReader(path) as reader:
        assert [] == reader.holdings()
        assert [] == list(reader.buckets())
        assert [] == reader.holds.all()
        assert FIRST_LINK == reader.last_link("entrance")


def test_the_other_databases_read_as_empty_too(path: Path) -> None:
    """Numbers, log and reviews: no reader takes a killed first start for damage."""
    assert [] == AggregateReader(path).holdings()
    assert [] == AccessReader(path).entries()
    with ReviewReader(path) as reviews:
        assert [] == reviews.reviews()


def test_a_reader_puts_nothing_into_it(path: Path) -> None:
    """The file is as it was, and a hold can't be placed into what isn't there."""
    before = path.read_bytes() if path.exists() else None

    with SegmentReader(path) as reader, pytest.raises(StoreError, match="READONLY"):
        reader.holds.place(HOLD)

    assert before == (path.read_bytes() if path.exists() else None)


def test_the_next_start_begins_it(path: Path) -> None:
    """The agent fills it with tables, and readers see what it stores."""
    assert not has_begun(path)
    with SegmentStore(path) as store:
        writer = bucket()
        store.append(writer.seal(records(3)), writer.sealed_key)

    assert has_begun(path)
    with SegmentReader(path) as reader:
        assert [3] == [holding.rows for holding in reader.holdings()]


def test_it_is_no_substitute_for_the_one_that_was_here(path: Path) -> None:
    """With the marker of another database beside it, reader and agent refuse it."""
    marker_of(path).write_text("00000000000000ff of segments.sqlite: keep this file beside it\n")

    with pytest.raises(StoreMissing, match="gone"):
        SegmentReader(path)
    with pytest.raises(StoreMissing, match="gone"):
        SegmentStore(path)
    assert not has_begun(path)


@pytest.mark.parametrize("stop", STOPS)
def test_it_does_not_account_for_old_keys(tmp_path: Path, stop: Callable[[Path], None]) -> None:
    """Keys that have been in use, and a database without a table: records are missing."""
    site = Site(tmp_path)
    keys = create_epochs(NOW, weeks=1, passphrase=PASSPHRASE, device_id="camera", profile=CHEAPEST)
    write_keys(site, keys)
    site.segments.parent.mkdir(exist_ok=True)
    stop(site.segments)

    assert is_accounted(site, NOW)
    assert not is_accounted(site, keys.public.epochs[0].valid_to)


def test_a_first_start_may_come_weeks_after_the_keys(tmp_path: Path) -> None:
    """Where the log holds the making of the keys and no start, no records can be missing."""
    site = Site(tmp_path)
    keys = create_epochs(NOW, weeks=2, passphrase=PASSPHRASE, device_id="camera", profile=CHEAPEST)
    write_keys(site, keys)
    later = keys.public.epochs[0].valid_to
    assert not is_accounted(site, later)  # no log: the whole state may be lost

    log = AccessLog(site.access_log)
    log.record(AccessEvent(NOW, "sato", Role.OPERATOR, Action.KEYS_CREATED))
    assert is_accounted(site, later)
    log.record(AccessEvent(NOW, "omokage-agent", Role.AGENT, Action.STARTED))
    log.close()
    assert not is_accounted(site, later)


def test_a_log_that_cant_be_read_accounts_for_nothing(tmp_path: Path) -> None:
    """A damaged log is no proof that nothing was here."""
    site = Site(tmp_path)
    keys = create_epochs(NOW, weeks=2, passphrase=PASSPHRASE, device_id="camera", profile=CHEAPEST)
    write_keys(site, keys)
    site.access_log.parent.mkdir(exist_ok=True)
    site.access_log.write_text("this is no log" * 99)

    assert not is_accounted(site, keys.public.epochs[0].valid_to)


@pytest.mark.parametrize("stop", STOPS)
def test_it_tells_nothing_about_holds(tmp_path: Path, stop: Callable[[Path], None]) -> None:
    """Who destroys keys beside it has to say that no hold keeps any record."""
    site = Site(tmp_path)
    site.segments.parent.mkdir(exist_ok=True)
    stop(site.segments)

    with pytest.raises(ConfigError, match="nobody knows"):
        held_epochs(site, frozenset({"w"}), NOW, no_holds=False)
    assert frozenset() == held_epochs(site, frozenset({"w"}), NOW, no_holds=True)
