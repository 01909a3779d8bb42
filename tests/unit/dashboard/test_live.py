"""The live page: alarms by urgency, nothing red when all is well, and every state of the agent."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from agent.config.policy_file import load_policy
from agent.domain.frame import FrameStatus
from dashboard import alarms, queries_live
from dashboard.alarms import Level
from dashboard.queries_live import Disk, State
from dashboard.text import LANGUAGES, Text, catalogue
from tests.browser import seed, seed_agent
from tests.unit.dashboard.page import draw, said, tables

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from agent.config.site import Site

ROOM = Disk(50 << 30, 100 << 30)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with some hours of numbers, and no agent."""
    until = seed_agent.present()
    return seed.fill(tmp_path, until=until, buckets=6, zones=("entrance", "checkout"), crowd=7)


def put(site: Site, **changes: Any) -> datetime:
    """Write a health file of the present; return the present."""
    now = seed_agent.present()
    seed_agent.write_report(
        site, seed_agent.report(now, load_policy(site.policy).digest, **changes)
    )
    return now


def keys(site: Site, now: datetime, disk: Disk | None = ROOM) -> list[str]:
    """Return the keys of a site's alarms in order."""
    health = queries_live.health(site, now)
    found = alarms.alarms(health, load_policy(site.policy), disk, now)
    return [alarm.key for alarm in found]


def test_all_is_well_raises_nothing(site: Site) -> None:
    """A healthy agent has no alarm of any level."""
    assert keys(site, put(site)) == []


def retention(**changes: Any) -> dict[str, Any]:
    """Return the report of a round with changes."""
    now = seed_agent.present()
    return seed_agent.report(now, "")["retention"] | changes


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"zones": {"entrance": "camera_lost"}}, "camera_lost"),
        ({"zones": {"entrance": "frozen"}}, "frozen"),
        ({"zones": {"entrance": "too_dark"}}, "too_dark"),
        ({"zones": {"entrance": "blurred"}}, "blurred"),
        ({"persisting": False, "trouble": "full"}, "not_storing"),
        ({"lost_records": 4}, "lost"),
        ({"keys_days": 9}, "keys"),
        ({"policy": "cd" * 32}, "restart"),
        ({"frames_per_second": {"entrance": 1.0, "checkout": 5.0}}, "slow"),
        ({"trouble": "Something."}, "trouble"),
        ({"retention": retention(overdue_records=1)}, "overdue"),
        ({"retention": retention(overdue_numbers=None)}, "overdue_unknown"),
        ({"retention": retention(stop="many_at_once", waiting_rows=9)}, "waiting"),
        ({"retention": retention(stop="other_database")}, "other_database"),
        ({"retention": retention(doubt="ahead")}, "clock_ahead"),
        ({"retention": retention(doubt="behind")}, "clock_behind"),
        ({"retention": retention(erased=False)}, "not_erased"),
        ({"capture": {"allowed": False, "reason": "pause_unreadable"}}, "pause_unreadable"),
        ({"bias": {"at": "2026-11-25T10:00:00+00:00", "signs": ["zone:yard:unreadable"]}}, "bias"),
    ],
)
def test_each_fault_is_one_alarm(site: Site, changes: dict[str, Any], key: str) -> None:
    """Each fault is said once, in both languages, with what to do."""
    assert keys(site, put(site, **changes)) == [key]
    assert {f"alarm.{key}.what", f"alarm.{key}.todo"} <= set(catalogue())


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_stands_out_is_said_on_the_page(
    site: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """The alarm says how many groups stand out and where to read on."""
    put(site, bias={"at": "2026-11-25T10:00:00+00:00", "signs": ["zone:yard:unreadable"] * 3})
    told = said(draw("live", site, monkeypatch, language))

    assert Text(language)("alarm.bias.todo") in told
    assert "{" not in told


@pytest.mark.parametrize("odd", [3, {}, {"signs": "x"}, {"at": 3, "signs": ["a:b:c"]}])
def test_an_odd_comparison_is_no_alarm(site: Site, odd: object) -> None:
    """What can't be understood alarms nobody and crashes nothing."""
    assert keys(site, put(site, bias=odd)) == []


def test_no_valid_key_is_urgent_and_said_once(site: Site) -> None:
    """Without a key nothing is stored either; that isn't a second alarm."""
    now = put(site, persisting=False)
    report = json.loads(site.status.read_text()) | {"keys_until": None}
    site.status.write_text(json.dumps(report))

    assert keys(site, now) == ["no_keys"]


def test_the_most_urgent_comes_first(site: Site) -> None:
    """A lost camera stands above a short runway of keys, that above lost records."""
    now = put(site, zones={"entrance": "camera_lost"}, keys_days=20, lost_records=1)

    assert keys(site, now) == ["camera_lost", "keys", "lost"]


def test_a_moment_of_darkness_is_no_alarm(site: Site) -> None:
    """What lasts for seconds only isn't shouted."""
    now = put(site, zones={"entrance": "too_dark"}, zone_seconds={"entrance": 5})

    assert keys(site, now) == []


def test_a_closed_camera_is_no_fault(site: Site) -> None:
    """Outside of the hours neither darkness nor slowness is an alarm."""
    closed = {"allowed": False, "reason": "outside_windows", "next_change": None}
    now = put(site, capture=closed, zones={"entrance": "too_dark"})

    assert keys(site, now) == []


def test_a_full_disk_is_urgent(site: Site) -> None:
    """Little room is said early, hardly any at once."""
    now = put(site)
    health = queries_live.health(site, now)
    levels = [
        alarms.alarms(health, load_policy(site.policy), Disk(free, 100 << 30), now)[0].level
        for free in (1 << 30, 1 << 20)
    ]

    assert levels == [Level.SOON, Level.NOW]


def test_silence_is_seen_by_the_files_age(site: Site) -> None:
    """An old file is an agent that doesn't answer, one from the future as well."""
    now = put(site)

    for gone in (timedelta(minutes=1), timedelta(minutes=-1)):
        assert queries_live.health(site, now + gone).state is State.SILENT
        assert keys(site, now + gone) == ["silent"]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"written_at": 5}', b'{"written_at": "2026-01-01"}']
)
def test_a_damaged_report_is_a_state_of_its_own(site: Site, raw: bytes) -> None:
    """Nothing is guessed from half a file."""
    site.status.write_bytes(raw)

    assert queries_live.health(site, seed_agent.present()).state is State.UNREADABLE


@pytest.mark.parametrize("wrong", [None, 5, "x", [1], {"a": "b"}, True])
def test_nonsense_in_a_report_never_crashes(site: Site, wrong: Any) -> None:
    """Each value of another kind than expected is unknown, and the rest is read."""
    report = seed_agent.report(seed_agent.present(), "ab")
    for key in report.keys() - {"written_at", "state"}:
        site.status.write_text(json.dumps(report | {key: wrong}))
        health = queries_live.health(site, seed_agent.present())

        assert health.state is State.RUNNING
        alarms.alarms(health, None, None, seed_agent.present())


def test_a_word_of_a_newer_agent_is_unknown(site: Site) -> None:
    """A status that this version doesn't know isn't taken for one that it knows."""
    now = put(site, zones={"entrance": "foggy", "checkout": "ok"})
    statuses = [camera.status for camera in queries_live.health(site, now).cameras]

    assert statuses == [None, FrameStatus.OK]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_healthy_page_has_nothing_red(
    site: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """All is well: one green sentence, no error, no warning, each camera by name."""
    put(site)
    app = draw("live", site, monkeypatch, language)

    assert not app.error
    assert not app.warning
    assert Text(language)("live.watching_many", n=2) in app.success[0].value
    assert "entrance" in said(app)
    assert Text(language)("camera.no_face") in said(app)


def test_every_chart_has_a_table_twin_and_there_is_no_image(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bars of the day are in one table; no picture of any kind is on the page."""
    put(site)
    app = draw("live", site, monkeypatch)

    assert len(app.get("vega_lite_chart")) == 2
    assert len(tables(app)[0]) == 2
    assert not app.get("imgs")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_without_an_agent_the_page_says_how_to_start_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Never started: a warning with the command."""
    app = draw("live", site, monkeypatch, language)

    assert "omokage run" in app.warning[0].value
    assert not app.success


def test_closing_time_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of the hours the page says until when."""
    opens = (seed_agent.present() + timedelta(hours=9)).isoformat()
    put(
        site,
        capture={"allowed": False, "reason": "outside_windows", "next_change": opens},
        zones={"entrance": "paused", "checkout": "paused"},
    )
    app = draw("live", site, monkeypatch)

    assert "closed until" in app.info[0].value
    assert not app.error
    assert Text("en")("camera.outside_windows") in said(app)


@pytest.mark.parametrize(("kind", "break_it"), [
    ("corrupt", lambda path: path.write_bytes(b"no database" * 500)),
    ("newer", lambda path: _version(path, 99)),
])  # fmt: skip
def test_a_broken_database_leaves_the_health(
    site: Site, monkeypatch: pytest.MonkeyPatch, kind: str, break_it: Any
) -> None:
    """The day's bars can't be shown, the cameras still are, and the page says what to do."""
    put(site)
    break_it(site.aggregates)
    app = draw("live", site, monkeypatch, "ja")

    what = Text("ja")("store.aggregates")
    assert Text("ja")(f"trouble.{kind}", what=what) in app.error[0].value
    assert not app.success  # nothing is called well above a red box
    assert "entrance" in said(app)


def _version(path: Path, number: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={number}")
    connection.close()


def test_a_locked_database_is_not_a_crash(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program holds the file, the page says so."""
    put(site)
    holder = sqlite3.connect(site.aggregates)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        text = draw("live", site, monkeypatch).error[0].value
    finally:
        holder.close()

    assert "Another program is using the released numbers" in text


def test_no_policy_file_is_an_alarm(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent runs on, but couldn't be started again."""
    put(site)
    site.policy.unlink()

    assert "omokage policy check" in draw("live", site, monkeypatch).warning[0].value


def test_a_slow_start_is_no_alarm() -> None:
    """A camera that has just begun isn't called slow."""
    now = seed_agent.present()
    camera = queries_live.Camera("door", FrameStatus.OK, now, 1.0, 0, 3)
    health = queries_live.Health(State.RUNNING, now, (camera,), hertz=5.0)
    old = replace(health, cameras=(replace(camera, since=now - timedelta(minutes=1)),))

    assert "slow" not in [alarm.key for alarm in alarms.alarms(health, None, ROOM, now)]
    assert "slow" in [alarm.key for alarm in alarms.alarms(old, None, ROOM, now)]


def test_what_the_agent_takes_of_the_machine_is_read(site: Site) -> None:
    """Memory in bytes, work as cores; under a minute the work isn't known yet."""
    load = {"resident_bytes": 9 << 20, "most_resident_bytes": 10 << 20, "cpu_seconds": 30.0}
    found = queries_live.health(site, put(site, load=load | {"seconds": 120.0})).load
    early = queries_live.health(site, put(site, load=load | {"seconds": 10.0})).load

    assert found is not None
    assert (found.resident, found.most, found.cores) == (9 << 20, 10 << 20, 0.25)
    assert early is not None
    assert early.cores is None


@pytest.mark.parametrize("odd", [None, 3, [], "much"])
def test_a_load_that_isnt_one_is_unknown(site: Site, odd: object) -> None:
    """Whatever else stands there is no load, and no crash."""
    assert queries_live.health(site, put(site, load=odd)).load is None


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 10**400, "x", True, None])
def test_numbers_that_nobody_can_count_are_unknown(site: Site, odd: object) -> None:
    """Neither no number nor an endless one becomes a number on a page."""
    load = {"resident_bytes": odd, "most_resident_bytes": odd, "cpu_seconds": odd, "seconds": odd}
    found = queries_live.health(site, put(site, load=load, lost_records=odd))

    assert found.load is not None
    assert (found.load.resident, found.load.cores, found.lost) == (None, None, 0)
