"""What the running agent does when its keys come, change, and run out."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from agent.cli.status import describe
from agent.clock import SystemClock
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.vault import CHEAPEST
from agent.service import REGISTER, Agent, RunOptions
from agent.store.segments import SegmentStore
from tests.fakes import NOON, FakeBackend, write_video

PASSPHRASE = "correct horse battery"
POLICY = REGISTER.parent / "demo.toml"


class QuickClock(SystemClock):
    """Wall time runs twenty times as fast as the machine's, and jumps when told to."""

    def __init__(self) -> None:
        super().__init__()
        self._began = self.monotonic()
        self.jumped = timedelta(0)

    def now(self):
        """Return the quick wall time."""
        return NOON + self.jumped + timedelta(seconds=20 * (self.monotonic() - self._began))


@pytest.fixture
def site(tmp_path):
    """Return a demo site with keys for one week only."""
    made = Site(tmp_path / "site")
    made.root.mkdir()
    made.policy.write_bytes(POLICY.read_bytes())
    keys = create_epochs(NOON, weeks=1, passphrase=PASSPHRASE, device_id="demo", profile=CHEAPEST)
    write_keys(made, keys)
    return made


def run(site: Site, clip, clock: QuickClock, on_look=None) -> dict:
    """Run an agent that sees two faces in each frame; return its health."""
    options = RunOptions(
        sources={"entrance": str(clip)}, loop=True, seconds=3,
        backend=lambda _policy: FakeBackend(lambda _f: 2, on_look=on_look),
    )  # fmt: skip
    Agent(site, options, clock).run()
    return json.loads(site.status.read_text("utf-8"))


def test_keys_that_run_out_in_mid_run_end_the_recording(site, tmp_path):
    """Past the last epoch's end nothing is stored, statistics go on, and the health says so."""
    clock, looks = QuickClock(), []

    def run_out(count: int) -> None:
        looks.append(count)
        if count == 15:
            clock.jumped = timedelta(days=7)

    health = run(site, write_video(tmp_path / "clip.avi"), clock, run_out)

    assert len(looks) > 16
    assert health["stored_records"] > 0
    assert health["lost_records"] > 0
    assert not health["persisting"]
    assert "no epoch's public key is valid now" in health["trouble"]
    assert (health["keys_until"], health["keys_days"]) == (None, 0)
    with SegmentStore(site.segments) as store:
        starts = {segment.header.bucket_start for segment in store.segments()}
    assert starts
    assert max(starts) < NOON + timedelta(days=1)


def test_a_run_within_the_keys_time_loses_nothing(site, tmp_path):
    """The same run without the jump stores every record, and knows until when it can."""
    health = run(site, write_video(tmp_path / "clip.avi"), QuickClock())

    assert health["stored_records"] > 0
    assert health["lost_records"] == 0
    assert health["persisting"]
    assert health["keys_days"] == 4
    assert health["keys_until"] == "2026-04-06T00:00:00+00:00"
    assert len(health["keys_fingerprint"]) == 24


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"keys_until": "2026-09-28T00:00:00+00:00", "keys_days": 179}, "keys      until 2026-09"),
        ({"keys_until": "2026-04-28T00:00:00+00:00", "keys_days": 26}, "make new ones soon"),
        ({"keys_until": None, "keys_days": 0}, "nothing is recorded"),
    ],
)
def test_status_says_how_long_the_keys_last(keys, words):
    """`omokage status` names the end, warns four weeks ahead, and says when none is left."""
    report = {
        "state": "running", "written_at": NOON.isoformat(), "site": "s", "demo": False,
        "models": ["m"], "zones": {}, "ticks": {}, "dropped_frames": {}, "persisting": True,
        "stored_records": 1, "lost_records": 0, "released_buckets": 0, "last_commit": None,
        "hardening_missing": [], "trouble": "", **keys,
    }  # fmt: skip

    assert any(words in line for line in describe(report, NOON))
