"""One round of deletion on real stores: what goes, what is said, what is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from agent.config.site import Site
from agent.domain.access import Action, Decision, Role
from agent.domain.retention import Tier
from agent.errors import PolicyError, StoreError
from agent.maintenance import House, Stores
from agent.memory import Memory, recall, remember
from agent.retention.receipt import Actor
from agent.retention.safety import Stop
from agent.retention.trust import Clocks, Doubt, Mark
from agent.store.aggregates import AggregateWriter
from agent.store.segments import SegmentStore
from tests.retaining import DAY, HOUR, hold
from tests.retaining import policy as shop
from tests.sealing import BUCKET_START, bucket, records
from tests.unit.store.test_aggregates import row

NOW = BUCKET_START + 30 * HOUR
END = BUCKET_START + HOUR
WEEK = 7 * DAY  # what tests.sealing keeps its buckets for


class Log:
    """An access log in memory; refuses when told to."""

    def __init__(self) -> None:
        self.events = []
        self.broken = False

    def record(self, event) -> None:
        """Keep or refuse."""
        if self.broken:
            raise StoreError("the access log is full")
        self.events.append(event)


class Keys:
    """Remembers which epochs it was asked to spare."""

    def __init__(self) -> None:
        self.asked = []

    def __call__(self, now, needed):
        """Destroy one epoch."""
        self.asked.append((now, set(needed)))
        return ("2026-W40-00000000",)


@pytest.fixture
def site(tmp_path):
    """Return a site with an empty state folder."""
    place = Site(tmp_path)
    place.segments.parent.mkdir()
    return place


@pytest.fixture
def stores(site):
    """Return two open stores with a bucket of records and a cell of numbers."""
    with SegmentStore(site.segments) as segments, AggregateWriter(site.aggregates) as aggregates:
        writer = bucket()
        segments.append(writer.seal(records(20)), writer.sealed_key)
        aggregates.release([row(start=BUCKET_START)], 90 * DAY)
        yield Stores(segments, aggregates)


@pytest.fixture
def log():
    """Return an empty log."""
    return Log()


def house(stores, log, site, rules=None, **options) -> House:
    """Build a house."""
    rules = rules or shop(records=WEEK)
    actor = Actor("omokage-agent", Role.AGENT, rules.digest)
    return House(stores, rules, log, site, actor=actor, **options)


def at(when, boot: str = "a") -> Clocks:
    """Return clocks that agree with each other."""
    return Clocks(when, 1000.0 + (when - NOW).total_seconds(), boot)


def test_nothing_due_deletes_nothing_and_says_nothing(stores, log, site) -> None:
    """A quiet round leaves no entry in the log."""
    found = house(stores, log, site).keep(at(NOW))

    assert (0, 0, 0, 0) == (
        found.deleted_records, found.deleted_numbers, found.overdue_records, found.overdue_numbers,
    )  # fmt: skip
    assert log.events == []
    assert found.next_due == END + WEEK
    assert found.oldest_record == BUCKET_START


def test_records_go_at_their_deadline_with_a_receipt(stores, log, site) -> None:
    """Announced before, reported after, under one number; the counts are those of the deed."""
    found = house(stores, log, site).keep(at(END + WEEK))

    assert (20, 0, True) == (found.deleted_records, found.overdue_records, found.erased)
    assert stores.segments.holdings() == []
    announced, reported = log.events
    assert (Action.PURGED, "due", "done") == (
        announced.action, announced.purpose, reported.purpose,
    )  # fmt: skip
    assert announced.objects[1] == reported.objects[1]
    assert announced.counts["records_rows"] == 20
    assert announced.counts["past_deadline"] == 1
    assert (reported.counts["keys"], reported.counts["log_emptied"]) == (1, 1)


def test_numbers_go_at_theirs(stores, log, site) -> None:
    """A cell goes ninety days after its end."""
    found = house(stores, log, site).keep(at(END + 90 * DAY, boot="b"), confirmed=True)

    assert found.deleted_numbers == 1
    assert [h.tier for h in stores.aggregates.holdings()] == [Tier.DAILY]


def test_without_a_log_nothing_is_deleted(stores, log, site) -> None:
    """What can't be announced isn't done."""
    log.broken = True

    with pytest.raises(StoreError):
        house(stores, log, site).keep(at(END + WEEK))
    assert len(stores.segments.holdings()) == 1


def test_a_shorter_policy_waits_for_somebody(stores, log, site) -> None:
    """All records before their deadline: the round refuses, says so once, and lowers nothing."""
    home = house(stores, log, site, shop(records=HOUR))

    first, second = home.keep(at(NOW)), home.keep(at(NOW + HOUR))

    assert (Stop.MANY_AT_ONCE, 20, 0) == (first.stop, first.waiting_rows, first.deleted_records)
    assert second.stop is Stop.MANY_AT_ONCE
    assert [(Action.PURGE_REFUSED, Decision.REFUSED)] == [
        (e.action, e.decision) for e in log.events
    ]
    (left,) = stores.segments.holdings()
    assert left.delete_by == END + WEEK


def test_the_typed_number_lets_it_go(stores, log, site) -> None:
    """Whoever types how many rows it is may delete them early."""
    home = house(stores, log, site, shop(records=HOUR))

    with pytest.raises(PolicyError):
        home.keep(at(NOW), agreed=19)
    assert home.keep(at(NOW), agreed=20).deleted_records == 20


def test_a_shorter_policy_lowers_what_isnt_due_yet(stores, log, site) -> None:
    """The new deadline stands in the database, so that a longer policy can't take it back."""
    house(stores, log, site, shop(records=3 * DAY)).keep(at(NOW))
    house(stores, log, site, shop(records=30 * DAY)).keep(at(NOW + HOUR))

    (left,) = stores.segments.holdings()
    assert left.delete_by == END + 3 * DAY


def test_a_hold_keeps_records_and_ends(stores, log, site) -> None:
    """Held records aren't overdue; when the hold is lifted they go with the next round."""
    stores.segments.holds.place(
        replace(
            hold(since=BUCKET_START, until=END), placed_at=NOW, expires_at=NOW + 60 * DAY, id="H"
        )
    )
    home = house(stores, log, site)

    kept = home.keep(at(END + WEEK))
    assert (20, 0, 0) == (kept.held_records, kept.overdue_records, kept.deleted_records)
    stores.segments.holds.lift("H", END + WEEK)
    assert home.keep(at(END + WEEK + timedelta(minutes=1))).deleted_records == 20


def test_an_open_reader_leaves_the_log_for_the_next_round(stores, log, site, monkeypatch) -> None:
    """While a reader holds its snapshot, the bytes can't leave the log; the round says so."""
    monkeypatch.setattr("agent.store.database.BUSY_SECONDS", 0.05)
    home = house(stores, log, site)
    with closing(sqlite3.connect(site.segments, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM buckets").fetchone()
        blocked = home.keep(at(END + WEEK))
        reader.execute("ROLLBACK")

    assert (20, False) == (blocked.deleted_records, blocked.erased)
    after = home.keep(at(END + WEEK + timedelta(minutes=1)))
    assert after.erased
    assert not site.segments.with_name(site.segments.name + "-wal").stat().st_size


def test_a_jump_ahead_deletes_nothing_early(stores, log, site) -> None:
    """A year ahead within a minute: nothing is due by the time that has proven to have passed."""
    home = house(stores, log, site)
    home.keep(at(NOW))

    jumped = home.keep(Clocks(NOW + 365 * DAY, 1060.0, "a"))

    assert (Doubt.AHEAD, 0, 0) == (jumped.doubt, jumped.deleted_records, jumped.deleted_numbers)
    assert log.events[-1].action is Action.PURGE_REFUSED
    on_time = home.keep(Clocks(NOW + 372 * DAY, 1000.0 + WEEK.total_seconds(), "a"))
    assert (20, 0) == (on_time.deleted_records, on_time.overdue_records)


def test_sleep_deletes_at_once(stores, log, site) -> None:
    """After a fortnight of sleep both clocks have moved: what is due goes in the first round."""
    home = house(stores, log, site)
    home.keep(at(NOW))

    assert home.keep(at(NOW + 14 * DAY)).deleted_records == 20


def test_a_confirmation_counts_for_the_running_agent(stores, log, site) -> None:
    """Another process writes down that the clock is right; the next round believes it."""
    home = house(stores, log, site)
    home.keep(at(NOW))
    later = Clocks(NOW + 200 * DAY, 1060.0, "a")
    assert home.keep(later).doubt is Doubt.AHEAD
    memory = recall(site.upkeep)

    mark = Mark(later.wall, later.wall, later.since_boot, later.boot)
    remember(site.upkeep, replace(memory, mark=mark))

    assert home.keep(later).deleted_records == 20


def test_another_database_stops_everything(stores, log, site) -> None:
    """Where the memory knows another database, even due rows wait, and are called overdue."""
    remember(site.upkeep, Memory(Mark(NOW, NOW, 1000.0, "a"), store=12345))

    found = house(stores, log, site).keep(at(END + WEEK))

    assert (Stop.OTHER_DATABASE, 0, 20) == (
        found.stop, found.deleted_records, found.overdue_records,
    )  # fmt: skip
    assert recall(site.upkeep).store == 12345


def test_a_new_database_beside_old_keys_stops_everything(stores, log, site) -> None:
    """It is remembered, too: a restart doesn't make the new database the right one."""
    found = house(stores, log, site, accounted=False).keep(at(END + WEEK))
    again = house(stores, log, site).keep(at(END + WEEK + HOUR))

    assert found.stop is Stop.OTHER_DATABASE
    assert again.stop is Stop.OTHER_DATABASE


def test_another_database_is_said_before_anything_is_due(stores, log, site) -> None:
    """On its first day, and no key is destroyed: what it would open may be held elsewhere."""
    destroyed: list[datetime] = []

    def keys(now: datetime, needed: object) -> tuple[str, ...]:
        destroyed.append(now)
        return ()

    found = house(stores, log, site, accounted=False, keys=keys).keep(at(END))

    assert (Stop.OTHER_DATABASE, 0, 0) == (found.stop, found.waiting_rows, found.overdue_records)
    assert [] == destroyed


def test_keys_of_what_is_still_here_are_spared(stores, log, site) -> None:
    """Each epoch that a bucket names is kept from destruction."""
    keys = Keys()

    found = house(stores, log, site, keys=keys).keep(at(NOW))

    (left,) = stores.segments.holdings()
    assert [(NOW, {left.epoch})] == keys.asked
    assert found.epochs == ("2026-W40-00000000",)


def test_no_key_is_destroyed_by_a_doubted_clock(stores, log, site) -> None:
    """Keys can't come back, so a wrong clock never reaches them."""
    keys = Keys()
    home = house(stores, log, site, keys=keys)
    home.keep(at(NOW))
    home.keep(Clocks(NOW + 365 * DAY, 1060.0, "a"))

    assert len(keys.asked) == 1


def test_no_key_is_destroyed_while_a_damaged_file_is_held(stores, log, site) -> None:
    """Nobody can tell which keys a damaged database needs."""
    from agent.store.quarantine import move_aside

    keys = Keys()
    copy = site.segments.with_name("copy.sqlite")
    copy.write_bytes(site.segments.read_bytes())
    move_aside(copy, NOW).rename(f"{site.segments}.corrupt-20261125T100000Z")
    stores.segments.adopt(WEEK)
    stores.segments.holds.place(
        replace(hold(since=NOW - 60 * DAY, until=NOW + DAY), placed_at=NOW, id="H",
                expires_at=NOW + 200 * DAY)
    )  # fmt: skip

    found = house(stores, log, site, keys=keys).keep(at(NOW + 8 * DAY))

    assert found.held_records == 20
    assert keys.asked == []


def test_a_day_is_summed_up_when_it_is_over(stores, log, site) -> None:
    """One bucket after the day's end, once, with the policy's daily life as its deadline."""
    home = house(stores, log, site)
    midnight = BUCKET_START.replace(hour=15)  # Tokyo's

    assert home.keep(at(midnight + HOUR / 2)).days == 0
    assert home.keep(at(midnight + 2 * HOUR)).days == 1
    assert home.keep(at(midnight + 3 * HOUR)).days == 0
    (day,) = (h for h in stores.aggregates.holdings() if h.tier is Tier.DAILY)
    assert day.delete_by == day.end + 730 * DAY


def test_many_days_are_summed_up_a_few_at_a_time(stores, log, site) -> None:
    """After an upgrade the cameras don't wait for months of days."""
    stores.aggregates.release([row(start=BUCKET_START - n * DAY) for n in range(1, 6)], 90 * DAY)
    home = house(stores, log, site)

    made = [home.keep(at(NOW + n * HOUR / 60)).days for n in range(4)]

    assert made == [2, 2, 2, 0]


def test_no_day_is_summed_up_by_a_doubted_clock(stores, log, site) -> None:
    """A day's numbers never change, so a wrong clock makes none."""
    home = house(stores, log, site)
    home.keep(at(BUCKET_START + HOUR))

    assert home.keep(Clocks(NOW + 100 * DAY, 1000.0, "a")).days == 0


def test_one_broken_store_doesnt_hold_up_the_other(stores, log, site) -> None:
    """Numbers that can't be read are unknown, not zero; records go on time all the same."""
    site.aggregates.write_bytes(b"\xff" * 8192)

    found = house(stores, log, site).keep(at(END + WEEK))

    assert found.deleted_records == 20
    assert "damaged" in " ".join(found.trouble)


def test_gauges_name_the_goal(stores, log, site) -> None:
    """What is unknown isn't exported as zero."""
    found = house(stores, log, site).keep(at(NOW))

    gauges = found.gauges()
    assert gauges["omokage_overdue_records"] == 0
    assert gauges["omokage_clock_trusted"] == 1
    assert "omokage_overdue_records" not in replace(found, overdue_records=None).gauges()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"proven": "x"}', '{"proven": "2026-01-01T00:00:00"}', "null"]
)
def test_a_memory_that_cant_be_understood_is_none(tmp_path, text) -> None:
    """A damaged file is like a missing one."""
    (tmp_path / "upkeep.json").write_text(text)

    assert recall(tmp_path / "upkeep.json") is None


def test_a_memory_comes_back(tmp_path) -> None:
    """Across restarts nothing of the mark is lost."""
    memory = Memory(Mark(NOW, NOW + DAY, 12.5, "boot", 3 * HOUR), 99)

    assert remember(tmp_path / "upkeep.json", memory)
    assert recall(tmp_path / "upkeep.json") == memory
    assert not remember(tmp_path / "missing" / "upkeep.json", memory)
