"""Pairs of one person, neutral and smiling: does AU12 (and AU6) rise?

Layout: `NAME_neutral.jpg` and `NAME_smiling.jpg` in one folder, any picture format.

Source: DeBruine & Jones 2017, Face Research Lab London Set (CC BY 4.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.capture.files import decode_picture
from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS, FaceBackend
from agent.errors import MediaError
from agent.evaluation import metrics
from agent.evaluation.reading import picture_files, set_folder, to_gray
from agent.evaluation.report import INTENSITY, NUMBER, SHARE, Report, Row, Score
from agent.evaluation.scoring import Measure, Sample, own_units
from agent.evaluation.task import Setup
from agent.evaluation.tools import MEDIAPIPE, OWN, read_face

STATES = ("neutral", "smiling")
WANTED = ("AU12", "AU06")

Floats = npt.NDArray[np.float32]


def pairs_of(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Return the neutral and the smiling picture of each person who has both.

    Raises:
        MediaError: there is no such pair.
    """
    found: dict[str, dict[str, Path]] = {}
    alone = folder.stem.rpartition("_")[0] if folder.is_file() else None
    for path in picture_files(set_folder(folder)):
        person, _, state = path.stem.rpartition("_")
        if alone is not None and person != alone:
            continue
        if person and state in STATES:
            found.setdefault(person, {})[state] = path
    pairs = {
        person: (states["neutral"], states["smiling"])
        for person, states in sorted(found.items())
        if len(states) == len(STATES)
    }
    if not pairs:
        raise MediaError(
            f"{folder.name} holds no pair of pictures",
            advice="Pictures must be called NAME_neutral and NAME_smiling.",
        )
    return pairs


def evaluate(path: Path, setup: Setup) -> Report:
    """Score the pairs of a folder.

    Raises:
        MediaError: it holds no pair, or a picture is damaged.
    """
    pairs = pairs_of(path)
    report = Report(
        "london",
        f"Neutral and smiling pairs · {path.name} · {len(pairs)} persons",
        {"name": path.name, "persons": len(pairs)},
        "the pictures' names: posed neutral, posed smile",
        {OWN: setup.own.models("detector", "encoder", "emotion")},
    )
    readings = {OWN: _read(setup.own.stills(emotion=True), pairs, setup, OWN)}
    if setup.mediapipe is not None:
        report.tools[MEDIAPIPE] = setup.mediapipe.identity
        readings[MEDIAPIPE] = _read(setup.mediapipe.stills(), pairs, setup, MEDIAPIPE)
    both = np.all([~np.isnan(values[..., 0]) for values in readings.values()], axis=(0, 2))
    sample = Sample(own_units(int(both.sum())))
    _rises(report, {tool: values[both] for tool, values in readings.items()}, sample)
    report.notes.append("Rising means more in the smiling picture than in the neutral one.")
    return report


def _read(
    backend: FaceBackend, pairs: Mapping[str, tuple[Path, Path]], setup: Setup, who: str
) -> Floats:
    """Return intensities and happiness, float32 (persons, 2 states, 20); NaN without a face."""
    found = np.full((len(pairs), 2, len(AU_LABELS) + 1), np.nan, np.float32)
    try:
        for row, states in enumerate(pairs.values()):
            setup.progress(f"{who} reads faces", row, len(pairs))
            for state, file in enumerate(states):
                one = read_face(backend, to_gray(decode_picture(file)))
                if one is None:
                    continue
                found[row, state, :-1] = one.seen.au
                if one.seen.emotion is not None:
                    found[row, state, -1] = one.seen.emotion[EMOTIONS.index("happiness")]
    finally:
        backend.close()
    return found


def _rises(report: Report, readings: Mapping[str, Floats], sample: Sample) -> None:
    """Add the share of persons whose AU rises, its area under ROC, and every AU's mean rise."""
    report.rows.append(
        Row("persons", "persons whose both faces were found", NUMBER, "",
            {tool: Score(sample.count) for tool in readings})
    )  # fmt: skip
    columns = {label: AU_LABELS.index(label) for label in WANTED} | {"happiness": len(AU_LABELS)}
    for name, column in columns.items():
        chosen = _known(readings, column)
        report.rows.append(
            Row(f"{name}_rises", f"persons in whom {name} rises", SHARE, "higher",
                {t: sample.mean((v[:, 1] > v[:, 0]).astype(np.float64))
                 for t, v in chosen.items()})
        )  # fmt: skip
    for name, column in columns.items():
        chosen = _known(readings, column)
        report.rows.append(
            Row(f"{name}_auc", f"area under ROC of {name}, smiling against neutral", SHARE,
                "higher", {t: sample.score(_area(v)) for t, v in chosen.items()})
        )  # fmt: skip
    for column, label in enumerate(AU_LABELS):
        chosen = _known(readings, column)
        report.rows.append(
            Row(f"{label}_change", "mean change", INTENSITY, "",
                {t: sample.mean((v[:, 1] - v[:, 0]).astype(np.float64))
                 for t, v in chosen.items()}, label)
        )  # fmt: skip


def _known(readings: Mapping[str, Floats], column: int) -> dict[str, Floats]:
    """Return one column of each tool that measures it."""
    columns = {tool: values[..., column] for tool, values in readings.items()}
    return {tool: v for tool, v in columns.items() if v.size and not np.isnan(v).any()}


def _area(values: Floats) -> Measure:
    positive = np.arange(2) == 1

    def measure(rows: metrics.Indices) -> float:
        chosen = values[rows]
        return metrics.area_under_roc(chosen.ravel(), np.tile(positive, len(chosen)))

    return measure
