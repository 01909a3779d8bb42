"""Renders with exact labels: Action Units, landmarks, pose and gaze on identities kept out.

Layout: `shard_*.npz` as `training.synthesis.generate` writes them. A render is an aligned face
with a margin; it is read twice, once as it was rendered (exact alignment) and once re-aligned by
the landmarks of the first reading, as the product does from frame to frame. The second counts.

What a mask or a turned head hides is labelled and can't be read: where a shard says what is
hidden, AUs are scored where they can be seen, and once more in all renders.

`intensity = 5 x shape weight` is a convention of the renders and not FACS coding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS
from agent.errors import ConfigError, MediaError
from agent.evaluation import metrics
from agent.evaluation.geometry import normalised_error, stronger_visible, turned
from agent.evaluation.reading import read_arrays, require_folder
from agent.evaluation.report import DEGREES, INTENSITY, NUMBER, RATIO, SHARE, Report, Row, Score
from agent.evaluation.scoring import Measure, Sample, mean_of
from agent.evaluation.seen import ALL
from agent.evaluation.slices import (
    Axis,
    What,
    blur_axis,
    by_group,
    divided,
    flagged,
    light_axis,
    pose_axis,
    sharpness,
)
from agent.evaluation.task import Setup
from agent.evaluation.tools import MEDIAPIPE, OWN, read_face
from agent.inference.encoder import FaceEncoder
from agent.inference.preprocess import ALIGNED_SIZE, alignment_from_landmarks

HELD_OUT_EVERY = 10
"""Each tenth identity is kept out of training (`training.data.renders`)."""

CLEAN = 0.7
"""Quality from which a render without glasses, mask or occluder counts as clean."""

GLASSES, MASK, OCCLUDER = 1, 2, 4
FEW_DRAWS = 200
"""Resamples of slices of a correlation, which is slow to compute."""

_SHAPES: dict[str, tuple[int | None, ...]] = {
    "faces": (None, None, None),
    "landmarks": (None, 68, 2),
    "au": (None, len(AU_SIDE_LABELS)),
    "pose": (None, 3),
    "gaze": (None, 2),
    "identity": (None,),
}

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Renders:
    """Rendered faces and their labels; optional ones are NaN or 0 where a shard lacks them."""

    faces: npt.NDArray[np.uint8]
    landmarks: Floats
    au: Floats
    pose: Floats
    gaze: Floats
    identity: npt.NDArray[np.int64]
    skin: Floats
    flags: npt.NDArray[np.int64]
    quality: Floats
    hidden: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def margin(self) -> int:
        """Pixels around the aligned face."""
        return int(self.faces.shape[1] - ALIGNED_SIZE) // 2


@dataclass(frozen=True, slots=True)
class Reading:
    """What a tool read: intensities (N, 19), landmarks (N, 68, 2), pose, gaze; NaN unknown.

    `au` is the stronger side that can be seen, `au_all` the stronger of both.
    """

    au: Floats
    au_all: Floats
    landmarks: Floats
    pose: Floats
    gaze: Floats


def load(folder: Path, *, everyone: bool) -> Renders:
    """Read the kept-out tenth of the identities, or everyone.

    Raises:
        MediaError: there is no shard, or one is damaged.
        ConfigError: no identity is kept out.
    """
    if not folder.is_file():
        require_folder(folder)
    paths = [folder] if folder.is_file() else sorted(folder.glob("shard_*.npz"))
    if not paths:
        raise MediaError(f"{folder.name} holds no shard_*.npz")
    parts: list[dict[str, Any]] = []
    for path in paths:
        shard = read_arrays(path, _SHAPES)
        keep = (shard["identity"] % HELD_OUT_EVERY == 0) | everyone
        count = len(shard["identity"])
        shard.setdefault("skin", np.full(count, np.nan))
        shard.setdefault("flags", np.zeros(count))
        shard.setdefault("quality", np.full(count, np.nan))
        shard.setdefault("hidden", np.zeros((count, len(AU_SIDE_LABELS)), np.bool_))
        parts.append({name: shard[name][keep] for name in Renders.__slots__})
    joined = {name: np.concatenate([part[name] for part in parts]) for name in Renders.__slots__}
    if not len(joined["faces"]):
        raise ConfigError(
            "no identity of these renders is kept out of training",
            advice="For renders of a seed that was never trained on, say --persons all.",
        )
    kinds = {"faces": np.uint8, "identity": np.int64, "flags": np.int64, "hidden": np.bool_}
    return Renders(*(joined[n].astype(kinds.get(n, np.float32)) for n in Renders.__slots__))


def evaluate(path: Path, setup: Setup) -> Report:
    """Score a folder of renders.

    Raises:
        MediaError: it holds no shard, or one is damaged.
    """
    renders = load(path, everyone=setup.persons == ALL)
    persons = len(np.unique(renders.identity))
    report = Report(
        "synthetic",
        f"Renders · {path.name} · {len(renders)} pictures, {persons} identities",
        {"name": path.name, "pictures": len(renders), "identities": persons},
        "exact labels of the renders (a convention of this project, not FACS coding)",
        {OWN: setup.own.models("encoder")},
    )
    report.notes.append(
        "All identities are scored; that is honest only for renders never trained on."
        if setup.persons == ALL
        else "Only identities that training keeps out (each tenth) are scored."
    )
    exact, own = read_own(renders, setup)
    readings = {OWN: own}
    if setup.mediapipe is not None:
        report.tools[MEDIAPIPE] = setup.mediapipe.identity
        readings[MEDIAPIPE] = _read_mediapipe(renders, setup)
    _rows(report, readings, exact, renders)
    _slices(report, own, renders)
    return report


def read_own(renders: Renders, setup: Setup) -> tuple[Reading, Reading]:
    """Read every render with exact alignment, and again re-aligned by the first landmarks."""
    encoder: FaceEncoder = setup.own.encoder()
    readings = [_empty(len(renders)) for _ in range(2)]
    start = np.array([[1, 0, -renders.margin], [0, 1, -renders.margin]], np.float32)
    nothing = np.zeros((1, len(AU_SIDE_LABELS)), np.bool_)
    for row, face in enumerate(renders.faces):
        setup.progress(f"{OWN} reads renders", row, len(renders))
        matrix = start
        for reading in readings:
            seen = encoder.encode(face, matrix).encoding
            sides = seen.au_sides[None]
            reading.au[row] = stronger_visible(sides, renders.hidden[row : row + 1])[0]
            reading.au_all[row] = stronger_visible(sides, nothing)[0]
            reading.landmarks[row], reading.pose[row] = seen.landmarks, seen.pose
            reading.gaze[row] = seen.gaze
            try:
                matrix = alignment_from_landmarks(seen.landmarks)
            except ValueError:  # all landmarks in one place: no face to align
                matrix = start
    encoder.wipe()
    return readings[0], readings[1]


def _read_mediapipe(renders: Renders, setup: Setup) -> Reading:
    assert setup.mediapipe is not None
    reading = _empty(len(renders))
    backend = setup.mediapipe.stills()
    try:
        for row, face in enumerate(renders.faces):
            setup.progress(f"{MEDIAPIPE} reads renders", row, len(renders))
            one = read_face(backend, face)
            if one is not None:
                reading.au[row] = reading.au_all[row] = one.seen.au
                reading.landmarks[row] = one.landmarks
                reading.pose[row], reading.gaze[row] = one.seen.pose, one.seen.gaze
    finally:
        backend.close()
    return reading


def _empty(count: int) -> Reading:
    aus = (count, len(AU_LABELS))
    shapes = (aus, aus, (count, 68, 2), (count, 3), (count, 2))
    return Reading(*(np.full(shape, np.nan, np.float32) for shape in shapes))


def mean_over_columns(
    metric: Callable[[Floats, Floats], float], predicted: Floats, truth: Floats
) -> Measure:
    """Measure the mean of a metric over AUs; NaN as soon as one AU leaves it undefined.

    Each AU is taken over the rows whose truth is known (not hidden).
    """
    known = ~np.isnan(truth)

    def measure(rows: npt.NDArray[np.intp]) -> float:
        each = []
        for column in range(truth.shape[1]):
            some = rows[known[rows, column]]
            each.append(metric(predicted[some, column], truth[some, column]))
        return float(np.mean(each))

    return measure


def measured(values: Floats, truth: Floats) -> bool:
    """Say whether a tool gave a value wherever the truth is known."""
    return bool(len(values)) and not bool(np.isnan(values[~np.isnan(truth)]).any())


def _rows(
    report: Report, readings: Mapping[str, Reading], exact: Reading, renders: Renders
) -> None:
    truth = stronger_visible(renders.au, renders.hidden)
    poses = np.stack([reading.pose[:, 0] for reading in readings.values()])
    found: npt.NDArray[np.bool_] = np.asarray(np.isfinite(poses).all(axis=0), np.bool_)
    clean = (renders.quality >= CLEAN) & (renders.flags == 0)
    parts = {
        "": ("all", found),
        "_clean": (f"clean (quality >= {CLEAN}, nothing worn)", found & clean),
        "_degraded": ("degraded", found & ~clean),
    }
    report.rows.append(
        Row("compared", "renders in which everybody found the face", NUMBER, "",
            {OWN: Score(float(found.sum()))})
    )  # fmt: skip
    for suffix, (words, keep) in parts.items():
        sample = Sample(renders.identity[keep], FEW_DRAWS)
        for key, label, metric in (
            ("au_mean_r", "mean AU correlation", metrics.pearson),
            ("au_mean_icc", "mean AU ICC(3,1)", metrics.intraclass),
        ):
            scores = {
                tool: sample.score(mean_over_columns(metric, reading.au[keep], truth[keep]))
                for tool, reading in readings.items()
                if len(sample.units) and measured(reading.au[keep], truth[keep])
            }
            report.rows.append(Row(f"{key}{suffix}", f"{label}, {words}", SHARE, "higher", scores))
    sample = Sample(renders.identity, FEW_DRAWS)
    every = stronger_visible(renders.au, np.zeros_like(renders.hidden))
    own = readings[OWN]
    for key, label, values, against in (
        ("au_mean_r_exact", "mean AU correlation, exact alignment", exact.au, truth),
        ("au_mean_r_hidden", "mean AU correlation, hidden ones too", own.au_all, every),
    ):
        score = sample.score(mean_over_columns(metrics.pearson, values, against))
        report.rows.append(Row(key, label, SHARE, "higher", {OWN: score}))
    _geometry(report, readings, renders, found)
    _per_au(report, readings, truth, renders, found)


def _geometry(
    report: Report, readings: Mapping[str, Reading], renders: Renders,
    found: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    sample = Sample(renders.identity[found])
    error = {
        t: normalised_error(r.landmarks[found], renders.landmarks[found])
        for t, r in readings.items()
    }
    # The crop is upright: alignment took the head's roll out of the picture, and of the gaze.
    upright = turned(renders.gaze, -renders.pose[:, 2])
    turn = {t: _gap(r.pose[found, :2], renders.pose[found, :2]) for t, r in readings.items()}
    gaze = {t: _gap(r.gaze[found], upright[found]) for t, r in readings.items()}
    for key, label, unit, values in (
        ("nme", "landmark error, mean of 68", RATIO, error),
        ("pose_mae", "head pose, mean error of pitch and yaw", DEGREES, turn),
        ("gaze_mae", "gaze, mean error of the two angles", DEGREES, gaze),
    ):
        scores = {tool: sample.mean(value) for tool, value in values.items()}
        report.rows.append(Row(key, label, unit, "lower", scores))


def _gap(a: Floats, b: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(np.abs(a - b).mean(1), np.float64)


def _per_au(  # every tool's reading against the truth
    report: Report, readings: Mapping[str, Reading], truth: Floats, renders: Renders,
    found: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    for key, words, unit, better, metric in (
        ("r", "correlation", SHARE, "higher", metrics.pearson),
        ("icc", "ICC(3,1)", SHARE, "higher", metrics.intraclass),
        ("mae", "mean error", INTENSITY, "lower", metrics.mean_absolute_error),
    ):
        for column, label in enumerate(AU_LABELS):
            rows = found & ~np.isnan(truth[:, column])
            sample = Sample(renders.identity[rows], FEW_DRAWS)
            scores = {
                tool: sample.score(_pair(metric, reading.au[rows, column], truth[rows, column]))
                for tool, reading in readings.items()
                if measured(reading.au[rows, column], truth[rows, column])
            }
            report.rows.append(Row(f"{label}_{key}", words, unit, better, scores, label))


def _pair(metric: Callable[[Floats, Floats], float], a: Floats, b: Floats) -> Measure:
    return lambda rows: metric(a[rows], b[rows])


def _slices(report: Report, own: Reading, renders: Renders) -> None:
    """Add AU error, AU correlation and landmark error by what the labels state."""
    truth = stronger_visible(renders.au, renders.hidden)
    axes = axes_of(renders)
    sample = Sample(renders.identity)
    known = ~np.isnan(truth)
    error = np.where(known, np.abs(own.au - truth), 0).sum(1) / np.maximum(known.sum(1), 1)
    nme = normalised_error(own.landmarks, renders.landmarks)
    for what in (
        What("au_mae", "mean AU error", INTENSITY, mean_of(error), lower_is_better=True),
        What("nme", "landmark error", RATIO, mean_of(nme), lower_is_better=True),
    ):
        report.slices.append(by_group(what, sample, axes))
    r = mean_over_columns(metrics.pearson, own.au, truth)
    few = Sample(renders.identity, FEW_DRAWS)
    what = What("au_mean_r", "mean AU correlation", SHARE, r)
    report.slices.append(by_group(what, few, axes, least=100))


def axes_of(renders: Renders) -> list[Axis]:
    """Divide renders by skin, face shape, light, pose, blur, and what is worn."""
    inner = slice(renders.margin, renders.margin + ALIGNED_SIZE)
    faces = renders.faces[:, inner, inner]
    axes = [
        light_axis(faces.reshape(len(faces), -1).mean(1)),
        pose_axis(renders.pose),
        blur_axis(np.array([sharpness(np.ascontiguousarray(face)) for face in faces])),
        divided("quality", renders.quality, (0.4, CLEAN), ("< 0.4", "0.4-0.7", ">= 0.7")),
        divided("skin", renders.skin, (40, 60),
                ("dark (L* < 40)", "middle (40-60)", "light (> 60)")),
        shape_axis(renders),
        flagged("glasses", "without", (renders.flags & GLASSES) > 0),
        flagged("mask", "without", (renders.flags & MASK) > 0),
        flagged("occluder", "without", (renders.flags & OCCLUDER) > 0),
    ]  # fmt: skip
    return [axis for axis in axes if (axis.place >= 0).any()]


def shape_axis(renders: Renders) -> Axis:
    """Divide identities into thirds by jaw width over the height from nose root to chin.

    Read off the exact landmarks of an identity's renders seen within 15 degrees of the front;
    the median over them, so that an open mouth in one of them matters little.
    """
    points = renders.landmarks
    width = np.linalg.norm(points[:, 2] - points[:, 14], axis=1)
    ratio = width / np.linalg.norm(points[:, 27] - points[:, 8], axis=1)
    frontal = np.abs(renders.pose[:, :2]).max(1) < 15
    by_person = {
        one: float(np.median(ratio[frontal & (renders.identity == one)]))
        for one in np.unique(renders.identity[frontal])
    }
    values = np.array([by_person.get(one, np.nan) for one in renders.identity])
    if not by_person:
        return Axis("face shape", ("narrow", "middle", "wide"), np.full(len(values), -1))
    bounds = np.quantile(list(by_person.values()), [1 / 3, 2 / 3])
    return divided("face shape", values, bounds.tolist(), ("narrow", "middle", "wide"))
