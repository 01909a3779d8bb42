"""`omokage doctor` on real folders."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

from agent.cli.main import main
from agent.config.site import Site
from agent.doctor import look
from tests.unit.test_service import ready  # noqa: F401  (fixture)


@pytest.fixture
def site(ready, tmp_path, monkeypatch):  # noqa: F811
    """A demo's site on a machine without units and without swap."""
    monkeypatch.setattr(look, "UNIT_FOLDERS", (tmp_path / "units",))
    monkeypatch.setattr(look, "SWAPS", tmp_path / "swaps")
    copy = Site(tmp_path / "site")
    shutil.copytree(ready.root, copy.root)
    return copy


def examine(site: Site, *more: str) -> tuple[dict[str, list[dict]], int]:
    """Return the findings by what they are about, and the exit code."""
    done = CliRunner().invoke(main, ["doctor", "--site", str(site.root), "--json", *more])
    found: dict[str, list[dict]] = {}
    for finding in json.loads(done.output):
        found.setdefault(finding["about"], []).append(finding)
    return found, done.exit_code


def test_a_ready_site_has_warnings_only(site) -> None:
    """Policy, models, keys and camera are well; what isn't installed is a warning."""
    found, code = examine(site)

    assert code == 0
    for about in ("policy", "models", "files", "camera", "memory"):
        assert {"ok"} == {finding["level"] for finding in found[about]}, about
    assert found["units"][0]["level"] == "warn"


def test_nothing_is_changed(site) -> None:
    """Looking leaves every file as it was."""
    before = {path: path.stat().st_mtime_ns for path in site.root.rglob("*")}

    examine(site)

    assert before == {path: path.stat().st_mtime_ns for path in site.root.rglob("*")}


def test_a_changed_model_is_found(site, tmp_path) -> None:
    """A model that isn't the one its card describes ends with the code for what isn't safe."""
    models = tmp_path / "models"
    shutil.copytree(look_models(), models)
    with (models / "emotion_head.onnx").open("ab") as file:
        file.write(b"x")

    found, code = examine(site, "--no-camera", "--models", str(models))

    assert code == 13
    assert found["models"][0]["level"] == "bad"
    assert "emotion_head" in found["models"][0]["says"]


def test_a_broken_policy_is_found_and_the_rest_looked_at(site) -> None:
    """One bad thing doesn't hide the others."""
    site.policy.write_text("nonsense =", "utf-8")
    site.device_key.chmod(0o644)

    found, code = examine(site, "--no-camera")

    assert code == 13
    assert found["policy"][0]["level"] == "bad"
    assert any("device.pem" in finding["says"] for finding in found["files"])
    assert found["keys"]


def test_a_missing_camera_is_found(site) -> None:
    """A source that can't be opened is bad, with what to do."""
    text = site.policy.read_text("utf-8").replace('source = "demo"', 'source = "gone.mp4"')
    site.policy.write_text(text, "utf-8")

    found, code = examine(site)

    assert code == 13
    assert found["camera"][0]["level"] == "bad"
    assert found["camera"][0]["advice"]


def test_a_folder_without_a_site_is_bad_not_a_crash(tmp_path) -> None:
    """Nothing there: every answer still comes."""
    found, code = examine(Site(tmp_path / "nowhere"), "--no-camera")

    assert code == 13
    assert found["policy"][0]["level"] == "bad"


def test_words_name_the_level_and_the_advice(site) -> None:
    """Read by a person: a sign, the check, what was found, and below it what to do."""
    done = CliRunner().invoke(main, ["doctor", "--site", str(site.root), "--no-camera"])

    assert "ok    policy" in done.output
    assert "WARN  units" in done.output
    assert "`omokage install`" in done.output


def look_models():
    """Return the folder of the shipped models."""
    from agent.maintenance import models_folder

    return models_folder()
