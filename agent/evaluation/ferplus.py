"""FER+: expression categories on pictures with a majority, calibration, and AUs by class.

Three questions, three sets of rows:
1. The published protocol: the emotion head on the 48 x 48 picture as it is.
2. The product: face found, aligned and cut by the models themselves, then the head.
3. AU intensity of a class against neutral faces (area under ROC), on the pictures in which every
   tool that is compared found a face.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS, FaceBackend
from agent.errors import MediaError
from agent.evaluation import metrics
from agent.evaluation.datasets.ferplus import (
    CSV_FILES,
    SURE,
    FerVotes,
    distribution,
    majority_of,
    ordered,
    read_csv,
    usable,
)
from agent.evaluation.expectations import CLASS_AUS
from agent.evaluation.reading import digest, read_arrays
from agent.evaluation.report import NUMBER, SHARE, Report, Row, Score
from agent.evaluation.scoring import Measure, Sample, own_units
from agent.evaluation.seen import KNOWN
from agent.evaluation.slices import (
    What,
    blur_axis,
    by_group,
    contrast_axis,
    light_axis,
    pose_axis,
    sharpness,
)
from agent.evaluation.task import Setup
from agent.evaluation.tools import MEDIAPIPE, OWN, read_face

COVERAGES = tuple(round(0.05 * step, 2) for step in range(1, 21))
CONTEMPT = EMOTIONS.index("contempt")

Floats = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a tool read off N pictures; NaN rows where it found no face."""

    au: Floats
    pose: Floats
    emotion: Floats

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Say in which pictures a face was found."""
        return np.asarray(~np.isnan(self.pose[:, 0]), np.bool_)


def evaluate(path: Path, setup: Setup) -> Report:
    """Score a FER+ part.

    Raises:
        MediaError: the file is missing, damaged or laid out differently.
        ModelError: a model can't be used.
    """
    file, fer = load(path)
    fer = fer.take(usable(fer.votes))
    if not len(fer):
        raise MediaError(f"{path.name} has no picture with a vote for a face")
    majority = majority_of(fer.votes)
    sha = digest(file)
    report = Report(
        "ferplus",
        f"FER+ · {file.name} · {len(fer)} pictures, {int((majority >= 0).sum())} with a majority",
        {"name": file.name, "sha256": sha, "pictures": len(fer),
         "with_majority": int((majority >= 0).sum())},
        "votes of ten annotators (majority of the votes without single ones)",
        {OWN: setup.own.models("detector", "encoder", "emotion")},
    )  # fmt: skip
    report.notes += [KNOWN[sha].note] if sha in KNOWN else []
    readings = {OWN: read_all(setup.own.stills(emotion=True), fer, setup, OWN)}
    if setup.mediapipe is not None:
        report.tools[MEDIAPIPE] = setup.mediapipe.identity
        readings[MEDIAPIPE] = read_all(setup.mediapipe.stills(), fer, setup, MEDIAPIPE)
    answers = {OWN: _head_answers(fer, setup)}
    for classifier in setup.classifiers:
        report.tools[classifier.name] = classifier.identity
        answers[classifier.name] = classifier.probabilities(fer.images)
    _categories(report, answers, majority)
    _product(report, readings, majority)
    _action_units(report, readings, distribution(fer.votes))
    _slices(report, fer, answers[OWN], readings[OWN], majority)
    return report


def load(path: Path) -> tuple[Path, FerVotes]:
    """Read `PATH.npz`, a folder with `valid.npz` or one `.npz`, or the two published tables.

    Returns:
        The file that defines the part, and its pictures.
    """
    if path.is_dir() and (path / CSV_FILES[1]).exists():
        return path / CSV_FILES[1], read_csv(path)
    file = path
    if path.is_dir():
        alone = sorted(path.glob("*.npz"))
        file = alone[0] if len(alone) == 1 else path / "valid.npz"
    arrays = read_arrays(file, {"images": (None, 48, 48), "votes": (None, 10)})
    votes = np.asarray(arrays["votes"], np.uint8)
    if "vote_names" in arrays:
        votes = ordered(votes, [str(name) for name in arrays["vote_names"]])
    return file, FerVotes(np.asarray(arrays["images"], np.uint8), votes)


def read_all(backend: FaceBackend, fer: FerVotes, setup: Setup, who: str) -> Reading:
    """Let a tool find and read the face of every picture."""
    count = len(fer)
    reading = Reading(
        np.full((count, len(AU_LABELS)), np.nan, np.float32),
        np.full((count, 3), np.nan, np.float32),
        np.full((count, len(EMOTIONS)), np.nan, np.float32),
    )
    try:
        for row, image in enumerate(fer.images):
            setup.progress(f"{who} reads faces", row, count)
            one = read_face(backend, image)
            if one is not None:
                reading.au[row], reading.pose[row] = one.seen.au, one.seen.pose
                if one.seen.emotion is not None:
                    reading.emotion[row] = one.seen.emotion
    finally:
        backend.close()
    return reading


def _head_answers(fer: FerVotes, setup: Setup) -> Floats:
    head, encoder = setup.own.emotion(), setup.own.encoder()
    answers = []
    for row, image in enumerate(fer.images):
        setup.progress(f"{OWN} names expressions", row, len(fer))
        answers.append(head.classify_framed(image, encoder))
    encoder.wipe()
    return np.stack(answers)


def _categories(report: Report, answers: dict[str, Floats], majority: Classes) -> None:
    """Add the rows of the published protocol."""
    known = majority >= 0
    truth = majority[known]
    sample = Sample(own_units(len(truth)))
    seven = Sample(own_units(int((truth != CONTEMPT).sum())))
    rows: dict[str, dict[str, Score]] = {}
    for tool, all_answers in answers.items():
        probability = all_answers[known]
        for key, score in _category_scores(sample, probability, truth).items():
            rows.setdefault(key, {})[tool] = score
        kept = truth != CONTEMPT
        best = probability[kept][:, :CONTEMPT].argmax(1)
        rows.setdefault("accuracy_7", {})[tool] = seven.mean(
            (best == truth[kept]).astype(np.float64)
        )
        if tool == OWN:
            right = probability.argmax(1) == truth
            curve = metrics.abstention_curve(probability.max(1), right, COVERAGES)
            report.curves["abstention"] = {
                name: [round(point[i], 4) for point in curve]
                for i, name in enumerate(("coverage", "accuracy", "confidence"))
            }
    labels = {
        "accuracy": ("accuracy, 8 classes", "higher"),
        "accuracy_7": ("accuracy, 7 classes without contempt", "higher"),
        "mean_recall": ("mean recall of the classes", "higher"),
        "f1_macro": ("macro F1", "higher"),
        "kappa": ("Cohen's kappa", "higher"),
        "ece_15": ("calibration error, 15 bins", "lower"),
        "accuracy_at_80": ("accuracy of the surest 80 %", "higher"),
        "accuracy_at_60": ("accuracy of the surest 60 %", "higher"),
        **{f"recall_{name}": (f"recall {name}", "higher") for name in EMOTIONS},
    }
    for key, (label, better) in labels.items():
        report.rows.append(Row(key, label, SHARE, better, rows[key]))


def _category_scores(sample: Sample, probability: Floats, truth: Classes) -> dict[str, Score]:
    best = probability.argmax(1)
    right = (best == truth).astype(np.float64)
    sure = probability.max(1)
    count = len(EMOTIONS)

    def surest(share: float) -> Measure:
        return lambda rows: metrics.abstention_curve(sure[rows], right[rows], [share])[0][1]

    scores = {
        "accuracy": sample.mean(right),
        "mean_recall": sample.score(lambda r: metrics.mean_recall(best[r], truth[r], count)),
        "f1_macro": sample.score(lambda r: metrics.f1_macro(best[r], truth[r], count)),
        "kappa": sample.score(lambda r: metrics.kappa(best[r], truth[r])),
        "ece_15": sample.score(lambda r: metrics.calibration_error(probability[r], truth[r])),
        "accuracy_at_80": sample.score(surest(0.8)),
        "accuracy_at_60": sample.score(surest(0.6)),
    }
    for index, name in enumerate(EMOTIONS):
        scores[f"recall_{name}"] = sample.mean(np.where(truth == index, right, np.nan))
    return scores


def _product(report: Report, readings: dict[str, Reading], majority: Classes) -> None:
    """Add how many faces each tool found, and the head's accuracy behind detection."""
    sample = Sample(own_units(len(majority)))
    found = {tool: sample.mean(r.found.astype(np.float64)) for tool, r in readings.items()}
    report.rows.append(Row("face_found", "face found in the picture", SHARE, "higher", found))
    own = readings[OWN]
    kept = (majority >= 0) & own.found
    right = (own.emotion[kept].argmax(1) == majority[kept]).astype(np.float64)
    score = Sample(own_units(int(kept.sum()))).mean(right)
    label = "accuracy, face found and cut as in the product"
    report.rows.append(Row("accuracy_product", label, SHARE, "higher", {OWN: score}))


def _action_units(report: Report, readings: dict[str, Reading], share: Floats) -> None:
    """Add the area under ROC of each expected AU, class against neutral."""
    sure, best = share.max(1) >= SURE, share.argmax(1)
    together = np.all([reading.found for reading in readings.values()], axis=0)
    counts: dict[str, Score] = {}
    for name, labels in CLASS_AUS.items():
        rows = sure & together & ((best == EMOTIONS.index(name)) | (best == 0))
        positive = best[rows] != 0
        sample = Sample(own_units(int(rows.sum())))
        counts[name] = Score(float(positive.sum()))
        for label in labels:
            scores = {}
            for tool, reading in readings.items():
                values = reading.au[rows, AU_LABELS.index(label)]
                if not np.isnan(values).any():
                    scores[tool] = sample.score(_auc(values, positive))
            report.rows.append(
                Row(f"auc_{label}_{name}", f"area under ROC, {label} {name}", SHARE, "higher",
                    scores)
            )  # fmt: skip
    for name, score in counts.items():
        report.rows.append(Row(f"examples_{name}", f"examples of {name}", NUMBER, "", {OWN: score}))
    report.notes.append(
        "Areas compare pictures of a class (60 % of the votes or more) with neutral ones, where "
        f"every tool found the face: {int((sure & together & (best == 0)).sum())} neutral ones."
    )


def _auc(values: Floats, positive: npt.NDArray[np.bool_]) -> Measure:
    return lambda rows: metrics.area_under_roc(values[rows], positive[rows])


def _slices(
    report: Report, fer: FerVotes, answers: Floats, reading: Reading, majority: Classes
) -> None:
    """Add accuracy by light, contrast, blur and pose."""
    known = majority >= 0
    right = (answers[known].argmax(1) == majority[known]).astype(np.float64)
    flat = fer.images[known].reshape(int(known.sum()), -1)
    axes = [
        light_axis(flat.mean(1)),
        contrast_axis(flat.std(1)),
        blur_axis(np.array([sharpness(image) for image in fer.images[known]])),
        pose_axis(reading.pose[known]),
    ]
    what = What("accuracy", "accuracy, 8 classes", SHARE, lambda rows: float(right[rows].mean()))
    report.slices.append(by_group(what, Sample(own_units(len(right))), axes))
