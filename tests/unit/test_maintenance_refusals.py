"""What a round of deletion refuses on real stores, and that nothing is done then."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from agent.config.site import Site
from agent.domain.access import Action
from agent.domain.policy import LONGEST_LIFE
from agent.errors import PolicyEmpty, PolicyError, PolicyWouldKeepForever, StoreError
from agent.retention.safety import Stop
from agent.retention.trust import Clocks
from agent.store.segments import SegmentStore
from tests.forging import edit
from tests.retaining import DAY, HOUR, hold
from tests.retaining import policy as shop
from tests.sealing import BUCKET_START
from tests.unit.test_maintenance import END, NOW, WEEK, Log, at, house, log, site, stores

__all__ = ["log", "site", "stores"]  # fixtures

SHORT = shop(records=HOUR)


def untouched(stores, log: Log) -> bool:
    """Say whether everything is still there and nothing was announced."""
    rows = sum(held.rows for held in stores.segments.holdings())
    return (rows, len(stores.aggregates.holdings()), log.events) == (20, 1, [])


@pytest.mark.parametrize("agreed", [1, 19, 21, 200])
def test_a_number_that_isnt_the_waiting_rows_does_nothing(stores, log, site, agreed) -> None:
    """The stores are as before, no deadline was lowered, and nothing stands in the log."""
    with pytest.raises(PolicyError, match="isn't the number"):
        house(stores, log, site, SHORT).keep(at(NOW), agreed=agreed)

    assert untouched(stores, log)
    (left,) = stores.segments.holdings()
    assert left.delete_by == END + WEEK


@pytest.mark.parametrize("tier", ["records", "aggregates", "daily"])
@pytest.mark.parametrize(
    ("life", "refusal"),
    [(0 * HOUR, PolicyEmpty), (-HOUR, PolicyEmpty), (LONGEST_LIFE + HOUR, PolicyWouldKeepForever)],
)
def test_a_policy_that_nobody_could_keep_does_nothing(stores, log, site, tier, life, refusal):
    """Neither empty nor endless: the round ends before it has touched anything."""
    with pytest.raises(refusal):
        house(stores, log, site, shop(**{tier: life})).keep(at(END + 99 * DAY, boot="b"))

    assert untouched(stores, log)


def test_a_receipt_that_cant_be_written_stops_the_deletion_in_each_round(stores, log, site) -> None:
    """As long as the log refuses, nothing goes; the first round that it accepts catches up."""
    home = house(stores, log, site)
    log.broken = True
    for minute in range(3):
        with pytest.raises(StoreError, match="access log"):
            home.keep(at(END + WEEK + minute * HOUR / 60))
    assert [20] == [held.rows for held in stores.segments.holdings()]

    log.broken = False
    assert home.keep(at(END + WEEK + HOUR)).deleted_records == 20


def test_a_receipt_that_fails_after_the_deletion_is_said(stores, log, site) -> None:
    """The announcement stands, what it announced is gone, and the round doesn't call it done."""
    record = log.record

    def once(event) -> None:
        record(event)
        log.broken = True

    log.record = once
    home = house(stores, log, site)

    with pytest.raises(StoreError, match="access log"):
        home.keep(at(END + WEEK))
    assert [(Action.PURGED, "due")] == [(e.action, e.purpose) for e in log.events]
    assert stores.segments.holdings() == []


@pytest.mark.parametrize("lowered", ["NULL", "99999999999"])
def test_a_deadline_that_was_edited_keeps_nothing_in_silence(stores, log, site, lowered) -> None:
    """Who writes a later instant into the file can't outwit the policy, which counts from the end.

    It looks like a policy that became shorter: an alarm, a refusal in the log, a number to type.
    """
    edit(
        site.segments,
        f"UPDATE buckets SET delete_by = delete_by + 9999999, lowered = {lowered}",  # noqa: S608
    )
    home = house(stores, log, site)

    with pytest.raises(PolicyError, match="isn't the number"):
        home.keep(at(END + WEEK), agreed=0)
    found = home.keep(at(END + WEEK))

    assert (Stop.MANY_AT_ONCE, 20) == (found.stop, found.waiting_rows)
    assert Action.PURGE_REFUSED in [event.action for event in log.events]
    assert home.keep(at(END + WEEK), agreed=20).deleted_records == 20


@pytest.mark.parametrize("table", ["cell", "day"])
@pytest.mark.parametrize("value", ["delete_by + 1", "NULL", "99999999999"])
def test_the_database_itself_refuses_a_later_deadline(stores, log, site, table, value) -> None:
    """Of released numbers, also to this program, should it ever try."""
    home = house(stores, log, site)
    home.keep(at(BUCKET_START.replace(hour=17)))  # a day that is over was summed up

    with (
        closing(sqlite3.connect(site.aggregates)) as raw,
        pytest.raises(sqlite3.IntegrityError, match="only ever comes nearer"),
    ):
        raw.execute(f"UPDATE {table} SET delete_by = {value}")  # noqa: S608


def test_without_the_list_of_holds_no_record_goes(stores, log, site) -> None:
    """Nobody can tell what must stay; it is said, and numbers go on time all the same."""
    with closing(sqlite3.connect(site.segments)) as raw, raw:
        raw.execute("DROP TABLE holds")

    found = house(stores, log, site).keep(at(END + 91 * DAY, boot="b"), confirmed=True)

    assert (0, None, 1) == (found.deleted_records, found.overdue_records, found.deleted_numbers)
    assert found.trouble
    with closing(sqlite3.connect(site.segments)) as raw:
        assert raw.execute("SELECT count(*) FROM buckets").fetchone() == (1,)


@pytest.mark.parametrize(
    "clocks",
    [
        Clocks(NOW + 365 * DAY, 1060.0, "a"),
        Clocks(NOW + 11 * DAY, 60.0, "b"),
        Clocks(NOW - 365 * DAY, 1060.0, "a"),
        Clocks(NOW.replace(year=1970), 60.0, "b"),
    ],
    ids=["a year ahead", "weeks off", "a year behind", "an empty battery"],
)
def test_a_clock_that_isnt_believed_deletes_no_early_row(stores, log, site, clocks) -> None:
    """Also with somebody's agreement to a shorter policy, that is none to the clock."""
    home = house(stores, log, site, shop(records=3 * DAY))
    home.keep(at(NOW))

    with pytest.raises(PolicyError, match="isn't the number"):
        home.keep(clocks, agreed=20)
    assert home.keep(clocks).deleted_records == 0
    assert sum(held.rows for held in stores.segments.holdings()) == 20


def test_a_hold_that_ended_is_no_reason_to_keep(stores, log, site) -> None:
    """At its end to the second, whatever is due goes, and placing it anew brings nothing back."""
    placed = replace(
        hold(since=BUCKET_START, until=END), placed_at=NOW, expires_at=END + 9 * DAY, id="H"
    )
    stores.segments.holds.place(placed)
    home = house(stores, log, site)

    assert home.keep(at(END + 9 * DAY - HOUR / 3600)).deleted_records == 0
    assert home.keep(at(END + 9 * DAY)).deleted_records == 20
    with pytest.raises(StoreError, match="already"):
        stores.segments.holds.place(replace(placed, expires_at=END + 60 * DAY))
    assert stores.segments.holdings() == []


def test_a_site_that_lost_its_database_gets_no_other_by_restarts(stores, log, site) -> None:
    """Three rounds on, it is still another one: time doesn't make it the right database."""
    found = [
        house(stores, log, site, accounted=first).keep(at(END + WEEK + n * DAY))
        for n, first in enumerate((False, True, True))
    ]

    assert [Stop.OTHER_DATABASE] * 3 == [each.stop for each in found]
    assert {20} == {each.overdue_records for each in found}
    assert sum(held.rows for held in stores.segments.holdings()) == 20


CHANGES: dict[str, Callable[[SegmentStore], object]] = {
    "purge": lambda store: store.purge(["ab" * 16]),
    "lower": lambda store: store.lower({"ab" * 16: NOW}),
    "place": lambda store: store.holds.place(replace(hold(), placed_at=NOW, expires_at=NOW + DAY)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_store_whose_file_is_gone_refuses_to_change(tmp_path, change) -> None:
    """Nothing is called deleted, brought forward or held in a file that isn't there any more."""
    place = Site(tmp_path)
    place.segments.parent.mkdir()
    store = SegmentStore(place.segments)
    store.close()
    place.segments.unlink()

    with pytest.raises(StoreError):
        CHANGES[change](store)
    assert not place.segments.exists()
