"""Sets whose frames were coded by certified coders: DISFA, DISFA+, BP4D.

Scores are pooled over all frames of the chosen people, then averaged over AUs; intervals resample
people, never frames. Frames in which no face was followed are left out of every score but the
first row, which says how many they are. An AU that a tool doesn't measure has no score.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_LABELS
from agent.evaluation import metrics
from agent.evaluation.datasets import bp4d, codes, disfa, disfaplus
from agent.evaluation.datasets.folds import Fold, within
from agent.evaluation.datasets.model import INTENSITY, PRESENCE, AuSet
from agent.evaluation.report import INTENSITY as UNIT
from agent.evaluation.report import SHARE, Report, Row, Score
from agent.evaluation.scoring import Measure, Sample
from agent.evaluation.sequences import Followed, follow
from agent.evaluation.task import Setup
from agent.evaluation.tools import MEDIAPIPE, OWN

ALONE = "omokage, each frame alone"
"""The same weights without smoothing and neutral baseline."""

FEW_DRAWS = 300

Floats = npt.NDArray[np.float32]
Columns = dict[str, Floats]
"""Intensity (N, 19) by tool; NaN where no face was followed or the AU isn't measured."""

SETS: dict[str, tuple[Callable[[Path], AuSet], Callable[[], list[Fold]]]] = {
    "disfa": (disfa.load, disfa.folds),
    "disfaplus": (disfaplus.load, disfaplus.folds),
    "bp4d": (bp4d.load, bp4d.folds),
    "codes": (codes.load, list),
}


def evaluate(name: str, path: Path, setup: Setup) -> Report:
    """Score one set, or the tested people of one of its folds.

    Raises:
        ConfigError: there is no such fold.
        MediaError: the set is missing, damaged, or laid out differently.
    """
    loader, folds = SETS[name]
    data = loader(path)
    if setup.fold:
        data = data.of(within(folds(), setup.fold, data.subjects).test)
    report = Report(
        name,
        f"{data.name} · {path.name} · {len(data.subjects)} people, "
        f"{sum(len(s.frames) for s in data.sequences)} coded frames"
        + (f" (tested in fold {setup.fold})" if setup.fold else ""),
        {"name": path.name, "people": len(data.subjects), "fold": setup.fold,
         "frames": sum(len(s.frames) for s in data.sequences)},
        "your coders" if name == "codes" else f"{data.name}'s coders ({data.kind})",
        {OWN: setup.own.models("detector", "encoder"), ALONE: setup.own.models("encoder")},
        notes=list(data.notes),
    )  # fmt: skip
    truth = np.concatenate([sequence.values for sequence in data.sequences])
    people = np.concatenate([[s.subject] * len(s.frames) for s in data.sequences])
    intensity, present = _follow_all(data, setup, report)
    places = [AU_LABELS.index(label) for label in data.labels]
    chosen = {tool: values[:, places] for tool, values in intensity.items()}
    found = {tool: np.asarray(~np.isnan(v).all(1), np.float64) for tool, v in intensity.items()}
    coverage = {tool: Sample(people).mean(values) for tool, values in found.items()}
    report.rows.append(
        Row("followed", "coded frames with a followed face", SHARE, "higher", coverage)
    )
    if data.kind == INTENSITY:
        _intensity_rows(report, data, chosen, truth, people)
    shown = {tool: values[:, places] for tool, values in present.items()}
    _presence_rows(report, data, shown, chosen, truth, people)
    return report


def _follow_all(data: AuSet, setup: Setup, report: Report) -> tuple[Columns, Columns]:
    """Let every tool follow every sequence; return intensities and presences."""
    parts: dict[str, list[Followed]] = {OWN: []}
    if setup.mediapipe is not None:
        report.tools[MEDIAPIPE] = setup.mediapipe.identity
        parts[MEDIAPIPE] = []
    for row, sequence in enumerate(data.sequences):
        setup.progress(f"following {data.name}", row, len(data.sequences))
        own = setup.own.stills(emotion=False) if sequence.still else setup.own.video()
        parts[OWN].append(follow(sequence, setup, own, setup.own.encoder()))
        if setup.mediapipe is not None:
            other = setup.mediapipe.stills() if sequence.still else setup.mediapipe.video()
            parts[MEDIAPIPE].append(follow(sequence, setup, other, None))
        if parts[OWN][-1].beyond:
            report.notes.append(
                f"{sequence.name}: {parts[OWN][-1].beyond} coded frames are beyond the video's end"
            )
    intensity = {t: np.concatenate([one.au for one in found]) for t, found in parts.items()}
    present = {t: np.concatenate([one.present for one in found]) for t, found in parts.items()}
    intensity[ALONE] = np.concatenate([one.raw for one in parts[OWN]])
    return intensity, present


def _column(values: Floats, truth: Floats, column: int) -> npt.NDArray[np.bool_]:
    """Say which rows both the tool and the coders scored."""
    return np.asarray(~np.isnan(values[:, column]) & ~np.isnan(truth[:, column]), np.bool_)


def _per_au(  # noqa: PLR0913  # one measure of every AU
    report: Report, data: AuSet, columns: Columns, truth: Floats, people: npt.NDArray[np.str_],
    *, key: str, label: str, unit: str, better: str,
    measure: Callable[[Floats, Floats], float],
) -> None:  # fmt: skip
    """Add a measure of each AU, and its mean over the AUs in which it is defined."""
    each: dict[str, list[Score]] = {tool: [] for tool in columns}
    for index, au in enumerate(data.labels):
        scores = {}
        for tool, values in columns.items():
            rows = _column(values, truth, index)
            if not rows.any():
                continue
            score = Sample(people[rows], FEW_DRAWS).score(
                _pair(measure, values[rows, index], truth[rows, index])
            )
            scores[tool] = score
            each[tool].append(score)
        report.rows.append(Row(f"{au}_{key}", label, unit, better, scores, au))
    means = {}
    for tool, found in each.items():
        known = [score.value for score in found if not np.isnan(score.value)]
        if not found:
            continue
        means[tool] = Score(float(np.mean(known)) if known else float("nan"), count=len(known))
        if len(known) < len(found):
            report.notes.append(
                f"{label} of {tool} is undefined for {len(found) - len(known)} AUs; "
                f"its mean is over {len(known)}."
            )
    report.rows.append(Row(f"mean_{key}", f"mean {label} of the AUs", unit, better, means))


def _pair(measure: Callable[[Floats, Floats], float], a: Floats, b: Floats) -> Measure:
    return lambda rows: measure(a[rows], b[rows])


def _intensity_rows(
    report: Report, data: AuSet, columns: Columns, truth: Floats, people: npt.NDArray[np.str_]
) -> None:
    for key, label, unit, better, measure in (
        ("pcc", "correlation", SHARE, "higher", metrics.pearson),
        ("icc", "ICC(3,1)", SHARE, "higher", metrics.intraclass),
        ("ccc", "CCC", SHARE, "higher", metrics.concordance),
        ("mae", "mean error", UNIT, "lower", metrics.mean_absolute_error),
        ("mse", "mean squared error", UNIT, "lower", metrics.mean_squared_error),
    ):
        _per_au(report, data, columns, truth, people,
                key=key, label=label, unit=unit, better=better, measure=measure)  # fmt: skip


def _presence_rows(  # presences, intensities, codes, people
    report: Report, data: AuSet, present: Columns, columns: Columns, truth: Floats,
    people: npt.NDArray[np.str_],
) -> None:  # fmt: skip
    """Add F1 of what the tool calls present, and the area under ROC of its intensity."""
    least = disfa.POSITIVE if data.kind == INTENSITY else 1.0
    coded = np.where(np.isnan(truth), np.nan, truth >= least).astype(np.float32)
    _per_au(report, data, present, coded, people,
            key="f1", label="F1", unit=SHARE, better="higher",
            measure=metrics.f1_binary)  # fmt: skip
    _per_au(report, data, columns, coded, people,
            key="auc", label="area under ROC", unit=SHARE, better="higher",
            measure=metrics.area_under_roc)  # fmt: skip
    for index, au in enumerate(data.labels):
        known = coded[~np.isnan(coded[:, index]), index]
        rate = Score(float(known.mean()) if len(known) else float("nan"), count=len(known))
        report.rows.append(Row(f"{au}_base_rate", "base rate", SHARE, "", {OWN: rate}, au))
    if data.kind == INTENSITY:
        report.notes.append(
            f"F1, area and base rate call an AU present from a coded intensity of {least:.0f}."
        )
    assert data.kind in {INTENSITY, PRESENCE}
