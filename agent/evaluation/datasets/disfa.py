"""DISFA: 27 people, 12 AUs in 0-5 for every frame of a video.

Layout: `ActionUnit_Labels/SN001/SN001_au1.txt` (twelve files a person, lines `frame,intensity`,
frames from 1), `Videos_LeftCamera/LeftVideoSN001_comp.avi` and the same with `Right`. Labels end
before the videos do: frames are joined by number, and only labelled ones count.

Source: Mavadati et al. 2013. The three subject folds are those of ME-GraphAU (Luo et al. 2022);
the five folds are our own, since LibreFace's aren't published: subjects sorted and dealt in turn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agent.errors import ConfigError, MediaError
from agent.evaluation.datasets.folds import Fold, dealt, folds_from
from agent.evaluation.datasets.model import INTENSITY, AuSequence, AuSet
from agent.evaluation.datasets.text import lines_of, number_in, require_folder, whole_in

AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
LABELS = tuple(f"AU{number:02d}" for number in AUS)
FPS = 20.0
DETECTION_AUS = ("AU01", "AU02", "AU04", "AU06", "AU09", "AU12", "AU25", "AU26")
"""The eight AUs of the detection literature."""

POSITIVE = 2.0
"""Intensity from which an AU counts as present (ME-GraphAU, py-feat)."""

PARTS = (
    (2, 10, 1, 26, 27, 32, 30, 9, 16),
    (13, 18, 11, 28, 12, 6, 31, 21, 24),
    (3, 29, 23, 25, 8, 5, 7, 17, 4),
)
"""Subjects of ME-GraphAU's parts 1, 2 and 3."""

CAMERAS = ("Left", "Right")


def subject(number: int) -> str:
    """Name a subject as DISFA does."""
    return f"SN{number:03d}"


def folds(count: int = 3) -> list[Fold]:
    """Return ME-GraphAU's 3 folds (fold 1 tests part 3) or our own 5.

    Raises:
        ConfigError: another number.
    """
    parts = [[subject(number) for number in part] for part in PARTS]
    if count == 3:
        return folds_from(parts, order=(2, 1, 0))
    if count == 5:
        return dealt([name for part in parts for name in part], 5)
    raise ConfigError(f"DISFA has 3 published folds, or 5 by our own rule, not {count}")


def load(folder: Path, camera: str = "Left") -> AuSet:
    """Read the labels and find the videos of one camera.

    Raises:
        MediaError: a folder, label file or video is missing, or a line isn't `frame,intensity`.
    """
    labels = require_folder(folder / "ActionUnit_Labels", "one folder per subject")
    videos = require_folder(folder / f"Videos_{camera}Camera", "one video per subject")
    people = sorted(path.name for path in labels.iterdir() if path.is_dir())
    if not people:
        raise MediaError(f"{labels.name} holds no subject")
    sequences, notes = [], []
    for name in people:
        video = videos / f"{camera}Video{name}_comp.avi"
        if not video.is_file():
            raise MediaError(f"{video.name} is missing, though {name} has labels")
        columns = [_column(labels / name / f"{name}_au{number}.txt") for number in AUS]
        frames = sorted(set(columns[0]).intersection(*columns[1:]))
        most = max(len(column) for column in columns)
        if len(frames) < most:
            notes.append(f"{name}: {most - len(frames)} frames lack a code of some AU; left out")
        values = np.array([[column[f] for column in columns] for f in frames], np.float32)
        sequences.append(
            AuSequence(name, name, np.array(frames, np.int64), values.reshape(-1, len(AUS)),
                       video=video, fps=FPS)
        )  # fmt: skip
    return AuSet("DISFA", LABELS, INTENSITY, tuple(sequences), tuple(notes))


def _column(path: Path) -> dict[int, float]:
    """Read one AU of one person: intensity by frame number."""
    found: dict[int, float] = {}
    for line, text in lines_of(path):
        frame, _, code = text.partition(",")
        value = number_in(code, path, line)
        if not 0 <= value <= 5:
            raise MediaError(f"{path.name}, line {line}: an intensity is 0 to 5")
        found[whole_in(frame, path, line)] = value
    return found
