"""The running agent: sources, failures of its parts, what its health says."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from agent.cli.demo import PASSPHRASE, prepare, refuse_taken
from agent.cli.run import parse_sources
from agent.cli.status import describe
from agent.clock import SystemClock
from agent.config.site import Site
from agent.crypto.open import unlock
from agent.domain.frame import FrameStatus
from agent.errors import ConfigError, ModelError, PolicyEmpty, PolicyError
from agent.service import REGISTER, Agent, RunOptions, check_register
from tests.fakes import NOON, FakeBackend, write_video


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A demo site with keys, made once because Argon2id is slow on purpose."""
    site = Site(tmp_path_factory.mktemp("site") / "site")
    prepare(site)
    return site


@pytest.fixture
def site(ready, tmp_path):
    """A copy of the site without state."""
    copy = Site(tmp_path / "copy")
    copy.root.mkdir()
    copy.policy.write_bytes(ready.policy.read_bytes())
    copy.public_keys.parent.mkdir()
    copy.public_keys.write_bytes(ready.public_keys.read_bytes())
    copy.device_key.write_bytes(ready.device_key.read_bytes())
    copy.device_key.chmod(0o600)
    return copy


@pytest.fixture
def clip(tmp_path):
    """A few seconds of generated video."""
    path = tmp_path / "clip.avi"
    write_video(path)
    return path


def run(site: Site, source: str, **options) -> dict:
    """Run an agent that sees two faces in each frame; return its health."""
    options = RunOptions(
        sources={"entrance": source}, backend=lambda _policy: FakeBackend(lambda _f: 2), **options
    )
    Agent(site, options, SystemClock()).run()
    return json.loads(site.status.read_text("utf-8"))


def test_a_file_is_played_to_its_end_and_sealed(site, clip):
    """A finite source ends the run; all its records are sealed, none lost, no vault needed."""
    health = run(site, str(clip))

    assert health["state"] == "stopped"
    assert health["stored_records"] > 10
    assert health["lost_records"] == 0
    assert not site.vault.exists()


def test_without_keys_nothing_is_recorded(site, clip):
    """No public key: the agent runs, stores no record, and its health says why."""
    site.public_keys.unlink()

    health = run(site, str(clip))

    assert health["stored_records"] == 0
    assert health["lost_records"] > 0
    assert not health["persisting"]
    assert "omokage keys init" in health["trouble"]


def test_a_missing_camera_is_counted_not_hidden(site):
    """A camera that isn't there yields time with the status camera_lost."""
    text = site.policy.read_text("utf-8").replace('"synthetic"', '"customers"')
    text = text.replace("demo = true", "demo = false").replace("k = 2 ", "k = 5 ")
    site.policy.write_text(text, "utf-8")
    health = run(site, "/dev/video99", seconds=3)

    assert health["ticks"]["entrance"][FrameStatus.CAMERA_LOST] > 0
    assert health["stored_records"] == 0


def test_a_second_start_goes_on(site, clip):
    """A restart appends to the same databases."""
    first = run(site, str(clip))
    second = run(site, str(clip))

    assert first["stored_records"] > 0
    assert second["stored_records"] > 0


def test_health_holds_no_feature_value(site, clip):
    """The health file names counters and times only."""
    health = run(site, str(clip))

    text = json.dumps(health)
    assert not any(word in text for word in ("AU0", "AU1", "emotion", "happiness", "pose"))


def test_a_site_without_a_policy_is_refused(tmp_path):
    """No policy, no capture."""
    with pytest.raises(PolicyEmpty):
        Agent(Site(tmp_path), RunOptions(sources={}), SystemClock())


def test_the_shipped_register_is_accepted():
    """The register that comes with the agent is about exactly what it stores."""
    check_register(REGISTER.read_text("utf-8"), NOON)


def test_an_expired_register_stops_the_start():
    """A field whose agreement has run out isn't stored by habit."""
    with pytest.raises(PolicyError, match="expired"):
        check_register(REGISTER.read_text("utf-8"), NOON + timedelta(days=3650))


def test_a_register_about_other_fields_stops_the_start():
    """Storing a field that nobody registered is refused."""
    text = REGISTER.read_text("utf-8").replace("[feature.gaze]", "[feature.shoe_size]")

    with pytest.raises(PolicyError, match="what is stored"):
        check_register(text, NOON)


def test_a_zone_without_a_source_is_refused(site):
    """A policy that names no source needs one on the command line."""
    text = site.policy.read_text("utf-8").replace('source = "demo"\n', "")
    site.policy.write_text(text, "utf-8")

    with pytest.raises(ConfigError, match="entrance has no source"):
        Agent(site, RunOptions(sources={}, backend=lambda _p: FakeBackend()), SystemClock())


def test_missing_models_stop_the_start(site, tmp_path):
    """Without its models the agent doesn't pretend to see."""
    with pytest.raises(ModelError):
        Agent(site, RunOptions(sources={"entrance": "demo"}, models=tmp_path), SystemClock())


def test_the_demo_refuses_a_real_site(tmp_path):
    """`omokage demo` never touches a folder whose policy isn't a demo's."""
    site = Site(tmp_path)
    text = (Path(__file__).parents[2] / "policies" / "demo.toml").read_text("utf-8")
    real = text.replace("demo = true", "demo = false").replace("k = 2 ", "k = 5 ")
    site.policy.write_text(real, "utf-8")

    with pytest.raises(ConfigError, match="real site"):
        prepare(site)


def test_the_demo_refuses_a_taken_port():
    """Two demos on one port are refused with advice, before anything starts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(ConfigError, match="taken"):
            refuse_taken(taken.getsockname()[1])


def test_the_demo_passphrase_opens_its_vault(ready):
    """The passphrase that the demo prints is the one that opens its records."""
    assert unlock(ready.vault, PASSPHRASE).epochs


@pytest.mark.parametrize(
    ("texts", "zones", "expected"),
    [
        (("0",), ["a"], {"a": "0"}),
        (("a=0", "b=rtsp://x/?q=1"), ["a", "b"], {"a": "0", "b": "rtsp://x/?q=1"}),
        ((), ["a"], {}),
    ],
)
def test_sources_are_read(texts, zones, expected):
    """A bare source is for the only zone; otherwise each names its zone."""
    assert expected == parse_sources(texts, zones)


@pytest.mark.parametrize(("texts", "zones"), [(("0",), ["a", "b"]), (("c=0",), ["a", "b"]),
                                              (("a=0", "a=1"), ["a", "b"])])  # fmt: skip
def test_ambiguous_sources_are_refused(texts, zones):
    """Nobody guesses which camera was meant."""
    with pytest.raises(ConfigError):
        parse_sources(texts, zones)


def test_an_agent_that_stopped_answering_is_named():
    """A health file that says running but is old says so."""
    report = {
        "state": "running", "written_at": (NOON - timedelta(minutes=1)).isoformat(),
        "site": "s", "demo": False, "models": ["m"], "zones": {"a": "ok"},
        "ticks": {"a": {"ok": 3}}, "dropped_frames": {"a": 0}, "persisting": False,
        "stored_records": 1, "lost_records": 2, "released_buckets": 0, "last_commit": None,
        "hardening_missing": [], "trouble": "full disk",
    }  # fmt: skip

    lines = describe(report, NOON)

    assert "not answering for 60 s" in lines[0]
    assert any("storing: NO" in line for line in lines)
    assert "full disk" in lines[-1]
