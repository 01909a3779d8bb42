"""One `omokage run` watches a well camera and eight that misbehave, and tells the truth of each.

Three acts of a few seconds: all are well; each has its fault; all are well again. Meanwhile the
health file is read as `omokage status` reads it, and at the end the sealed records are opened: no
record may carry a time at which its camera showed nobody.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.cli.status import describe
from agent.clock import SystemClock
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.open import unlock
from agent.crypto.vault import CHEAPEST
from agent.domain.record import OFFSET_STEP_SECONDS
from agent.store.aggregates import AggregateReader
from agent.store.segments import SegmentReader
from tests.misbehaving import Flow, MjpegCamera, Mood, Relay, rtsp_server
from tests.running import RunningAgent
from tests.sealing import PASSPHRASE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BUCKET_SECONDS = 5
HZ = 5
ACT_SECONDS = 6.5
SLACK_SECONDS = 1.0
"""A frame is on its way for a moment, and the clocks of camera and agent are read apart."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
FAULTS = {
    "well": Mood.WELL,
    "gone": Mood.GONE,
    "frozen": Mood.FROZEN,
    "black": Mood.BLACK,
    "slow": Mood.SLOW,
    "small": Mood.SMALL,
    "silent": Mood.SILENT,
    "garbage": Mood.GARBAGE,
    "torn": Mood.TORN,
}
SEES_NOBODY = ["gone", "black", "silent", "garbage"]


def make_site(root: Path, zones: list[str]) -> Site:
    """Write a policy for people, and cheap keys."""
    site = Site(root)
    root.mkdir()
    text = (ROOT / "docs" / "examples" / "shop.toml").read_text("utf-8")
    text = text.replace('flush = "5s"', 'flush = "1s"')
    text = text.replace('bucket = "1h"', f'bucket = "{BUCKET_SECONDS}s"')
    before, _, after = text.partition("[[capture.zones]]")
    after = after[after.index("[retention]") :]
    named = "".join(f'[[capture.zones]]\nname = "{zone}"\n\n' for zone in zones)
    site.policy.write_text(before + named + after, "utf-8")
    keys = create_epochs(
        SystemClock().now(), weeks=2, passphrase=PASSPHRASE, device_id="c", profile=CHEAPEST
    )
    write_keys(site, keys)
    return site


class Running(RunningAgent):
    """An agent with several cameras."""

    def __init__(self, site: Site, sources: dict[str, str], log: Path) -> None:
        super().__init__(site, log, *(f"--source={zone}={at}" for zone, at in sources.items()))

    def close(self) -> None:
        """End it, however the test ended."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit code and the seconds that it took."""
        asked = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(30)
        finally:
            self.process.kill()
        return code, time.monotonic() - asked


@dataclass
class Play:
    """What happened.

    Attributes:
        healths: the health file at the end of each act.
        faulty: from when to when the faults lasted, aware UTC.
        frames: pictures that each camera sent during the faults.
        records: when each zone's records were taken, aware UTC.
        cells: coverage rows.
        end: exit code and seconds after SIGTERM.
        said: what the process printed.
    """

    healths: list[dict] = field(default_factory=list)
    faulty: tuple[datetime, datetime] = (NEVER, NEVER)
    frames: dict[str, int] = field(default_factory=dict)
    records: dict[str, list[datetime]] = field(default_factory=dict)
    cells: list = field(default_factory=list)
    end: tuple[int, float] = (0, 0.0)
    said: str = ""

    def in_act(self, zone: str) -> list[datetime]:
        """Return a zone's records from within the faults."""
        first, last = self.faulty
        slack = timedelta(seconds=SLACK_SECONDS)
        grain = timedelta(seconds=2 * OFFSET_STEP_SECONDS)
        return [at for at in self.records.get(zone, []) if first + slack < at < last - grain]


def open_records(site: Site) -> dict[str, list[datetime]]:
    """Open all sealed records; return by zone when they were taken."""
    opener, found = unlock(site.vault, PASSPHRASE), {}
    with SegmentReader(site.segments) as reader:
        for bucket in reader.buckets():
            header = bucket.segments[0].header
            batch = opener.open_bucket(
                bucket.segments, bucket.key, opener.verifier, now=SystemClock().now()
            )
            found.setdefault(header.zone, []).extend(
                header.bucket_start + timedelta(seconds=OFFSET_STEP_SECONDS * int(offset))
                for offset in batch["offset"]
            )
    return found


@pytest.fixture(scope="module")
def play(tmp_path_factory) -> Play:
    """Play all three acts once."""
    root, play = tmp_path_factory.mktemp("cameras"), Play()
    site = make_site(root / "site", list(FAULTS))
    cameras = {zone: MjpegCamera() for zone in FAULTS}
    addresses = {zone: camera.address for zone, camera in cameras.items()}
    running = Running(site, addresses, root / "log")
    try:
        running.wait_until(
            lambda h: all(rate > 2 for rate in h["frames_per_second"].values()), seconds=90
        )
        play.healths.append(running.health())
        began = {zone: camera.sent for zone, camera in cameras.items()}
        for zone, mood in FAULTS.items():
            cameras[zone].mood = mood
        start = SystemClock().now()
        time.sleep(ACT_SECONDS)
        play.healths.append(running.health())
        play.faulty = (start, SystemClock().now())
        play.frames = {zone: camera.sent - began[zone] for zone, camera in cameras.items()}
        for camera in cameras.values():
            camera.mood = Mood.WELL
        play.healths.append(
            running.wait_until(lambda h: set(h["zones"].values()) == {"ok"}, seconds=25)
        )
        time.sleep(3.0)
        play.healths.append(running.health())
        play.end = running.stop()
    finally:
        running.close()
        for camera in cameras.values():
            camera.close()
    play.said = (root / "log").read_text()
    play.records = open_records(site)
    now = SystemClock().now()
    play.cells = AggregateReader(site.aggregates).rows(now - timedelta(hours=1), now)
    return play


def test_a_camera_beside_broken_ones_is_not_disturbed(play: Play) -> None:
    """The well one keeps its rate and its records while eight others fail."""
    rates = [health["frames_per_second"]["well"] for health in play.healths]

    assert min(rates) > 0.4 * HZ
    assert {"ok"} == {health["zones"]["well"] for health in play.healths}
    assert len(set(play.in_act("well"))) > 0.4 * HZ * ACT_SECONDS


@pytest.mark.parametrize(
    ("zone", "status"),
    [
        ("gone", "camera_lost"),
        ("silent", "camera_lost"),
        ("garbage", "camera_lost"),
        ("frozen", "frozen"),
        ("torn", "frozen"),
        ("black", "too_dark"),
        ("slow", "ok"),
        ("small", "ok"),
    ],
)
def test_the_status_says_what_is_wrong(play: Play, zone: str, status: str) -> None:
    """In the middle of the fault `omokage status` names it, in the zone that has it."""
    lines = describe(play.healths[1], datetime.fromisoformat(play.healths[1]["written_at"]))

    (line,) = [line for line in lines if line.startswith(f"zone      {zone}:")]
    assert f"{zone}: {status} (" in line


@pytest.mark.parametrize("zone", SEES_NOBODY)
def test_no_record_is_invented(play: Play, zone: str) -> None:
    """A camera that shows nobody gives no record, whatever it showed before."""
    assert [] == play.in_act(zone)


def test_a_frozen_picture_is_counted_once(play: Play) -> None:
    """The first of many equal pictures may be a record; its repetitions never are."""
    assert len(set(play.in_act("frozen"))) <= 1


def test_a_torn_pictures_old_part_is_noticed(play: Play) -> None:
    """The decoder fills a torn picture with an old face; after two seconds it isn't believed."""
    noticed = play.faulty[0] + timedelta(seconds=2.5 + SLACK_SECONDS)

    assert [] == [at for at in play.in_act("torn") if at > noticed]
    assert play.healths[1]["ticks"]["torn"]["frozen"] > 0


def test_a_slow_camera_gives_a_record_a_picture_and_no_more(play: Play) -> None:
    """At one frame a second nothing is repeated in between, and the camera isn't called lost."""
    instants = set(play.in_act("slow"))

    assert 3 <= len(instants) <= play.frames["slow"] + 1
    assert 0 == play.healths[1]["ticks"]["slow"]["camera_lost"]


def test_a_change_of_size_costs_no_record(play: Play) -> None:
    """Pictures of a quarter of the size in mid-stream are looked at like the others."""
    assert len(set(play.in_act("small"))) > 0.3 * HZ * ACT_SECONDS


@pytest.mark.parametrize("zone", list(FAULTS))
def test_every_camera_comes_back_by_itself(play: Play, zone: str) -> None:
    """Once it is well again its records go on, without anybody's help."""
    assert "ok" == play.healths[-1]["zones"][zone]
    assert any(at > play.faulty[1] for at in play.records[zone])


def test_nothing_that_was_acknowledged_is_missing(play: Play) -> None:
    """The health's count of stored records is what can be opened."""
    stored = play.healths[-1]["stored_records"]

    assert sum(map(len, play.records.values())) >= stored > 0
    assert 0 == play.healths[-1]["lost_records"]


def test_coverage_claims_no_time_twice(play: Play) -> None:
    """In no bucket is more time accounted for than it has, and the lost time isn't observed."""
    observed = {
        (row.zone, row.bucket_start): row.value
        for row in play.cells
        if row.metric == "coverage.observed_seconds"
    }
    first, last = play.faulty
    inside = [
        start for zone, start in observed
        if zone == "gone" and first < start and start + timedelta(seconds=BUCKET_SECONDS) < last
    ]  # fmt: skip

    assert max(observed.values()) <= BUCKET_SECONDS + 0.05
    assert all(observed["gone", start] < 1 for start in inside)


def test_it_ends_when_it_is_told_to(play: Play) -> None:
    """SIGTERM ends it cleanly, within seconds, and it printed no traceback on the way."""
    code, seconds = play.end

    assert 0 == code
    assert seconds < 5
    assert "Traceback" not in play.said


def lost_since(health: dict, zone: str) -> bool:
    """Say whether a zone's camera is called lost."""
    return health["zones"][zone] == "camera_lost"


def test_an_rtsp_camera_stalls_and_comes_back(tmp_path: Path) -> None:
    """A stream that stops without a word is lost after two seconds, and connected anew by itself.

    While the read still blocks, SIGTERM ends the agent all the same.
    """
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    site = make_site(tmp_path / "site", ["door"])
    with rtsp_server(pictures) as port:
        relay = Relay(port)
        source = f"rtsp://user:hunter2@127.0.0.1:{relay.port}/cam"
        running = Running(site, {"door": source}, tmp_path / "log")
        try:
            running.wait_until(lambda h: h["frames_per_second"]["door"] > 2)
            time.sleep(1.0)  # what the connection began with is through
            healthy = running.health()["faces"]
            relay.flow = Flow.STALL
            stalled = SystemClock().now()
            running.wait_until(lambda h: lost_since(h, "door"), seconds=8)
            time.sleep(1.0)
            resumed = SystemClock().now()
            relay.flow = Flow.PASS
            back = running.wait_until(lambda h: h["zones"]["door"] == "ok", seconds=20)
            again = SystemClock().now()
            relay.flow = Flow.GARBLE
            running.wait_until(lambda h: lost_since(h, "door"), seconds=8)
            relay.flow = Flow.PASS
            running.wait_until(lambda h: h["zones"]["door"] == "ok", seconds=20)
            relay.flow = Flow.STALL
            time.sleep(1.0)
            code, seconds = running.stop()
        finally:
            running.close()
            relay.close()

    print(f"RTSP: back after {(again - stalled).total_seconds():.1f} s, ended in {seconds:.1f} s")
    said = running.log.read_text()
    assert healthy > 0
    assert back["ticks"]["door"]["camera_lost"] > 0
    assert relay.connections >= 3
    assert (code, seconds < 5) == (0, True), said
    assert "hunter2" not in said
    assert "Traceback" not in said
    times = open_records(site)["door"]
    # What was on its way, and what FFmpeg had read ahead, may still come.
    quiet = [at for at in times if stalled + timedelta(seconds=2) < at < resumed]
    assert [] == quiet
    assert "stopped" == running.health()["state"]


def test_capture_is_killable_while_every_camera_hangs(tmp_path: Path) -> None:
    """Three cameras that take the connection and never answer don't hold up the end."""
    site = make_site(tmp_path / "site", ["a", "b", "c"])
    cameras = [MjpegCamera() for _ in range(3)]
    for camera in cameras:
        camera.mood = Mood.SILENT
    sources = {zone: c.address for zone, c in zip("abc", cameras, strict=True)}
    running = Running(site, sources, tmp_path / "log")
    try:
        running.wait_until(lambda h: set(h["zones"].values()) == {"camera_lost"})
        code, seconds = running.stop()
    finally:
        running.close()
        for camera in cameras:
            camera.close()

    print(f"three hanging cameras: ended in {seconds:.1f} s")
    assert 0 == code, running.log.read_text()
    assert seconds < 5
    assert {"faces": 0, "stored_records": 0} == {
        name: running.health()[name] for name in ("faces", "stored_records")
    }
    assert datetime.now(UTC) > datetime.fromisoformat(running.health()["written_at"])
