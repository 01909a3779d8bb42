"""A proposal's whole way: reviews, command, running models, and back again."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from agent.calibrating import Calibrator
from agent.cli.main import main
from agent.config.calibration_file import read_steps, write_steps
from agent.config.site import Site
from agent.domain.access import Action, Decision
from agent.domain.calibration import Calibration, Step, present
from agent.domain.facs import AU_LABELS
from agent.domain.frame import Frame
from agent.domain.policy import Head
from agent.errors import ConfigError
from agent.inference.backend import PRESENT_OFF, PRESENT_ON, OwnBackend, load_backend
from agent.store.access_log import AccessLog, AccessReader
from agent.store.reviews import ReviewStore
from agent.submission import submit
from tests.reviewing import coding, review, view

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime.now(UTC).replace(microsecond=0)
SMILE = AU_LABELS.index("AU12")
AGREED_FROM = 2.0
"""Intensity from which the persons in these tests see a smile."""


@pytest.fixture(scope="module")
def models() -> tuple[str, ...]:
    """Return the names of the shipped models."""
    return backend().models


def backend() -> OwnBackend:
    """Return the shipped models."""
    return load_backend(ROOT / "models", heads=frozenset({Head.AU, Head.EMOTION}))


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory, models: tuple[str, ...]) -> Site:
    """Return a site whose reviewers see a smile from another intensity than the models."""
    place = Site(tmp_path_factory.mktemp("reviewed"))
    place.reviews.parent.mkdir()
    with ReviewStore(place.reviews) as store, closing(AccessLog(place.access_log)) as log:
        for i in range(60):
            level = round(0.05 * i + 0.1, 1)
            seen = frozenset({"AU12"}) if level >= AGREED_FROM else frozenset()
            said = view()
            held = (*said.held[:SMILE], level, *said.held[SMILE + 1 :])
            one = review(i, at=NOW, coded=coding(seen), model=replace(said, held=held))
            submit(store, log, replace(one, models=models), timedelta(days=30))
    return place


@pytest.fixture
def site(reviewed: Site, tmp_path: Path) -> Site:
    """Return a copy of it."""
    shutil.copytree(reviewed.root, tmp_path / "site")
    return Site(tmp_path / "site")


def calibrate(site: Site, *arguments: str) -> Result:
    """Run one command on a site."""
    return CliRunner().invoke(main, ["calibrate", *arguments, "--site", str(site.root)])


def logged(site: Site) -> list[tuple[str, Decision, str]]:
    """Return what stands in the log about calibrations, oldest first."""
    entries = AccessReader(site.access_log).entries()
    events = [e.event for e in reversed(entries) if e.event.action is Action.CALIBRATED]
    return [(event.purpose, event.decision, event.note) for event in events]


def faces(own: OwnBackend, seconds: float = 1.0) -> list[tuple[float, bool, float]]:
    """Return AU12's intensity and presence and the class's certainty on the clip's smile."""
    video = cv2.VideoCapture(str(ROOT / "agent" / "demo" / "clip.mp4"))
    video.set(cv2.CAP_PROP_POS_FRAMES, 75)
    own.reset()
    found = []
    for number in range(round(seconds * 15)):
        stamp = int((number + 1) / 15 * 1e9)
        for face in own.look(Frame(video.read()[1], stamp, stamp, stamp)).observations:
            assert face.emotion is not None
            found.append(
                (float(face.au[SMILE]), bool(face.presence[SMILE]), float(face.emotion.max()))
            )
    return found


def test_a_proposal_reaches_the_running_models_and_is_taken_back(
    site: Site, models: tuple[str, ...]
) -> None:
    """Shown, applied, in force in the real models, named beside them, undone: each step logged."""
    own = backend()
    calibrator = Calibrator(site.calibration, [own], models)
    shipped = faces(own)
    assert not calibrator.look().changed
    shown = calibrate(site, "show")
    done = calibrate(site, "apply", "--yes", "--only", "AU12", "--reason", "agreed on 3 March")
    raised = calibrator.look()
    calibrated = faces(own)
    calibrate(site, "undo", "--reason", "a mistake")
    back = calibrator.look()
    again = faces(own)

    assert "AU12: present from" in shown.output
    assert done.exit_code == 0, done.output
    level = raised.calibration.threshold("AU12")
    assert level == pytest.approx(AGREED_FROM, abs=0.21)
    assert raised.changed
    assert raised.models == (*models, raised.calibration.name)
    assert [strength for strength, _, _ in shipped] == [strength for strength, _, _ in calibrated]
    # Both kinds of frames are in the clip, so the two rules can be told apart.
    assert any(PRESENT_ON <= strength < level for strength, _, _ in shipped)
    ratio = PRESENT_OFF / PRESENT_ON
    assert all(there for strength, there, _ in calibrated if strength >= level)
    assert not any(there for strength, there, _ in calibrated if strength < ratio * level)
    assert shipped != calibrated
    assert back.changed
    assert back.models == models
    assert again == shipped
    assert [
        ("apply", Decision.ALLOWED, "agreed on 3 March"),
        ("undo", Decision.ALLOWED, "a mistake"),
    ] == logged(site)


def test_once_applied_it_is_not_proposed_again(site: Site) -> None:
    """What holds is the new beginning: the same reviews propose nothing more."""
    calibrate(site, "apply", "--yes", "--reason", "agreed")

    assert "proposed  nothing" in calibrate(site, "show").output
    assert "nothing was changed" in calibrate(site, "apply", "--yes", "--reason", "x").output
    assert len(read_steps(site.calibration)) == 1


def test_nobody_agrees_for_a_person(site: Site) -> None:
    """Without a person at the keyboard or --yes nothing is changed or logged."""
    result = calibrate(site, "apply", "--reason", "by a script")

    assert result.exit_code == ConfigError("").exit_code
    assert not site.calibration.exists()
    assert [] == logged(site)


def test_a_change_that_was_not_proposed_is_refused(site: Site) -> None:
    """Nobody can name a movement that the reviews don't speak for."""
    result = calibrate(site, "apply", "--yes", "--only", "AU04", "--reason", "x")

    assert result.exit_code == ConfigError("").exit_code
    assert "AU12" in result.output
    assert not site.calibration.exists()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_a_change_needs_a_reason(site: Site, reason: str) -> None:
    """An empty or endless reason changes nothing."""
    result = calibrate(site, "apply", "--yes", "--reason", reason)

    assert result.exit_code == ConfigError("").exit_code
    assert not site.calibration.exists()


def test_a_disk_that_refuses_changes_nothing_and_is_logged(site: Site) -> None:
    """The log holds the announcement and its refusal; what held goes on holding."""
    site.calibration.with_suffix(".part").mkdir()
    result = calibrate(site, "apply", "--yes", "--reason", "agreed")

    assert result.exit_code == 7
    assert [Decision.ALLOWED, Decision.REFUSED] == [decision for _, decision, _ in logged(site)]
    assert not site.calibration.exists()


def test_a_reset_mends_a_damaged_file(site: Site, models: tuple[str, ...]) -> None:
    """A file that nobody understands is refused by everything but the reset."""
    site.calibration.write_text('{"steps": [{"at": 3}]}', "utf-8")
    calibrator = Calibrator(site.calibration, [backend()], models)

    assert calibrator.look().models == models
    assert "as shipped" in (calibrator.trouble or "")
    assert calibrate(site, "undo", "--reason", "x").exit_code == ConfigError("").exit_code
    assert calibrate(site, "reset", "--reason", "damaged").exit_code == 0
    assert not present(read_steps(site.calibration)).changes


def test_a_calibration_of_other_models_is_set_aside(site: Site, models: tuple[str, ...]) -> None:
    """New weights decide as shipped, and the health says why."""
    other = Calibration({"AU12": 3.0}, 1.2, ("face_encoder@00000000",))
    write_steps(site.calibration, [Step(NOW, other, 50)])
    own = backend()
    calibrator = Calibrator(site.calibration, [own], models)
    before = faces(own)

    assert not calibrator.look().changed
    assert "other models" in (calibrator.trouble or "")
    assert faces(own) == before


def test_a_temperature_makes_the_class_less_sure(site: Site, models: tuple[str, ...]) -> None:
    """A factor above 1 lowers the largest probability and leaves movements alone."""
    own = backend()
    before = faces(own)
    write_steps(site.calibration, [Step(NOW, Calibration({}, 2.0, models), 50)])
    Calibrator(site.calibration, [own], models).look()
    after = faces(own)

    assert np.mean([p for _, _, p in after]) < np.mean([p for _, _, p in before]) - 0.03
    assert [face[:2] for face in before] == [face[:2] for face in after]


@pytest.mark.parametrize(
    ("thresholds", "temperature"),
    [
        ({"AU99": 1.0}, 1.0), ({"AU12": 0.0}, 1.0), ({"AU12": 4.5}, 1.0),
        ({"AU12": float("nan")}, 1.0), ({}, 0.0), ({}, 30.0), ({}, float("nan")),
    ],
)  # fmt: skip
def test_a_senseless_calibration_is_refused(
    thresholds: dict[str, float], temperature: float
) -> None:
    """Thresholds that call everything or nothing present can't be written or read."""
    with pytest.raises(ValueError, match=r"Unit|threshold|temperature"):
        Calibration(thresholds, temperature)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", '{"steps": 3}', '{"steps": [{}]}',
        ('{"steps": [{"at": "2026-11-25T10:00:00", "thresholds": {}, "temperature": 1,'
        ' "models": [], "clips": 1}]}'),
        ('{"steps": [{"at": "2026-11-25T10:00:00+00:00", "thresholds": {"AU12": 99},'
        ' "temperature": 1, "models": [], "clips": 1}]}'),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Whatever isn't a whole calibration is refused with a sentence, never guessed at."""
    (tmp_path / "calibration.json").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="isn't a calibration"):
        read_steps(tmp_path / "calibration.json")
