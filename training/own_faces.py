"""Cut the faces of a set that somebody holds a licence for, with the product's own models.

The set is read by `agent.evaluation.datasets`, so that training and evaluation agree on who is who
and on what a label means. Crops are kept under the runs folder, beside the weights they lead to;
whoever holds the set decides how long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from agent.domain.frame import Frame
from agent.evaluation.datasets.model import AuSequence, AuSet, ExpressionSet
from agent.evaluation.tools import OwnTool, box_side, read_face
from training.label.crops import crop_matrix, cut


@dataclass(frozen=True, slots=True)
class OwnFaces:
    """Aligned faces with one kind of label.

    Attributes:
        faces: uint8 (N, 128, 128).
        labels: float32 (N, A), AU codes, NaN where not coded; or int64 (N,), classes.
        subjects: str (N,), whose face it is; the picture's own number where nobody knows.
    """

    faces: np.ndarray
    labels: np.ndarray
    subjects: np.ndarray

    def __len__(self) -> int:
        return len(self.faces)

    def of(self, subjects: frozenset[str]) -> OwnFaces:
        """Keep some people's faces."""
        rows = np.isin(self.subjects, sorted(subjects))
        return OwnFaces(self.faces[rows], self.labels[rows], self.subjects[rows])


def kept_or_cut(path: Path, make: Iterator[tuple[np.ndarray, object, str]]) -> OwnFaces:
    """Read the crops of an earlier run, or cut them now and keep them whole or not at all."""
    if not path.exists():
        rows = list(make)
        if not rows:
            raise SystemExit("no face was found in any labelled picture")
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".partial")
        with unfinished.open("wb") as file:
            np.savez_compressed(
                file,
                faces=np.stack([row[0] for row in rows]),
                labels=np.array([row[1] for row in rows]),
                subjects=np.array([row[2] for row in rows]),
            )
        unfinished.replace(path)
    with np.load(path, allow_pickle=False) as stored:
        return OwnFaces(stored["faces"], stored["labels"], stored["subjects"])


def action_faces(
    data: AuSet, tool: OwnTool, every: int
) -> Iterator[tuple[np.ndarray, object, str]]:
    """Follow each sequence and yield (crop, codes, subject) of every n-th coded frame."""
    for sequence in data.sequences:
        backend = tool.video()
        coded = {int(frame): row for row, frame in enumerate(sequence.frames)}
        wanted = {frame for frame, row in coded.items() if row % every == 0}
        for number, bgr in frames_of(sequence):
            at = round(number / sequence.fps * 1e9)
            seen = backend.look(Frame(bgr, number, at, at)).observations
            if number in wanted and seen:
                face = max(seen, key=lambda one: box_side(one.box))
                gray = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
                crop = cut(gray, crop_matrix(face.landmarks))
                yield crop, sequence.values[coded[number]], sequence.subject
        backend.close()


def frames_of(sequence: AuSequence) -> Iterator[tuple[int, np.ndarray]]:
    """Yield every frame with its number in the set's own count."""
    if sequence.video is None:
        for number, path in zip(sequence.frames, sequence.pictures, strict=True):
            picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if picture is not None:
                yield int(number), np.asarray(picture, np.uint8)
        return
    video = cv2.VideoCapture(str(sequence.video))
    number = 0
    while True:
        there, picture = video.read()
        if not there:
            video.release()
            return
        number += 1
        yield number, np.asarray(picture, np.uint8)


def expression_faces(
    data: ExpressionSet, tool: OwnTool
) -> Iterator[tuple[np.ndarray, object, str]]:
    """Read each picture and yield (crop, class, its own number)."""
    backend = tool.stills(emotion=False)
    for number, (path, label) in enumerate(zip(data.pictures, data.classes, strict=True)):
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if gray is None:
            continue
        gray = np.asarray(gray, np.uint8)
        one = read_face(backend, gray)
        if one is not None:
            yield cut(gray, crop_matrix(one.landmarks)), int(label), str(number)
    backend.close()
