"""Faces found, missed and made up, against boxes.

Layouts: a folder with `labels.csv` (`file`, `kind` face / ignore / none, `x1 y1 x2 y2`) and its
pictures in `images.zip` or beside it; or any folder of pictures with YuNet's file as reference.
Either way the boxes are a strong detector's, not people's. A reference face of less than 32 px, or
one that the reference doubts, counts neither for nor against anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.capture.files import PICTURE_SUFFIXES, decode_picture
from agent.domain.frame import Frame
from agent.domain.observation import FaceBackend
from agent.errors import ConfigError, MediaError, ModelError
from agent.evaluation.detections import (
    MIN_IOU,
    Counts,
    Picture,
    average_precision,
    counted,
    faces_found,
    false_scores,
    overlaps,
)
from agent.evaluation.reading import (
    Image,
    Pictures,
    digest,
    picture_files,
    set_folder,
    set_table,
    to_gray,
)
from agent.evaluation.report import NUMBER, SHARE, Report, Row, Score
from agent.evaluation.scoring import Measure, Sample, own_units
from agent.evaluation.seen import KNOWN, chosen
from agent.evaluation.slices import (
    Axis,
    What,
    blur_axis,
    by_group,
    divided,
    light_axis,
    sharpness,
)
from agent.evaluation.tables import read_table
from agent.evaluation.task import Setup
from agent.evaluation.tools import MEDIAPIPE, OWN

SMALLEST = 32.0
"""Geometric mean of a box's sides, pixels of the picture, from which a face counts."""

SURE, DOUBTFUL = 0.7, 0.3
"""YuNet's score from which a face counts, and from which it is at least not background."""

ENLARGED = 400
"""Longer side, pixels, to which a small picture is enlarged for a second look of the reference."""

WEAKEST = 0.05
"""Own detections kept for curves."""

FALSE_PER_100 = 1.0
"""False faces in 100 negative pictures at which recall is compared."""

COLUMNS = ("file", "kind", "x1", "y1", "x2", "y2")
"""Of the table of boxes."""

LIVE, THOROUGH, PRODUCT = "live", "thorough", "product"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture and its reference boxes.

    Attributes:
        name: of the picture.
        image: uint8 (H, W), gray.
        boxes: float32 (M, 4), x1 y1 x2 y2.
        real: bool (M,), false for a box to ignore.
    """

    name: str
    image: Image
    boxes: Floats
    real: npt.NDArray[np.bool_]


@dataclass(slots=True)
class Judged:
    """All pictures of one way of looking, in order, and what each reference face looks like."""

    pictures: dict[str, list[Picture]] = field(default_factory=lambda: defaultdict(list))
    picture: list[int] = field(default_factory=list)
    """Of each real reference face: its picture's number."""
    size: list[float] = field(default_factory=list)
    light: list[float] = field(default_factory=list)
    edges: list[float] = field(default_factory=list)
    folder: list[str] = field(default_factory=list)


class YuNet:
    """The reference detector, at a picture's own size."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            ModelError: it is missing or isn't a YuNet.
        """
        if not path.is_file():
            raise ModelError(f"can't read {path.name}")
        # OpenCV's newest graph engine warns that YuNet's target can't be chosen; it needn't be.
        before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (320, 320), DOUBTFUL)
            self._net.detect(np.zeros((320, 320, 3), np.uint8))
        except cv2.error as error:
            raise ModelError(
                f"{path.name} isn't a YuNet", advice="Name a face_detection_yunet ONNX file."
            ) from error
        finally:
            cv2.utils.logging.setLogLevel(before)
        self.identity = (f"{path.name.removesuffix('.onnx')}@{digest(path)[:8]}",)

    def boxes(self, bgr: Image) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return boxes float32 (M, 4) and which of them it is sure of, of BGR (H, W, 3).

        A small picture is looked at enlarged, too, since the net misses what fills its own input
        badly; what is seen there alone is doubtful: neither a face to find nor a false one.
        """
        boxes, sure = self._look(bgr)
        factor = -(-ENLARGED // max(bgr.shape[:2]))
        if factor < 2:
            return boxes, sure
        large = cv2.resize(bgr, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        again = self._look(np.asarray(large, np.uint8))[0] / factor
        new = again[overlaps(again, boxes).max(1, initial=0) < MIN_IOU]
        return np.concatenate([boxes, new]), np.concatenate([sure, np.zeros(len(new), np.bool_)])

    def _look(self, bgr: Image) -> tuple[Floats, npt.NDArray[np.bool_]]:
        self._net.setInputSize((bgr.shape[1], bgr.shape[0]))
        _, found = self._net.detect(bgr)
        rows = np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
        boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], 1)
        return boxes, np.asarray(rows[:, 14] >= SURE, np.bool_)


def evaluate(path: Path, setup: Setup) -> Report:
    """Score the detector.

    Raises:
        ConfigError: a folder of pictures, and no reference.
        MediaError: the set is missing or damaged.
    """
    root = set_folder(path)
    reference = YuNet(setup.reference) if setup.reference is not None else None
    report = Report(
        "detector",
        f"Face detector · {path.name}",
        {"name": path.name if path.is_dir() else f"{root.name}/{path.name}"},
        "YuNet, " + ("run now" if _table(path) is None else "from the set's table")
        + ": agreement with another detector, not with people",
        {OWN: setup.own.models("detector", "encoder")},
    )  # fmt: skip
    if setup.mediapipe is not None:
        report.tools[MEDIAPIPE] = setup.mediapipe.identity
    judged = _judge_all(path, setup, reference, report)
    positives = sum(1 for one in judged.pictures[LIVE] if one.real.any())
    negatives = sum(1 for one in judged.pictures[LIVE] if not len(one.truth))
    faces = sum(int(one.real.sum()) for one in judged.pictures[LIVE])
    if not faces:
        raise MediaError(f"{path.name} shows no face of {SMALLEST:.0f} px or more")
    report.title += (
        f" · {faces} faces of {SMALLEST:.0f} px or more in {positives} pictures, "
        f"{negatives} pictures without a face"
    )
    report.data |= {"faces": faces, "with_faces": positives, "negatives": negatives}
    threshold = setup.own.threshold()
    _rows(report, judged, threshold, negatives)
    _slices(report, judged, threshold)
    return report


def scenes(path: Path, setup: Setup, reference: YuNet | None) -> Iterator[Scene | str]:
    """Yield pictures with boxes; a str is a note about the set."""
    table = _table(path)
    if table is not None:
        yield from _labelled(table, setup)
        return
    if reference is None:
        raise ConfigError(
            f"{path.name} has no table of boxes (labels.csv), so there is nothing to compare with",
            advice="Name a reference detector: --baseline face_detection_yunet.onnx",
        )
    files = picture_files(path)
    for row, file in enumerate(files):
        setup.progress("detectors look", row, len(files))
        bgr = decode_picture(file)
        boxes, sure = reference.boxes(bgr)
        name = file.relative_to(set_folder(path)).as_posix()
        yield Scene(name, to_gray(bgr), boxes, sure & (_sizes(boxes) >= SMALLEST))


def _table(path: Path) -> Path | None:
    if path.is_file() and path.suffix.lower() in PICTURE_SUFFIXES:
        return None
    return set_table(path, COLUMNS)


def _labelled(table: Path, setup: Setup) -> Iterator[Scene | str]:
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in read_table(table, COLUMNS):
        rows[row["file"]].append(row)
    names = sorted(rows)
    keep, notes = chosen(names, setup.persons, KNOWN.get(digest(table)))
    yield from notes
    listed = [name for name, one in zip(names, keep, strict=True) if one]
    archive = Pictures(table.parent)
    try:
        for number, name in enumerate(listed):
            setup.progress("detectors look", number, len(listed))
            marked = [row for row in rows[name] if row["kind"] != "none"]
            boxes = _boxes(marked, name)
            sure = np.array([row["kind"] == "face" for row in marked], np.bool_)
            yield Scene(name, archive.gray(name), boxes, sure & (_sizes(boxes) >= SMALLEST))
    finally:
        archive.close()


def _boxes(marked: list[dict[str, str]], name: str) -> Floats:
    try:
        corners = [[float(row[key]) for key in ("x1", "y1", "x2", "y2")] for row in marked]
    except ValueError as error:
        raise MediaError(f"labels.csv: a box of {name} isn't four numbers") from error
    return np.array(corners, np.float32).reshape(-1, 4)


def _sizes(boxes: Floats) -> Floats:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(np.sqrt(sides.prod(1)), np.float32)


def _judge_all(path: Path, setup: Setup, reference: YuNet | None, report: Report) -> Judged:
    """Let everybody look at every picture."""
    judged = Judged()
    detector = setup.own.detector(WEAKEST)
    backends: dict[str, FaceBackend] = {OWN: setup.own.stills(emotion=False, hide_poor=True)}
    if setup.mediapipe is not None:
        backends[MEDIAPIPE] = setup.mediapipe.stills(most_faces=32)
    try:
        for scene in _everything(path, setup, reference):
            if isinstance(scene, str):
                report.notes.append(scene)
                continue
            for mode in (LIVE, THOROUGH):
                faces = detector.detect(scene.image, thorough=mode == THOROUGH)
                boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
                scores = np.array([face.score for face in faces], np.float32)
                judged.pictures[mode].append(_judged(scene, boxes, scores))
            bgr = np.asarray(cv2.cvtColor(scene.image, cv2.COLOR_GRAY2BGR), np.uint8)
            for tool, backend in backends.items():
                seen = backend.look(Frame(bgr, 0, 0, 0)).observations
                boxes = np.array([one.box for one in seen], np.float32).reshape(-1, 4)
                scores = np.ones(len(boxes), np.float32)
                judged.pictures[f"{PRODUCT} {tool}"].append(_judged(scene, boxes, scores))
            _describe(scene, judged)
    finally:
        for backend in backends.values():
            backend.close()
    return judged


def _everything(path: Path, setup: Setup, reference: YuNet | None) -> Iterator[Scene | str]:
    """Yield the set, then the additional negatives."""
    yield from scenes(path, setup, reference)
    if setup.negatives is None:
        return
    table = _table(setup.negatives)
    if table is not None:
        for scene in _labelled(table, setup):
            if isinstance(scene, str) or not len(scene.boxes):
                yield scene
        return
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.bool_)
    for file in picture_files(setup.negatives):
        yield Scene(file.name, to_gray(decode_picture(file)), *nothing)


def _judged(scene: Scene, boxes: Floats, scores: Floats) -> Picture:
    """Put detections beside the reference, both cut to the frame."""
    limit = np.array([scene.image.shape[1], scene.image.shape[0]] * 2, np.float32)
    return Picture(np.clip(boxes, 0, limit), scores, np.clip(scene.boxes, 0, limit), scene.real)


def _describe(scene: Scene, judged: Judged) -> None:
    """Note size, light and sharpness of each face that counts."""
    number = len(judged.pictures[LIVE]) - 1
    height, width = scene.image.shape
    top = scene.name.split("/")[0] if "/" in scene.name else ""
    for box, size in zip(scene.boxes[scene.real], _sizes(scene.boxes[scene.real]), strict=True):
        x1, y1, x2, y2 = (int(v) for v in np.clip(box, 0, [width, height] * 2))
        face = scene.image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
        judged.picture.append(number)
        judged.size.append(float(size))
        judged.light.append(float(face.mean()))
        judged.edges.append(sharpness(face))
        judged.folder.append(top)


class _Tally:
    """Right, wrong and faces of every picture, so that resamples are sums."""

    def __init__(self, pictures: list[Picture], threshold: float) -> None:
        counts = [counted(picture, threshold) for picture in pictures]
        self._right, self._wrong, self._faces = (
            np.array([getattr(one, name) for one in counts], np.int64)
            for name in ("right", "wrong", "faces")
        )
        self._empty = np.array([not len(one.truth) for one in pictures], np.bool_)

    def recall(self, rows: npt.NDArray[np.intp]) -> float:
        faces = int(self._faces[rows].sum())
        return float(self._right[rows].sum() / faces) if faces else float("nan")

    def precision(self, rows: npt.NDArray[np.intp]) -> float:
        return Counts(int(self._right[rows].sum()), int(self._wrong[rows].sum()), 0).precision

    def false_per_100(self, rows: npt.NDArray[np.intp]) -> float:
        empty = rows[self._empty[rows]]
        return float(100 * self._wrong[empty].mean()) if len(empty) else float("nan")


def strictest(pictures: list[Picture], negatives: int) -> float:
    """Find the lowest threshold with at most one false face in 100 negative pictures."""
    allowed = int(negatives * FALSE_PER_100 / 100)
    wrong = np.sort(false_scores([one for one in pictures if not len(one.truth)]))[::-1]
    if len(wrong) <= allowed:
        return WEAKEST
    return float(np.nextafter(np.float32(wrong[allowed]), np.float32(2)))


def _rows(report: Report, judged: Judged, threshold: float, negatives: int) -> None:
    sample = Sample(own_units(len(judged.pictures[LIVE])))
    report.rows.append(
        Row("threshold", "score from which the product takes a face", NUMBER, "",
            {OWN: Score(round(threshold, 4))})
    )  # fmt: skip
    for mode, words in ((LIVE, "one look (live)"), (THOROUGH, "thorough look (stills)")):
        pictures = judged.pictures[mode]
        _mode_rows(report, mode, words, sample, pictures, threshold)
        if negatives:
            strict = strictest(pictures, negatives)
            tally = _Tally(pictures, strict)
            report.rows.append(
                Row(f"recall_at_1_per_100_{mode}",
                    f"recall at <= 1 false face in 100 negatives, {words}", SHARE, "higher",
                    {OWN: sample.score(tally.recall)})
            )  # fmt: skip
    products = {
        tool: _Tally(judged.pictures[f"{PRODUCT} {tool}"], 0.0)
        for tool in (OWN, MEDIAPIPE)
        if judged.pictures.get(f"{PRODUCT} {tool}")
    }
    for key, label, better in (
        ("recall", "recall, stills with the encoder's check", "higher"),
        ("precision", "precision, stills with the encoder's check", "higher"),
        ("false_per_100", "false faces in 100 negatives, stills with the encoder's check", "lower"),
    ):
        unit = NUMBER if key == "false_per_100" else SHARE
        scores = {t: sample.score(getattr(tally, key)) for t, tally in products.items()}
        report.rows.append(Row(f"{key}_product", label, unit, better, scores))
    report.notes.append(
        "Recall at <= 1 false face in 100 negatives is read off this set's own curve; the "
        "product runs at its card's threshold."
    )
    if negatives < 100:
        report.notes.append(
            f"Only {negatives} pictures show no face, so not one of them may hold a false "
            "one there. Add more with --negatives."
        )


def _mode_rows(  # one way of looking
    report: Report, mode: str, words: str, sample: Sample, pictures: list[Picture],
    threshold: float,
) -> None:  # fmt: skip
    tally = _Tally(pictures, threshold)
    rows: list[tuple[str, str, str, str, Measure]] = [
        ("recall", "recall", SHARE, "higher", tally.recall),
        ("precision", "precision", SHARE, "higher", tally.precision),
        ("false_per_100", "false faces in 100 negatives", NUMBER, "lower", tally.false_per_100),
    ]
    for key, label, unit, better, measure in rows:
        score = sample.score(measure)
        report.rows.append(Row(f"{key}_{mode}", f"{label}, {words}", unit, better, {OWN: score}))
    area = Score(average_precision(pictures))
    label = f"average precision, {words}"
    report.rows.append(Row(f"average_precision_{mode}", label, SHARE, "higher", {OWN: area}))


def _slices(report: Report, judged: Judged, threshold: float) -> None:
    """Add recall by size, light, blur and folder."""
    sample = Sample(np.array(judged.picture))
    size = np.array(judged.size)
    axes = [
        divided("size", size, (64, 128), ("32-64 px", "64-128 px", "over 128 px")),
        light_axis(np.array(judged.light)),
        blur_axis(np.array(judged.edges)),
    ]
    folders = sorted(set(judged.folder))
    if len(folders) > 1:
        place = np.array([folders.index(name) for name in judged.folder], np.int64)
        axes.append(Axis("folder", tuple(name or "(top)" for name in folders), place))
    for mode in (LIVE, THOROUGH):
        parts = [faces_found(one, threshold) for one in judged.pictures[mode]]
        hit = np.concatenate(parts).astype(np.float64)
        what = What(f"recall_{mode}", f"recall, {mode}", SHARE, _mean(hit))
        report.slices.append(by_group(what, sample, axes))


def _mean(values: npt.NDArray[np.float64]) -> Measure:
    return lambda rows: float(values[rows].mean())
