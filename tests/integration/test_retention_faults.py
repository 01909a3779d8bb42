"""Deletion through the running agent's own parts while time, disk, readers and files misbehave."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from agent.cli.status import describe
from agent.config.site import Site
from agent.domain.access import Action
from agent.errors import StoreMissing
from agent.service import Agent, RunOptions
from agent.store.access_reader import AccessQuery, AccessReader
from agent.store.aggregates import AggregateWriter
from agent.store.segments import SegmentReader, SegmentStore
from tests.fakes import FakeBackend, FrozenClock
from tests.retaining import DAY, HOUR, TEXT
from tests.sealing import BUCKET_START, NOW, bucket, records
from tests.unit.store.test_aggregates import row

END = BUCKET_START + HOUR
DUE = END + 7 * DAY
POLICY = TEXT.replace(b'"72h"', b'"7d"').replace(b"customers", b"synthetic")


@pytest.fixture
def site(tmp_path):
    """Return a site whose records live for a week, without keys."""
    place = Site(tmp_path / "site")
    place.segments.parent.mkdir(parents=True)
    place.policy.write_bytes(POLICY)
    with SegmentStore(place.segments) as segments, AggregateWriter(place.aggregates) as aggregates:
        for zone in ("door", "till"):
            writer = bucket(zone)
            segments.append(writer.seal(records(20)), writer.sealed_key)
        aggregates.release([row(start=BUCKET_START)], 90 * DAY)
    return place


class Machine:
    """A site's agent that is started, kept running and stopped by hand."""

    def __init__(self, site: Site, clock: FrozenClock) -> None:
        self.site, self.clock = site, clock
        self.agent: Agent | None = None

    def start(self) -> dict:
        """Start the agent, let it do its first round, return its health."""
        options = RunOptions(sources={"door": "demo"}, backend=lambda _policy: FakeBackend())
        self.agent = Agent(self.site, options, self.clock)
        return self.round()

    def round(self) -> dict:
        """Do what each tick does, a minute after the last one."""
        assert self.agent is not None
        self.clock.advance(61)
        self.agent._keep_house(self.clock.now())
        self.agent._write_status("running", [])
        return self.health()

    def health(self) -> dict:
        """Return the health file's part on retention, with its trouble."""
        found = json.loads(self.site.status.read_text("utf-8"))
        return {**found["retention"], "sentence": found["trouble"], "whole": found}

    def stop(self) -> None:
        """Stop the agent."""
        if self.agent is not None:
            self.agent._stack.close()
            self.agent = None

    def restart(self, off: timedelta, boot: str) -> dict:
        """Switch the machine off for a while and on again."""
        self.stop()
        self.clock.set_wall(self.clock.now() + off)
        self.clock._monotonic, self.clock.boot_name = 20.0, boot
        return self.start()

    def left(self) -> tuple[int, int]:
        """Return how many records and numbers there are."""
        with closing(SegmentReader(self.site.segments)) as reader:
            kept = sum(holding.rows for holding in reader.holdings())
        with closing(sqlite3.connect(self.site.aggregates)) as connection:
            (numbers,) = connection.execute("SELECT count(*) FROM number").fetchone()
        return kept, numbers

    def entries(self, action: Action) -> list:
        """Return what the access log says, oldest first."""
        reader = AccessReader(self.site.access_log)
        return [e.event for e in reader.entries(AccessQuery(action=action))][::-1]


@pytest.fixture
def machine(site):
    """Return a machine that was running an hour after the bucket closed."""
    made = Machine(site, FrozenClock(END + HOUR))
    yield made
    made.stop()


def test_a_start_after_the_deadline_deletes_at_once(machine) -> None:
    """Off for eight days: the first round of the next start leaves nothing overdue."""
    machine.start()

    health = machine.restart(8 * DAY, "second")

    assert machine.left() == (0, 1)
    assert (40, 0, None) == (health["deleted_records"], health["overdue_records"], health["doubt"])
    announced, done = machine.entries(Action.PURGED)
    assert (announced.purpose, done.purpose) == ("due", "done")
    assert announced.counts["records_rows"] == 40


def test_sleep_over_the_deadline_deletes_at_once(machine) -> None:
    """The lid is closed for a fortnight; the first tick after it deletes, the scheduler or not."""
    machine.start()
    machine.clock.advance((14 * DAY).total_seconds())

    health = machine.round()

    assert machine.left() == (0, 1)
    assert (health["doubt"], health["overdue_records"]) == (None, 0)


def test_a_clock_a_year_ahead_deletes_nothing_early(machine) -> None:
    """Neither records nor numbers go; the alarm says what to do; time itself goes on."""
    machine.start()
    machine.clock.set_wall(machine.clock.now() + 365 * DAY)

    health = machine.round()

    assert machine.left() == (40, 1)
    assert health["doubt"] == "ahead"
    assert "--clock-is-right" in health["sentence"]
    assert machine.entries(Action.PURGE_REFUSED)[0].purpose == "clock_ahead"
    machine.clock.advance((7 * DAY - HOUR).total_seconds())
    assert machine.round()["deleted_records"] == 40


def test_a_clock_a_year_ahead_is_found_at_the_start_too(machine) -> None:
    """A machine that comes up in the wrong year deletes nothing early."""
    machine.start()

    health = machine.restart(365 * DAY, "second")

    assert machine.left() == (40, 1)
    assert health["doubt"] == "ahead"


def test_a_clock_a_year_behind_keeps_and_names_the_future(machine) -> None:
    """What claims to be younger than the present is kept and counted, and still dies on time."""
    machine.start()
    machine.clock.set_wall(machine.clock.now() - 300 * DAY)

    health = machine.round()

    assert (health["doubt"], health["future_rows"], machine.left()) == ("behind", 41, (40, 1))
    machine.clock.advance((7 * DAY - HOUR).total_seconds())
    assert machine.round()["deleted_records"] == 40


@pytest.mark.parametrize("ahead", [30, 365])
def test_records_of_a_wrong_clock_dont_outlive_their_real_time(machine, ahead) -> None:
    """What was sealed while the clock ran ahead is gone a retention after it was really sealed."""
    machine.start()
    machine.clock.set_wall(machine.clock.now() + ahead * DAY)
    machine.round()
    writer = bucket("yard", start=BUCKET_START + ahead * DAY + HOUR)
    machine.agent._segments.append(writer.seal(records(20)), writer.sealed_key)
    assert machine.round()["future_rows"] in {0, 20}
    machine.clock.set_wall(machine.clock.now() - ahead * DAY)

    assert machine.round()["doubt"] is None
    assert machine.left()[0] == 60
    machine.clock.advance((7 * DAY + 2 * HOUR).total_seconds())
    health = machine.round()

    assert (health["overdue_records"], machine.left()[0]) == (0, 0)


def test_a_time_server_ends_the_doubt(machine) -> None:
    """A clock that a server set isn't doubted: what is due by it goes."""
    machine.start()
    machine.clock.set_wall(machine.clock.now() + 30 * DAY)
    assert machine.round()["doubt"] == "ahead"
    machine.clock.served = machine.clock.now()

    assert machine.round()["deleted_records"] == 40


def test_an_open_reader_delays_the_bytes_not_the_deletion(machine, monkeypatch) -> None:
    """A forgotten reader keeps the old rows in the log; health says so until it is gone."""
    monkeypatch.setattr("agent.store.database.BUSY_SECONDS", 0.05)
    machine.start()
    machine.clock.advance((7 * DAY).total_seconds())
    log = machine.site.segments.with_name("segments.sqlite-wal")
    with closing(sqlite3.connect(machine.site.segments, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM buckets").fetchone()
        blocked = machine.round()
        assert (blocked["overdue_records"], blocked["erased"]) == (0, False)
        assert log.stat().st_size > 0
        assert any(
            line.startswith("OVERDUE") and "reader" in line
            for line in describe(blocked["whole"], machine.clock.now())
        )
        reader.execute("ROLLBACK")

    assert machine.round()["erased"]
    assert log.stat().st_size == 0


def test_a_damaged_database_is_moved_aside_and_dies_on_time(machine) -> None:
    """The agent starts on a new one; the file keeps its deadline and is then erased."""
    machine.start()
    machine.stop()
    content = bytearray(machine.site.segments.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    machine.site.segments.write_bytes(content)

    machine.start()
    (aside,) = machine.site.segments.parent.glob("segments.sqlite.corrupt-????????T??????Z")
    machine.clock.advance((9 * DAY).total_seconds())
    health = machine.round()

    assert not aside.exists()
    assert health["overdue_records"] == 0


def test_damaged_numbers_dont_stop_the_agent(machine) -> None:
    """They are moved aside as well, and erased ninety days later."""
    machine.start()
    machine.stop()
    machine.site.aggregates.write_bytes(b"\xff" * 8192)

    machine.start()

    (aside,) = machine.site.aggregates.parent.glob("aggregates.sqlite.corrupt-*")
    for _ in range(10):
        machine.clock.advance((9 * DAY + HOUR).total_seconds())
        machine.round()
    assert not aside.exists()


def test_a_missing_database_stops_the_start(machine) -> None:
    """The agent doesn't begin a new database and call everything well."""
    machine.start()
    machine.stop()
    for file in machine.site.segments.parent.glob("segments.sqlite*"):
        file.unlink()

    with pytest.raises(StoreMissing):
        machine.start()
    assert not machine.site.segments.exists()


def test_an_exchanged_database_stops_the_purge(machine) -> None:
    """Another database with its own marker is noticed by what the last round remembered."""
    machine.start()
    machine.stop()
    for file in machine.site.segments.parent.glob("segments.*"):
        file.unlink()
    with SegmentStore(machine.site.segments) as other:
        writer = bucket()
        other.append(writer.seal(records(20)), writer.sealed_key)
    machine.clock.advance((7 * DAY).total_seconds())

    health = machine.start()

    assert (health["stop"], health["overdue_records"]) == ("other_database", 20)
    assert "start-over" in health["sentence"]
    assert machine.left()[0] == 20


def test_a_shorter_policy_waits_and_is_said(machine) -> None:
    """All records would go before their deadline: they stay, and health asks for a word."""
    machine.site.policy.write_bytes(TEXT.replace(b'"72h"', b'"1h"'))

    health = machine.start()

    assert (health["stop"], health["waiting_rows"]) == ("many_at_once", 40)
    assert "omokage policy apply --delete" in health["sentence"]
    assert machine.left() == (40, 1)


def test_a_full_database_still_deletes(machine) -> None:
    """At its cap the database refuses new rows; what is due goes all the same."""
    machine.start()
    machine.stop()
    with closing(sqlite3.connect(machine.site.segments)) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with SegmentStore(machine.site.segments, max_bytes=pages * size) as store:
        writer = bucket("yard")
        with suppress(Exception):
            for seed in range(1000):
                store.append(writer.seal(records(200, seed=seed)), writer.sealed_key)
    machine.clock.advance((7 * DAY).total_seconds())

    health = machine.start()

    assert (health["overdue_records"], machine.left()[0]) == (0, 0)


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_still_deletes(site, small_disk) -> None:
    """Others filled the disk to the last byte: the reserved room is given up, and rows go."""
    moved = Site(small_disk / "site")
    subprocess.run(["cp", "-r", str(site.root), str(moved.root)], check=True)
    machine = Machine(moved, FrozenClock(END + HOUR))
    machine.start()
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"\0" * 4096)
    assert os.statvfs(small_disk).f_bavail == 0
    machine.clock.advance((7 * DAY).total_seconds())

    machine.round()
    found = machine.agent._upkeep.report()  # the health file can't be written on a full disk
    machine.stop()

    assert machine.left()[0] == 0
    assert (found["deleted_records"], found["overdue_records"]) == (40, 0)


def test_the_bytes_of_old_rows_are_in_no_file(machine) -> None:
    """After the purge neither keys nor ciphertexts can be found in any file of the state folder."""
    machine.start()
    with closing(SegmentReader(machine.site.segments)) as reader:
        marks = [
            mark
            for found in reader.buckets()
            for mark in (found.key.wrapped[:64], found.segments[0].ciphertext[:64])
        ]
    machine.clock.advance((7 * DAY).total_seconds())
    machine.round()

    assert len(marks) == 4
    for file in Path(machine.site.segments.parent).iterdir():
        assert not any(mark in file.read_bytes() for mark in marks), file.name


def test_the_clock_of_the_tests_is_the_one_of_the_records() -> None:
    """The bucket that these tests delete was sealed in the hour that they start from."""
    assert BUCKET_START <= NOW < END
