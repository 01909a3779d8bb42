"""`omokage policy plan | apply | history | hold | start-over`, as typed."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from agent.cli.main import main
from agent.cli.status import describe
from agent.clock import SystemClock
from agent.config.site import Site
from agent.domain.access import Action, Role
from agent.memory import Memory, recall, remember
from agent.retention.receipt import Actor
from agent.retention.trust import Mark
from agent.store.access_log import AccessLog
from agent.store.access_reader import AccessQuery, AccessReader
from agent.store.aggregates import AggregateReader, AggregateWriter
from agent.store.segments import SegmentReader, SegmentStore
from tests.retaining import DAY, HOUR, TEXT
from tests.sealing import bucket, records
from tests.unit.store.test_aggregates import row

THIS_HOUR = SystemClock().now().replace(minute=0, second=0, microsecond=0)


def store_bucket(store: SegmentStore, hours: int, life: timedelta = 72 * HOUR) -> None:
    """Store a bucket that ended so many hours ago; its seal is of another time, nobody opens it."""
    writer = bucket()
    made = writer.seal(records(20))
    start = THIS_HOUR - (hours + 1) * HOUR
    end = start + HOUR + life
    header = replace(made.header, bucket_start=start, delete_by=end)
    store.append(replace(made, header=header), replace(writer.sealed_key, delete_by=end))


@pytest.fixture
def site(tmp_path):
    """Return a site with three buckets, of which one is due, and an old cell that is due."""
    place = Site(tmp_path / "site")
    place.segments.parent.mkdir(parents=True)
    place.policy.write_bytes(TEXT)
    with SegmentStore(place.segments) as store, AggregateWriter(place.aggregates) as numbers:
        for hours in (80, 40, 2):
            store_bucket(store, hours)
        numbers.release([row(start=THIS_HOUR - 100 * DAY), row(start=THIS_HOUR - HOUR)])
    return place


def run(site: Site, *words: str, code: int = 0, typed: str | None = None) -> str:
    """Type a command; return all it prints."""
    runner = CliRunner(env={"LANG": "en"})
    found = runner.invoke(main, ["policy", *words, "--site", str(site.root)], input=typed)
    assert found.exit_code == code, found.output
    return found.output


def left(site: Site) -> tuple[int, int]:
    """Return how many buckets and cells there are."""
    with closing(SegmentReader(site.segments)) as reader:
        return len(reader.holdings()), len(AggregateReader(site.aggregates).holdings())


def shorten(site: Site) -> None:
    """Put a policy in place by which all records are due, but for the newest bucket."""
    site.policy.write_bytes(TEXT.replace(b'"72h"', b'"1h"'))


def test_plan_says_what_goes_and_why(site) -> None:
    """One line a group: what, where, how much, why and when; nothing is changed."""
    said = run(site, "plan")

    assert "due       sealed records, door: 1 bucket, 20 rows; past its own deadline" in said
    assert "released numbers, door: 1 bucket, 1 row; past its own deadline" in said
    assert "kept      sealed records, door: 2 buckets, 40 rows; due on" in said
    assert left(site) == (3, 2)
    assert not site.access_log.exists()
    assert not site.upkeep.exists()


def test_plan_speaks_japanese(site) -> None:
    """Reasons in the language that was asked for."""
    said = run(site, "plan", "--language", "ja")

    assert "消去      封印した記録（door）：1区切り、20件。書き込んだときに決まった期限" in said
    assert "信頼できます" in said


def test_plan_as_json_names_each_holding(site) -> None:
    """For a program: groups, holdings, reasons, the next deadline."""
    found = json.loads(run(site, "plan", "--json"))

    assert [g["rows"] for g in found["expire"]] == [20, 1]
    assert len(found["holdings"]) == 5
    assert (found["clock"], found["stop"]) == ("trusted", None)


def test_plan_looks_ahead(site) -> None:
    """What if it were another time."""
    then = THIS_HOUR + 100 * HOUR

    found = json.loads(run(site, "plan", "--json", "--at", then.isoformat()))

    assert [g["rows"] for g in found["expire"]] == [60, 1]
    assert "If it were" in run(site, "plan", "--at", "2030-01-01")
    assert "write 2026-11-23" in run(site, "plan", "--at", "tomorrow", code=2)


def test_plan_tries_a_policy_before_it_is_in_place(site, tmp_path) -> None:
    """A shorter policy is simulated; nothing of it counts yet."""
    other = tmp_path / "other.toml"
    other.write_bytes(TEXT.replace(b'"72h"', b'"1h"'))

    said = run(site, "plan", str(other))

    assert "waits     sealed records, door: 2 buckets, 40 rows; the policy became shorter" in said
    assert "STOPPED" in said


def test_plan_of_an_empty_site(tmp_path) -> None:
    """Before the first start nothing is due and nothing is created."""
    place = Site(tmp_path)
    place.policy.write_bytes(TEXT)

    assert "due       nothing" in run(place, "plan")
    assert [file.name for file in tmp_path.iterdir()] == ["policy.toml"]


def test_apply_alone_deletes_nothing(site) -> None:
    """The dry run is the default."""
    said = run(site, "apply")

    assert "Nothing was deleted" in said
    assert left(site) == (3, 2)
    assert not site.access_log.exists()


def test_apply_deletes_and_shows_its_receipt(site) -> None:
    """What is due goes, the rest stays, and the log has it before and after."""
    said = run(site, "apply", "--delete")

    assert "deleted   records: 20, numbers: 1" in said
    assert "overdue   rows: 0" in said
    cells = [h for h in AggregateReader(site.aggregates).holdings() if h.id.startswith("cell:")]
    assert (left(site)[0], len(cells)) == (2, 1)
    reader = AccessReader(site.access_log)
    actions = [e.event.action for e in reader.entries()][::-1]
    assert actions == [Action.POLICY_APPLIED, Action.PURGED, Action.PURGED]


def test_apply_speaks_japanese(site) -> None:
    """The receipt too, in the terminal's language."""
    runner = CliRunner(env={"LANG": "ja_JP.UTF-8", "LC_ALL": "", "LC_MESSAGES": ""})
    found = runner.invoke(main, ["policy", "apply", "--delete", "--site", str(site.root)])

    assert "消去済み  記録20件、数字1件" in found.output


def test_apply_twice_is_applied_once(site) -> None:
    """The second time nothing is due and the same policy isn't recorded again."""
    run(site, "apply", "--delete")

    assert "deleted   records: 0, numbers: 0" in run(site, "apply", "--delete")
    query = AccessQuery(action=Action.POLICY_APPLIED)
    assert AccessReader(site.access_log).count(query) == 1


def test_another_policy_is_refused_until_it_is_accepted(site) -> None:
    """Whoever changed the file doesn't delete by it unseen."""
    run(site, "apply", "--delete")
    site.policy.write_bytes(TEXT.replace(b'"72h"', b'"71h"'))

    assert "isn't the one that was applied last" in run(site, "apply", "--delete", code=8)
    assert "--accept" in run(site, "apply", "--delete", code=8)
    run(site, "apply", "--delete", "--accept")
    run(site, "apply", "--delete")


def test_another_policy_than_the_agents_is_refused_until_it_is_accepted(site) -> None:
    """The agent deletes by the policy that it started with, so that one counts as applied."""
    started = Actor("omokage-agent", Role.AGENT, "ab" * 32)
    with closing(AccessLog(site.access_log)) as log:
        log.record(started.event(datetime.now(UTC), Action.STARTED, "1 zones"))

    assert "isn't the one that was applied last" in run(site, "apply", "--delete", code=8)
    assert left(site) == (3, 2)
    run(site, "apply", "--delete", "--accept")
    run(site, "apply", "--delete")


def test_a_large_early_deletion_needs_the_number(site) -> None:
    """Without a terminal it is refused; with the wrong number too; nothing goes."""
    shorten(site)

    assert "40 rows would go before their own deadline" in run(site, "apply", "--delete", code=8)
    assert "It is 40" in run(site, "apply", "--delete", "--yes-delete", "39", code=8)
    assert left(site) == (3, 2)


def test_the_number_lets_it_go(site) -> None:
    """`--yes-delete` with the right number is an agreement."""
    shorten(site)

    said = run(site, "apply", "--delete", "--yes-delete", "40")

    assert "deleted   records: 60" in said
    assert left(site)[0] == 0


def test_a_broken_log_stops_the_deletion(site) -> None:
    """What can't be announced isn't deleted."""
    site.access_log.write_bytes(b"no database" * 1000)

    run(site, "apply", "--delete", code=7)
    assert left(site) == (3, 2)


def test_a_missing_database_is_said_by_both(site) -> None:
    """Plan and apply refuse where the records' database is gone."""
    site.segments.unlink()

    for words in (("plan",), ("apply", "--delete")):
        assert "a database used to be here" in run(site, *words, code=7)


def test_a_clock_that_jumped_can_be_confirmed(site) -> None:
    """The plan doubts it, nothing goes early, and one command settles it."""
    now = SystemClock().now()
    clock = SystemClock()
    past = now - 60 * DAY
    remember(site.upkeep, Memory(Mark(past, past, clock.since_boot(), clock.boot()), None))

    assert "CLOCK     the clock jumped ahead" in run(site, "plan")
    said = run(site, "apply", "--clock-is-right")
    assert "The clock is taken as right" in said
    assert "clock     trusted" in said
    assert recall(site.upkeep).mark.doubted_for is None
    assert "clock confirmed" in run(site, "history")


def test_history_lists_policies_and_receipts(site) -> None:
    """Newest first, with who, what and how much."""
    assert "no entry" in run(site, "history")
    run(site, "apply", "--delete")

    lines = run(site, "history").splitlines()

    assert "policy-applied" in lines[-1]
    assert "done" in lines[0]
    assert len(run(site, "history", "--limit", "1").splitlines()) == 1
    found = json.loads(run(site, "history", "--json"))
    assert found[1]["counts"]["records_rows"] == 20


def add_hold(site: Site, code: int = 0, **changes: str) -> str:
    """Place a hold on everything, or on what changes say."""
    options = {
        "since": (THIS_HOUR - 30 * DAY).isoformat(),
        "until": THIS_HOUR.isoformat(),
        "reason": "an accident at the till",
        "approver": "M. Sato",
        "expires": (THIS_HOUR + 30 * DAY).isoformat(),
        **changes,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return run(site, "hold", "add", *words, code=code)


def test_a_hold_keeps_what_is_due_until_it_is_lifted(site) -> None:
    """Placed, listed, shown in the plan, lifted; each change stands in the log."""
    id_ = add_hold(site).split()[0]

    assert "held      sealed records, door: 1 bucket, 20 rows; held until" in run(site, "plan")
    assert "an accident at the till" in run(site, "plan")
    assert "deleted   records: 0" in run(site, "apply", "--delete")
    listed = run(site, "hold", "list")
    assert "M. Sato" in listed
    assert "29 days left" in listed or "30 days left" in listed
    run(site, "hold", "lift", id_)
    assert "ended" in run(site, "hold", "list")
    assert "deleted   records: 20" in run(site, "apply", "--delete")
    reader = AccessReader(site.access_log)
    assert reader.count(AccessQuery(action=Action.HOLD_PLACED)) == 1
    assert reader.count(AccessQuery(action=Action.HOLD_LIFTED)) == 1


def test_a_hold_says_when_it_covers_nothing(site) -> None:
    """What is gone stays gone."""
    said = add_hold(site, since="2020-01-01", until="2020-02-01")

    assert "It covers 0 records" in said
    assert "stays gone" in said


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"reason": " "}, 8, "a reason"),
        ({"approver": ""}, 8, "an approver"),
        ({"expires": "2999-01-01"}, 8, "at most"),
        ({"expires": "2020-01-01"}, 8, "ends before it begins"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, 8, "period"),
        ({"zone": "cellar"}, 2, "no zone cellar"),
        ({"since": "yesterday"}, 2, "write 2026-11-23"),
    ],
)
def test_a_hold_that_says_too_little_is_refused(site, changes, code, words) -> None:
    """No reason, no approver, no end, no such place: no hold, and no entry in the log."""
    assert words in add_hold(site, code, **changes)
    assert not site.access_log.exists()


def test_a_hold_on_nothing_is_refused(tmp_path) -> None:
    """A site without records gets no database for the sake of a hold."""
    place = Site(tmp_path)
    place.policy.write_bytes(TEXT)

    assert "no records yet" in add_hold(place, 7)
    assert not place.segments.exists()
    assert "There is no legal hold" in run(place, "hold", "list")


def test_a_hold_is_lifted_once(site) -> None:
    """An unknown id and an ended hold are refused."""
    id_ = add_hold(site).split()[0]
    run(site, "hold", "lift", id_)

    assert "no such hold" in run(site, "hold", "lift", id_, code=7)
    assert "no such hold" in run(site, "hold", "lift", "hold-ffffff", code=7)


def test_start_over_is_refused_where_nothing_is_lost(site) -> None:
    """The right database is where it should be."""
    assert "where it should be" in run(site, "start-over", "--yes-lost", code=7)


def test_start_over_needs_a_word(site) -> None:
    """Nobody loses a database by accident; once it is said, the agent may begin anew."""
    site.segments.unlink()

    assert "nobody said" in run(site, "start-over", code=8)
    assert "may begin a new database" in run(site, "start-over", "--yes-lost")
    SegmentStore(site.segments).close()
    assert "due       released numbers" in run(site, "plan")


def test_start_over_accepts_an_exchanged_database(site) -> None:
    """The memory of another database is what stopped the purge; it is replaced."""
    now = SystemClock().now()
    clock = SystemClock()
    remember(site.upkeep, Memory(Mark(now, now, clock.since_boot(), clock.boot()), store=7))
    assert "is new, or another than before" in run(site, "plan")

    run(site, "start-over", "--yes-lost")

    assert "STOPPED" not in run(site, "plan")


REPORT = {
    "state": "running", "written_at": THIS_HOUR.isoformat(), "site": "Shop", "demo": False,
    "models": [], "zones": {}, "ticks": {}, "dropped_frames": {}, "persisting": True,
    "stored_records": 1, "lost_records": 0, "released_buckets": 0, "last_commit": None,
    "hardening_missing": [], "trouble": "",
}  # fmt: skip
ROUND = {
    "overdue_records": 0, "overdue_numbers": 0, "erased": True, "waiting_rows": 0,
    "held_records": 0, "doubt": None, "next_due": "2026-11-26T13:00:00+00:00",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "overdue   0 rows"),
        ({"overdue_records": 20}, "OVERDUE   20 rows"),
        ({"overdue_numbers": None}, "OVERDUE   a database can't be read"),
        ({"erased": False}, "OVERDUE   0 rows; a reader is open"),
        ({"waiting_rows": 7}, "OVERDUE   0 rows; 7 wait for somebody to agree"),
        ({"held_records": 7}, "overdue   0 rows; 7 records under a legal hold"),
        ({"doubt": "ahead"}, "CLOCK     ahead"),
    ],
)
def test_status_says_whether_all_that_is_due_is_gone(changes, words) -> None:
    """One line, in capitals where somebody must act."""
    lines = describe({**REPORT, "retention": {**ROUND, **changes}}, THIS_HOUR)

    assert any(line.startswith(words) for line in lines), lines
