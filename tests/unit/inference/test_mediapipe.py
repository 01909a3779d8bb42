"""The MediaPipe backend: ids, what is missing, flushing, refusals; and MediaPipe itself."""

from __future__ import annotations

import csv
import hashlib
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS
from agent.domain.frame import Frame, FrameStatus
from agent.domain.observation import Look
from agent.domain.policy import Head
from agent.domain.record import MISSING
from agent.errors import ConfigError, ModelContractError, ModelError, ModelHashMismatch
from agent.inference.mediapipe import PATIENCE, TASK_SHA256, MediaPipeBackend, load_mediapipe
from agent.inference.mediapipe_map import MeshFace
from agent.privacy.minimise import minimise
from tests.fakes import NOON
from tests.unit.inference.meshes import NOT_MEASURED, mesh_face
from tests.unit.inference.squares import Square, draw

DEMO = Path(__file__).resolve().parents[3] / "agent" / "demo"
HERE, THERE = Square(150, 200), Square(450, 250)


class FakeLandmarker:
    """Finds what the test says; remembers what it was shown, and when.

    Attributes:
        faces: what the next pictures show.
        sums: the sum of each picture's pixels when it was shown.
        shown: the pictures, the very objects.
        times: the time that came with each picture, ms.
    """

    def __init__(self) -> None:
        self.faces: list[MeshFace] = []
        self.sums: list[int] = []
        self.shown: list[npt.NDArray[np.uint8]] = []
        self.times: list[int] = []
        self.closed = 0
        self.error: Exception | None = None

    def find(self, rgb: npt.NDArray[np.uint8], at_ms: int) -> list[MeshFace]:
        """Find the scripted faces in any picture that isn't black."""
        self.sums.append(int(rgb.sum()))
        self.shown.append(rgb)
        self.times.append(at_ms)
        if self.error is not None:
            raise self.error
        return self.faces if rgb.any() else []

    def close(self) -> None:
        """Count the closings."""
        self.closed += 1


class Rig:
    """A MediaPipe backend around a fake landmarker."""

    def __init__(self, *, still: bool = False, heads: frozenset[Head] = frozenset(Head)) -> None:
        self.landmarker = FakeLandmarker()
        self.backend = MediaPipeBackend(
            self.landmarker, models=("mediapipe@00000000",), heads=heads, still=still
        )
        self.sequence = 0

    def look(self, *faces: MeshFace) -> Look:
        """Show the next frame."""
        self.landmarker.faces = list(faces)
        self.sequence += 1
        return self.backend.look(draw(sequence=self.sequence))

    def tracks(self, *places: Square) -> list[int]:
        """Show faces at places and list their tracks."""
        return [seen.track for seen in self.look(*map(mesh_face, places)).observations]


def test_a_face_is_observed() -> None:
    """Landmarks, box and pose come in the frame's pixels and our signs; emotion is None."""
    (seen,) = Rig().look(mesh_face(HERE)).observations

    nose = seen.landmarks[33]
    assert [HERE.x, HERE.y + 13] == pytest.approx(nose.tolist(), abs=1)
    assert [0, 0, 0] == pytest.approx(seen.pose.tolist(), abs=1e-3)
    assert seen.box[0] < HERE.x < seen.box[2]
    assert seen.emotion is None
    assert not seen.calibrated


def test_scores_that_mediapipe_does_not_give_are_not_invented() -> None:
    """There is no confidence, so it is NaN; quality is 1 for whatever was found."""
    (seen,) = Rig().look(mesh_face(HERE)).observations

    assert np.isnan(seen.confidence)
    assert 1 == seen.quality


@pytest.mark.parametrize("still", [True, False])
def test_what_is_not_measured_is_missing_and_absent(still: bool) -> None:
    """An AU that isn't measured is NaN, never 0, and is not present."""
    (seen,) = Rig(still=still).look(mesh_face(HERE, mouthSmileLeft=0.8)).observations

    missing = np.array([label in NOT_MEASURED for label in AU_LABELS])
    assert missing.tolist() == np.isnan(seen.au).tolist()
    assert ["AU12"] == [AU_LABELS[i] for i in np.flatnonzero(seen.presence)]


def test_what_is_not_measured_is_recorded_as_missing() -> None:
    """In a record, sides that weren't measured have the code for missing, others a number."""
    (seen,) = Rig().look(mesh_face(HERE, jawOpen=1)).observations

    record = minimise(seen, at=NOON, bucket_start=NOON, track=1)

    recorded = {
        label.split("_")[0]
        for label, code in zip(AU_SIDE_LABELS, record.au_sides, strict=True)
        if code == MISSING
    }
    assert set(NOT_MEASURED) == recorded
    assert 25 == record.au_sides[AU_SIDE_LABELS.index("AU26")]


def test_a_face_keeps_its_id_while_it_moves() -> None:
    """Boxes that overlap from frame to frame are one face."""
    rig = Rig()

    ids = [rig.tracks(Square(150 + 20 * step, 200)) for step in range(15)]

    assert [[0]] * 15 == ids


def test_a_newcomer_gets_a_new_id() -> None:
    """A face elsewhere is another one, in whatever order MediaPipe names them."""
    rig = Rig()

    assert [0] == rig.tracks(HERE)
    assert [1, 0] == rig.tracks(THERE, HERE)
    assert [0, 1] == rig.tracks(HERE, THERE)


def test_a_short_miss_keeps_the_id() -> None:
    """A face that is missed for less than the patience is still the same."""
    rig = Rig()
    rig.tracks(HERE)
    for _ in range(PATIENCE - 1):
        rig.look()

    assert [0] == rig.tracks(HERE)


def test_an_id_never_comes_back() -> None:
    """Who left for longer, or belongs to another source, gets a new id."""
    rig = Rig()
    rig.tracks(HERE)
    for _ in range(PATIENCE):
        rig.look()
    after_leaving = rig.tracks(HERE)
    rig.backend.reset()

    assert [1] == after_leaving
    assert [2] == rig.tracks(HERE)


def test_two_faces_are_never_one_track() -> None:
    """Two boxes that overlap one old face get two ids; the one that fits better keeps it."""
    rig = Rig()
    rig.tracks(Square(300, 200))

    assert [1, 0] == rig.tracks(Square(325, 200), Square(303, 200))


def test_presence_does_not_flicker_live() -> None:
    """Live, presence stays between the two thresholds; a still has no past."""
    states = {}
    for still in (True, False):
        rig = Rig(still=still)
        looks = [rig.look(mesh_face(HERE, jawOpen=value)) for value in (0.3, 0.17, 0.1)]
        states[still] = [
            bool(look.observations[0].presence[AU_LABELS.index("AU26")]) for look in looks
        ]

    assert {True: [True, False, False], False: [True, True, False]} == states


def test_stills_stand_alone() -> None:
    """Each picture's faces count from 0."""
    rig = Rig(still=True)

    assert [[0, 1], [0], [0, 1]] == [
        rig.tracks(HERE, THERE), rig.tracks(THERE), rig.tracks(THERE, HERE)
    ]  # fmt: skip


def test_heads_that_are_not_allowed_are_not_computed() -> None:
    """Without a head its numbers are missing."""
    (without_gaze,) = Rig(heads=frozenset({Head.AU})).look(mesh_face(HERE)).observations
    (without_au,) = Rig(heads=frozenset({Head.GAZE})).look(mesh_face(HERE)).observations

    assert np.isnan(without_gaze.gaze).all()
    assert np.isfinite(without_gaze.au).any()
    assert np.isnan(without_au.au_sides).all()
    assert not without_au.presence.any()
    assert np.isfinite(without_au.gaze).all()


def test_colours_are_in_mediapipes_order() -> None:
    """MediaPipe is shown RGB where the frame is BGR."""
    rig, seen = Rig(), []
    rig.landmarker.find = lambda rgb, at_ms: seen.append(rgb[0, 0].tolist()) or []  # type: ignore[method-assign]

    rig.backend.look(Frame(np.full((48, 64, 3), (1, 2, 3), np.uint8), 0, 0, 0))

    assert [[3, 2, 1]] == seen


@pytest.mark.parametrize(
    ("fill", "expected"), [(5, FrameStatus.TOO_DARK), (120, FrameStatus.BLURRED)]
)
def test_an_empty_frame_says_why(fill: int, expected: FrameStatus) -> None:
    """A dark frame and one without edges are told apart from an empty room."""
    rig = Rig()

    look = rig.backend.look(Frame(np.full((480, 640, 3), fill, np.uint8), 0, 0, 0))

    assert expected == look.status
    assert FrameStatus.NO_FACE == rig.look().status


def test_the_own_buffer_is_wiped() -> None:
    """After a look the picture that MediaPipe was shown is black, also after an error."""
    rig = Rig()
    rig.look(mesh_face(HERE))
    rig.landmarker.error = ModelContractError("refused")

    with pytest.raises(ModelContractError):
        rig.look(mesh_face(HERE))

    assert all(total > 0 for total in rig.landmarker.sums)
    assert not any(picture.any() for picture in rig.landmarker.shown)


def test_a_look_pushes_nothing_extra() -> None:
    """One frame is one picture for MediaPipe."""
    rig = Rig()

    for _ in range(3):
        rig.look(mesh_face(HERE))

    assert 3 == len(rig.landmarker.sums)


def test_reset_and_close_push_a_blank_frame() -> None:
    """What MediaPipe still holds is followed by a black picture of the same size."""
    rig = Rig()
    rig.look(mesh_face(HERE))
    rig.backend.reset()
    rig.look(mesh_face(HERE))

    rig.backend.close()

    assert [False, True, False, True] == [total == 0 for total in rig.landmarker.sums]
    assert 1 == len({picture.shape for picture in rig.landmarker.shown})
    assert 1 == rig.landmarker.closed


def test_nothing_is_flushed_twice() -> None:
    """Without a picture since the last flush there is nothing to flush; closing twice is fine."""
    rig = Rig()
    rig.backend.reset()
    rig.look(mesh_face(HERE))

    for _ in range(3):
        rig.backend.reset()
    rig.backend.close()
    rig.backend.close()

    assert 2 == len(rig.landmarker.sums)
    assert 1 == rig.landmarker.closed


def test_time_always_grows() -> None:
    """MediaPipe's clock grows also when a file begins anew, stands still or jumps."""
    rig = Rig()
    for nanoseconds in (0, 40_000_000, 40_000_000, 0, 3_600_000_000_000, 3_600_040_000_000):
        frame = draw()
        rig.backend.look(Frame(frame.pixels, 0, nanoseconds, 0))
    rig.backend.reset()
    rig.look()

    steps = np.diff(rig.landmarker.times)
    assert (steps > 0).all()
    assert [40, 1, 1, 1000, 40] == steps[:5].tolist()


def written(folder: Path, content: bytes) -> Path:
    """Write a model file."""
    path = folder / "face_landmarker.task"
    path.write_bytes(content)
    return path


def test_another_model_file_is_refused(tmp_path: Path) -> None:
    """A file with another hash isn't loaded."""
    with pytest.raises(ModelHashMismatch, match=r"face_landmarker\.task"):
        load_mediapipe(written(tmp_path, b"another"))


def test_a_missing_model_file_is_refused(tmp_path: Path) -> None:
    """A missing file is said to be missing."""
    with pytest.raises(ModelError, match="can't read"):
        load_mediapipe(tmp_path / "face_landmarker.task")


def test_without_the_extra_the_advice_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where MediaPipe isn't installed the refusal says how to install it."""
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    digest = hashlib.sha256(b"any").hexdigest()

    with pytest.raises(ConfigError) as caught:
        load_mediapipe(written(tmp_path, b"any"), expected_sha256=digest)

    assert "pip install omokage[mediapipe]" in caught.value.advice


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """A file that was allowed by its hash but isn't a model is a refusal, not a crash."""
    pytest.importorskip("mediapipe", reason="the extra [mediapipe] isn't installed")
    digest = hashlib.sha256(b"not a model").hexdigest()

    with pytest.raises(ModelError, match="can't load"):
        load_mediapipe(written(tmp_path, b"not a model"), expected_sha256=digest)


@pytest.fixture
def task_file() -> Path:
    """Return MediaPipe's model file, which isn't part of the project."""
    pytest.importorskip("mediapipe", reason="the extra [mediapipe] isn't installed")
    named = os.environ.get("OMOKAGE_TASK_FILE")
    if named is None or not Path(named).is_file():
        pytest.skip("OMOKAGE_TASK_FILE doesn't name a face_landmarker.task")
    return Path(named)


@pytest.mark.parametrize("still", [True, False])
def test_mediapipe_itself_sees_nobody_in_noise(task_file: Path, still: bool) -> None:
    """The real landmarker loads, names its model, sees no face in noise, and closes."""
    backend = load_mediapipe(task_file, still=still)
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3)).astype(np.uint8)

    look = backend.look(Frame(noise, 0, 0, 0))
    backend.close()

    assert FrameStatus.NO_FACE == look.status
    assert (f"mediapipe@{TASK_SHA256[:8]}",) == backend.models


def demo_frames() -> list[tuple[Frame, dict[str, str]]]:
    """Return each fifth frame of the demo clip's first visitor alone, and what is in it."""
    with (DEMO / "clip.truth.csv").open(encoding="utf-8") as file:
        truth = {int(row["frame"]): row for row in csv.DictReader(file)}
    video = cv2.VideoCapture(str(DEMO / "clip.mp4"))
    frames = [video.read()[1] for _ in range(160)]
    video.release()
    return [(Frame(frames[n], n, n * 66_666_667, 0), truth[n]) for n in range(50, 160, 5)]


@pytest.mark.parametrize("still", [True, False])
def test_mediapipe_itself_agrees_with_the_demo_clip(task_file: Path, still: bool) -> None:
    """On a rendered face whose truth is known, head, smile and sides are where they should be."""
    backend = load_mediapipe(task_file, still=still)
    shown = demo_frames()

    seen = [backend.look(frame).observations for frame, _ in shown]
    backend.close()

    assert [[0]] * len(shown) == [[face.track for face in faces] for faces in seen]
    for place, angle, tolerance in ((0, "pitch", 6), (1, "yaw", 8), (2, "roll", 4)):
        expected = np.array([float(truth[angle]) for _, truth in shown])
        found = np.array([faces[0].pose[place] for faces in seen])
        assert np.abs(expected - found).mean() < tolerance
    for side in ("AU12_L", "AU12_R"):
        expected = np.array([float(truth[side]) for _, truth in shown])
        found = np.array([faces[0].au_sides[AU_SIDE_LABELS.index(side)] for faces in seen])
        assert np.corrcoef(expected, found)[0, 1] > 0.8
