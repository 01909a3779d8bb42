"""DISFA+: posed expressions of nine of DISFA's people, 12 AUs in 0-5, as pictures.

Layout: `Labels/SN001/TRIAL/AU1.txt` with lines `FRAME.jpg INTENSITY` and `#` comments, pictures in
`Images/SN001/TRIAL/FRAME.jpg`.

Source: Mavadati, Sanger & Mahoor 2016. All nine people are in DISFA too: whoever trained on DISFA
has seen them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agent.errors import MediaError
from agent.evaluation.datasets.disfa import AUS, LABELS
from agent.evaluation.datasets.folds import Fold, dealt
from agent.evaluation.datasets.model import INTENSITY, AuSequence, AuSet
from agent.evaluation.datasets.text import is_there, lines_of, number_in, require_folder

SUBJECTS = tuple(f"SN{number:03d}" for number in (1, 3, 4, 7, 9, 10, 13, 25, 27))


def folds(count: int = 3) -> list[Fold]:
    """Return folds by our own rule: subjects sorted and dealt in turn."""
    return dealt(SUBJECTS, count)


def load(folder: Path) -> AuSet:
    """Read every trial; a frame that lacks a code of some AU has NaN there.

    Raises:
        MediaError: a folder is missing, a line isn't `FRAME.jpg INTENSITY`, a picture isn't there.
    """
    labels = require_folder(folder / "Labels", "one folder per subject")
    images = require_folder(folder / "Images", "one folder per subject")
    sequences, notes = [], []
    for trial in sorted(path for path in labels.glob("*/*") if path.is_dir()):
        columns = [_column(trial / f"AU{number}.txt") for number in AUS]
        names = sorted({name for column in columns for name in column})
        base = images / trial.parent.name / trial.name
        there = [name for name in names if is_there(base / name)]
        if len(there) < len(names):
            notes.append(f"{trial.parent.name}/{trial.name}: {len(names) - len(there)} pictures "
                         "are missing; left out")  # fmt: skip
        if not there:
            continue
        rows = [[column.get(name, np.nan) for column in columns] for name in there]
        sequences.append(
            AuSequence(
                trial.parent.name, f"{trial.parent.name}/{trial.name}",
                np.arange(1, len(there) + 1), np.array(rows, np.float32),
                pictures=tuple(base / name for name in there),
            )
        )  # fmt: skip
    if not sequences:
        raise MediaError(f"{folder.name} holds no trial with labels and pictures")
    return AuSet("DISFA+", LABELS, INTENSITY, tuple(sequences), tuple(notes))


def _column(path: Path) -> dict[str, float]:
    """Read one AU of one trial; a file that isn't there codes nothing."""
    if not path.exists():
        return {}
    found: dict[str, float] = {}
    for line, text in lines_of(path):
        name, _, code = text.partition(" ")
        value = number_in(code, path, line)
        if not 0 <= value <= 5 or "/" in name:
            raise MediaError(f"{path.name}, line {line}: `FRAME.jpg 0-5` is expected")
        found[name] = value
    return found
