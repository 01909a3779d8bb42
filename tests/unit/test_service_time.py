"""The running agent while time misbehaves: nothing is claimed that wasn't seen."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.config.site import Site
from agent.domain.frame import FrameStatus
from agent.errors import StoreInUse
from agent.service import Agent, RunOptions
from agent.store.aggregates import AggregateReader
from tests.fakes import FakeBackend, write_video

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def site(tmp_path):
    """A demo site without keys whose buckets last two seconds."""
    made = Site(tmp_path / "site")
    made.root.mkdir()
    text = (ROOT / "policies" / "demo.toml").read_text("utf-8")
    text = text.replace('bucket = "30s"', 'bucket = "2s"')
    made.policy.write_text(text.replace('flush = "5s"', 'flush = "1s"'), "utf-8")
    return made


@pytest.fixture
def clip(tmp_path):
    """Seconds of moving noise."""
    return write_video(tmp_path / "clip.avi")


class LeapingClock(SystemClock):
    """The machine's clock, some of whose hands are moved once the agent has looked so often."""

    def __init__(self, looks: int, *, wall: float = 0, passed: float = 0) -> None:
        self.looks, self.wall, self.passed = looks, timedelta(seconds=wall), passed
        self.leapt = False

    def leap(self) -> None:
        """Count a look, and leap after the last one."""
        self.looks -= 1
        self.leapt = self.looks <= 0

    def now(self):
        """Return the time on the wall."""
        return super().now() + (self.wall if self.leapt else timedelta(0))

    def monotonic(self):
        """Return the time that has passed."""
        return super().monotonic() + (self.passed if self.leapt else 0)


def run(site, source, clock, **options) -> Agent:
    """Run an agent whose every look is counted by the clock; return it afterwards."""
    backend = FakeBackend(lambda _frame: 3, on_look=lambda _looks: clock.leap())
    options = RunOptions(
        sources={"entrance": str(source)}, loop=True, backend=lambda _policy: backend, **options
    )
    agent = Agent(site, options, clock)
    agent._pipeline.seconds = []  # type: ignore[attr-defined]
    counted = agent._pipeline.count

    def count(zone, status, *, faces=0, seconds):
        agent._pipeline.seconds.append((status, seconds))
        counted(zone, status, faces=faces, seconds=seconds)

    agent._pipeline.count = count  # type: ignore[method-assign]
    agent.run()
    return agent


def claimed(agent: Agent) -> float:
    """Return how many seconds the agent has accounted for."""
    return sum(seconds for _, seconds in agent._pipeline.seconds)  # type: ignore[attr-defined]


def test_an_hour_of_standing_still_is_claimed_by_nobody(site, clip) -> None:
    """A process that was stopped for an hour neither says that it watched, nor that it was dark.

    The picture that lay ready meanwhile is wiped and not looked at, and nobody is followed across.
    """
    agent = run(site, clip, LeapingClock(8, passed=3600), seconds=3601.5)

    seen = agent._pipeline.seconds
    assert len(seen) > 4
    assert claimed(agent) < 10
    assert {FrameStatus.OK} == {status for status, _ in seen}
    (backend,) = agent._pipeline._backends.values()
    times = [frame.monotonic_ns / 1e9 for frame in backend.frames]
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) > 3599
    assert not any(30 < gap < 3599 for gap in gaps)
    assert backend.resets > 0


@pytest.mark.slow
@pytest.mark.parametrize("days", [365, -365])
def test_a_leap_of_a_year_loses_no_number_of_the_time_before(site, clip, days) -> None:
    """The bucket that was open at the leap is closed and released, at its own time."""
    clock = LeapingClock(22, wall=86_400 * days)
    before = SystemClock().now() - timedelta(seconds=10)

    agent = run(site, clip, clock, seconds=3.5)

    cells = AggregateReader(site.aggregates).rows(before, SystemClock().now())
    shown = {row.bucket_start for row in cells if row.value is not None}
    assert shown
    assert claimed(agent) < 4


@pytest.mark.slow
def test_a_clock_set_back_a_little_doesnt_hold_records_back(site, clip) -> None:
    """Flushing goes by how long it has been, not by when the wall clock has caught up."""
    text = site.policy.read_text("utf-8").replace('bucket = "2s"', 'bucket = "1h"')
    site.policy.write_text(text, "utf-8")
    clock = LeapingClock(8, wall=-120)
    flushed = []

    class Watched(Agent):
        """Notes when records are sealed, by how often was looked."""

        def _recorder(self):
            recorder = super()._recorder()
            opened = recorder.open_bucket

            def note(zone, start, now):
                flushed.append(clock.leapt)
                return opened(zone, start, now)

            recorder.open_bucket = note
            return recorder

    backend = FakeBackend(lambda _frame: 1, on_look=lambda _looks: clock.leap())
    options = RunOptions(
        sources={"entrance": str(clip)}, loop=True, seconds=3, backend=lambda _policy: backend
    )
    Watched(site, options, clock).run()

    # Without keys each flush asks for a new bucket, so each is seen here.
    assert flushed.count(True) >= 2


def test_a_second_agent_on_the_same_site_is_refused(site, clip) -> None:
    """The one that runs goes on; the other one says why it doesn't."""
    options = RunOptions(
        sources={"entrance": str(clip)}, seconds=0.5, backend=lambda _policy: FakeBackend()
    )
    first = Agent(site, options, SystemClock())

    with pytest.raises(StoreInUse):
        Agent(site, options, SystemClock())
    first.run()

    Agent(site, options, SystemClock()).run()
