"""The daily comparison: what it reads, when it is due, what becomes of a damaged result."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.aggregate.suppress import release
from agent.aggregate.window import BucketWindow
from agent.bias_check import check, due, read, write
from agent.cli.status import bias_line
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.domain.circumstance import Scene
from agent.domain.frame import FrameStatus
from agent.errors import StoreError
from agent.evaluation.bias import Kind, Measure
from agent.store.access_log import AccessLog
from agent.store.aggregates import AggregateWriter
from agent.upkeep import Upkeep
from tests.browser import seed
from tests.fakes import FrozenClock
from tests.reviewing import site as review_site

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
HOURS = 12
ZONES = ("door", "yard")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site whose yard is dark every other minute, and where far faces are read worse."""
    place = Site(tmp_path_factory.mktemp("site"))
    policy = seed.policy(ZONES, 3600)
    dice = random.Random(5)
    with AggregateWriter(place.aggregates) as writer:
        for hour in range(HOURS):
            start = NOW - timedelta(hours=HOURS - hour)
            windows = [_hour(zone, start, dice) for zone in ZONES]
            writer.release(release([w.summary() for w in windows], policy, models=("m@1",)))
    return place


def _hour(zone: str, start: datetime, dice: random.Random) -> BucketWindow:
    window = BucketWindow(zone, start, 3600)
    dark = 1500.0 if zone == "yard" else 30.0
    window.tick(FrameStatus.TOO_DARK, 0, dark + dice.uniform(0, 60))
    window.tick(FrameStatus.OK, 8, 3600 - dark)
    for track in range(8):
        near = track % 2 == 0
        for _ in range(20):
            record = replace(seed.record(track, 0.0, dice), quality=17 if near else 9)
            window.add(record, Scene(0.4 if near else 0.1, 0.5))
    return window


def test_a_dark_place_and_far_faces_are_named(site: Site) -> None:
    """What was built in is found, and nothing else."""
    found = check(site, "Asia/Tokyo", NOW)

    assert {(one.kind, one.name, one.measure) for one in found.signs} == {
        (Kind.ZONE, "yard", Measure.UNREADABLE),
        (Kind.DISTANCE, "far", Measure.QUALITY),
    }
    assert all(0 <= one.low <= one.value <= one.high <= 1 for one in found.groups if one.value)


def test_a_result_is_read_as_it_was_written(site: Site, tmp_path: Path) -> None:
    """The file gives back every group and every sign."""
    found = check(site, "UTC", NOW)
    write(tmp_path / "bias.json", found)

    assert read(tmp_path / "bias.json") == found


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": "2026-11-25T10:00:00"}', '{"at": 3}'])
def test_a_damaged_result_counts_as_none(tmp_path: Path, text: str) -> None:
    """Nobody believes half a file; the next check replaces it."""
    (tmp_path / "bias.json").write_text(text, "utf-8")

    assert read(tmp_path / "bias.json") is None


def test_a_disk_that_refuses_is_said(site: Site, tmp_path: Path) -> None:
    """A result that can't be written is an error with a sentence."""
    with pytest.raises(StoreError, match="bias"):
        write(tmp_path / "nowhere" / "bias.json", check(site, "UTC", NOW))


def test_it_is_due_once_a_day(site: Site) -> None:
    """Not again within a day; at once without a result, or with one from the future."""
    last = check(site, "UTC", NOW)

    assert due(None, NOW)
    assert not due(last, NOW + timedelta(hours=23))
    assert due(last, NOW + timedelta(hours=24))
    assert due(last, NOW - timedelta(hours=1))


def test_an_empty_site_has_no_signs(tmp_path: Path) -> None:
    """Before the first number nothing is compared and nothing refused."""
    assert check(Site(tmp_path), "UTC", NOW).signs == ()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, []),
        (
            {"at": NOW.isoformat(), "signs": []},
            ["bias      checked 2026-11-25: nothing stands out"],
        ),
        (
            {"at": NOW.isoformat(), "signs": ["zone:yard:unreadable"]},
            ["BIAS      checked 2026-11-25: zone yard (unreadable); see the page Model quality"],
        ),
    ],
)  # fmt: skip
def test_the_status_says_what_stands_out(found: dict | None, said: list[str]) -> None:
    """One line: nothing, or each group that differs."""
    assert bias_line(found) == said


def test_the_agent_compares_once_a_day_and_tells(tmp_path: Path) -> None:
    """The first round compares; a later one of the same day doesn't, the next day's does."""
    place, clock = review_site(tmp_path, NOW), FrozenClock(NOW)
    ends = []
    with closing(AccessLog(place.access_log)) as log:
        found = Upkeep(place, load_policy(place.policy), log, clock)
        for hours in (0, 5, 20):
            clock.sleep(hours * 3600)
            found.keep_if_due()
            last = read(place.bias)
            ends.append(None if last is None else last.at)
        told = found.bias_report()
        found.close()

    assert ends[0] == ends[1] == NOW
    assert ends[2] is not None
    assert ends[2] > NOW + timedelta(hours=24)
    assert told is not None
    assert told["signs"] == []
