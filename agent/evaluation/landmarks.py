"""Landmarks and head pose against a reference, on crops of one face each.

Three references, by what is there:
1. `NAME.pts` beside every picture: 68 points set by people (300-W's layout).
2. `--labels FILE.npz`: what a reference net said earlier (arrays `found`, `landmarks`, `pose`), a
   row for each row of the set's `labels.csv`.
3. MediaPipe, run now.

References 2 and 3 are a net's word: the score is agreement with MediaPipe, not with people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.capture.files import PICTURE_SUFFIXES
from agent.domain.observation import FaceBackend
from agent.errors import ConfigError, MediaError
from agent.evaluation.geometry import normalised_error, turned
from agent.evaluation.reading import (
    Image,
    Pictures,
    digest,
    picture_files,
    read_arrays,
    set_folder,
    set_table,
)
from agent.evaluation.report import DEGREES, NUMBER, RATIO, SHARE, Report, Row, Score
from agent.evaluation.scoring import Sample, mean_of
from agent.evaluation.seen import KNOWN, chosen
from agent.evaluation.slices import What, blur_axis, by_group, light_axis, pose_axis, sharpness
from agent.evaluation.tables import read_table
from agent.evaluation.task import Setup
from agent.evaluation.tools import MEDIAPIPE, OWN, Read, read_face

ANGLES = ("pitch", "yaw", "roll")

PEOPLE = "68 points set by people (.pts)"
EARLIER = "MediaPipe FaceLandmarker, from the labels file: agreement with a net, not with people"
NOW = "MediaPipe FaceLandmarker, run now: agreement with a net, not with people"

Floats = npt.NDArray[np.float32]


@dataclass(slots=True)
class Truth:
    """What a reference says; NaN where it says nothing.

    Attributes:
        landmarks: float32 (N, 68, 2), pixels of the picture.
        pose: float32 (N, 3), pitch, yaw, roll, degrees, signs of `domain.observation`.
    """

    landmarks: Floats
    pose: Floats


@dataclass(frozen=True, slots=True)
class FaceCrops:
    """Crops of one face each, decoded one at a time.

    Attributes:
        folder: of the set.
        names: of the pictures.
        persons: of the pictures; the picture's own name where nobody is known.
        rows: int (N,), their rows in `labels.csv`.
    """

    folder: Path
    names: tuple[str, ...]
    persons: npt.NDArray[np.str_]
    rows: npt.NDArray[np.intp]

    def pictures(self) -> Iterator[Image]:
        """Decode one after the other, uint8 (H, W)."""
        archive = Pictures(self.folder)
        try:
            for name in self.names:
                yield archive.gray(name)
        finally:
            archive.close()


def evaluate(path: Path, setup: Setup) -> Report:
    """Score landmarks and pose.

    Raises:
        ConfigError: there is no reference.
        MediaError: the set or the labels are missing or damaged.
    """
    crops, notes, sha = load(path, setup.persons)
    truth, reference = _truth(crops, crops.folder, setup)
    report = Report(
        "landmarks",
        f"Landmarks and head pose · {path.name} · {len(crops.names)} pictures, "
        f"{len(np.unique(crops.persons))} persons",
        {"name": path.name, "sha256": sha, "pictures": len(crops.names),
         "persons": len(np.unique(crops.persons))},
        reference,
        {OWN: setup.own.models("detector", "encoder")},
        notes=notes,
    )  # fmt: skip
    own, light, edges = _read(setup.own.stills(emotion=False), crops, setup, OWN)
    readings = {OWN: own}
    if setup.mediapipe is not None and reference == PEOPLE:
        report.tools[MEDIAPIPE] = setup.mediapipe.identity
        readings[MEDIAPIPE] = _read(setup.mediapipe.stills(), crops, setup, MEDIAPIPE)[0]
    _rows(report, readings, truth, crops.persons)
    error = normalised_error(own.landmarks, truth.landmarks)
    pose = truth.pose if reference != PEOPLE else own.pose
    what = What("nme", "landmark error", RATIO, mean_of(error), lower_is_better=True)
    axes = [pose_axis(pose), light_axis(light), blur_axis(edges)]
    report.slices.append(by_group(what, Sample(crops.persons), axes))
    return report


def load(path: Path, persons: str) -> tuple[FaceCrops, list[str], str]:
    """Read who is in a set: a table (`image`, `person`), or pictures with `.pts` files.

    Returns:
        The chosen crops, what a reader must know, and the SHA-256 of what defines the set.
    """
    folder = set_folder(path)
    one = path.is_file() and path.suffix.lower() in PICTURE_SUFFIXES
    table = None if one else set_table(path, ("image", "person"))
    if table is None:
        files = [p for p in picture_files(path) if p.with_suffix(".pts").exists()]
        if not files:
            raise MediaError(f"{path.name} has neither labels.csv nor a .pts file beside a picture")
        names = tuple(path.relative_to(folder).as_posix() for path in files)
        return FaceCrops(folder, names, np.array(names), np.arange(len(names))), [], ""
    rows = read_table(table, ("image", "person"))
    sha = digest(table)
    keep, notes = chosen((row["person"] for row in rows), persons, KNOWN.get(sha))
    kept = [row for row, one in zip(rows, keep, strict=True) if one]
    people = np.array([row["person"] for row in kept])
    names = tuple(row["image"] for row in kept)
    return FaceCrops(folder, names, people, np.flatnonzero(keep)), notes, sha


def _truth(crops: FaceCrops, folder: Path, setup: Setup) -> tuple[Truth, str]:
    """Find the reference; see the module's docstring for the order."""
    points = [(folder / name).with_suffix(".pts") for name in crops.names]
    if points[0].exists():
        landmarks = np.stack([read_pts(path) for path in points])
        return Truth(landmarks, np.full((len(points), 3), np.nan, np.float32)), PEOPLE
    if setup.labels is not None:
        return _labels(setup.labels, crops), EARLIER
    if setup.mediapipe is None:
        raise ConfigError(
            "this set carries no landmarks, so there is nothing to compare with",
            advice="Add --baseline mediapipe --task-file FILE, or --labels FILE.npz.",
        )
    return _read(setup.mediapipe.stills(), crops, setup, MEDIAPIPE)[0], NOW


def _labels(path: Path, crops: FaceCrops) -> Truth:
    arrays = read_arrays(path, {"found": (None,), "landmarks": (None, 68, 2), "pose": (None, 3)})
    if len(arrays["found"]) <= crops.rows.max():
        raise MediaError(f"{path.name} has fewer rows than the set's labels.csv")
    landmarks = np.array(arrays["landmarks"][crops.rows], np.float32)
    pose = _upright(np.array(arrays["pose"][crops.rows], np.float32))
    lost = ~np.asarray(arrays["found"][crops.rows], bool)
    landmarks[lost], pose[lost] = np.nan, np.nan
    return Truth(landmarks, pose)


def _upright(pose: Floats) -> Floats:
    """Express the nose's direction, float32 (N, 3), in a picture in which the head is upright.

    The labels name pitch and yaw in the picture as it was; the agent names those of the head
    after roll was taken out.
    """
    upright = turned(pose[:, [1, 0]], -pose[:, 2])
    return np.stack([upright[:, 1], upright[:, 0], pose[:, 2]], 1).astype(np.float32)


def read_pts(path: Path) -> Floats:
    """Read 68 points, float32 (68, 2), pixels counted from 0.

    Raises:
        MediaError: missing, or not 68 points.

    Source: 300-W's annotation files: `version`, `n_points`, then `{ x y ... }` counted from 1.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path.name} can't be read") from error
    inside = re.search(r"\{([^}]*)\}", text)
    numbers = inside[1].split() if inside else []
    try:
        points = np.array(numbers, np.float32).reshape(-1, 2) - 1
    except ValueError as error:
        raise MediaError(f"{path.name} holds something else than numbers") from error
    if points.shape != (68, 2):
        raise MediaError(f"{path.name} holds {len(points)} points, not 68")
    return np.asarray(points, np.float32)


def _read(
    backend: FaceBackend, crops: FaceCrops, setup: Setup, who: str
) -> tuple[Truth, Floats, Floats]:
    """Read every crop; return points and angles, mean gray levels, sharpness."""
    count = len(crops.names)
    found = Truth(
        np.full((count, 68, 2), np.nan, np.float32), np.full((count, 3), np.nan, np.float32)
    )
    light, edges = np.zeros(count, np.float32), np.zeros(count, np.float32)
    try:
        for row, gray in enumerate(crops.pictures()):
            setup.progress(f"{who} reads faces", row, count)
            light[row], edges[row] = gray.mean(), sharpness(gray)
            one: Read | None = read_face(backend, gray)
            if one is not None:
                found.landmarks[row], found.pose[row] = one.landmarks, one.seen.pose
    finally:
        backend.close()
    return found, light, edges


def _rows(
    report: Report, readings: dict[str, Truth], truth: Truth, persons: npt.NDArray[np.str_]
) -> None:
    sample = Sample(persons)
    known = ~np.isnan(truth.landmarks[:, 0, 0])
    found = {t: ~np.isnan(r.landmarks[:, 0, 0]) for t, r in readings.items()}
    compared = known & np.all(list(found.values()), axis=0)
    report.rows.append(
        Row("compared", "faces that everybody found", NUMBER, "",
            {tool: Score(float(compared.sum())) for tool in readings})
    )  # fmt: skip
    shares = {t: sample.mean(np.where(known, f, np.nan)) for t, f in found.items()}
    report.rows.append(
        Row("face_found", "face found, where the reference found one", SHARE, "higher", shares)
    )
    rows = np.flatnonzero(compared)
    chosen_sample = Sample(persons[rows])
    errors = {
        t: normalised_error(r.landmarks[rows], truth.landmarks[rows]) for t, r in readings.items()
    }
    report.rows.append(
        Row("nme", "landmark error, mean of 68", RATIO, "lower",
            {t: chosen_sample.mean(e) for t, e in errors.items()})
    )  # fmt: skip
    report.rows.append(
        Row("nme_over_10", "faces with an error over 0.10", SHARE, "lower",
            {t: chosen_sample.mean((e > 0.10).astype(np.float64)) for t, e in errors.items()})
    )  # fmt: skip
    if np.isnan(truth.pose).all():
        return
    gaps = {
        tool: np.abs(reading.pose[rows] - truth.pose[rows]).astype(np.float64)
        for tool, reading in readings.items()
    }
    report.rows.append(
        Row("pose_mae", "head pose, mean error of the three angles", DEGREES, "lower",
            {t: chosen_sample.mean(gap.mean(1)) for t, gap in gaps.items()})
    )  # fmt: skip
    for column, name in enumerate(ANGLES):
        report.rows.append(
            Row(f"{name}_mae", f"{name}, mean error", DEGREES, "lower",
                {t: chosen_sample.mean(gap[:, column]) for t, gap in gaps.items()})
        )  # fmt: skip
