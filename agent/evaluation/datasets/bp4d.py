"""BP4D: 41 people, eight tasks, AU presence (and the intensity of five AUs), as pictures.

Layout: `AUCoding/AU_OCC/F001_T1.csv`, first row = AU numbers, first column = frame; 0 or 1, 9 =
not coded. `AUCoding/AU_INT/AU12/F001_T1_AU12.csv` (or `AU_INT/F001_T1_AU12.csv`), lines
`frame,intensity` with 0-5, 9 = not coded. Pictures `F001/T1/2440.jpg`, some releases with leading
zeros.

Source: Zhang et al. 2014; columns and subject folds of ME-GraphAU (Luo et al. 2022). Unlike its
code, 9 is taken as not coded everywhere.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from agent.errors import MediaError
from agent.evaluation.datasets.folds import Fold, folds_from
from agent.evaluation.datasets.model import INTENSITY, PRESENCE, AuSequence, AuSet
from agent.evaluation.datasets.text import lines_of, number_in, require_folder, whole_in

AUS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
INTENSITY_AUS = (6, 10, 12, 14, 17)
NOT_CODED = 9.0
FPS = 25.0

PARTS = (
    (
        "F001", "M007", "F018", "F008", "F002", "M004", "F010",
        "F009", "M012", "M001", "F016", "M014", "F023", "M008",
    ),
    (
        "M011", "F003", "M010", "M002", "F005", "F022", "M018",
        "M017", "F013", "M016", "F020", "F011", "M013", "M005",
    ),
    (
        "F007", "F015", "F006", "F019", "M006", "M009", "F012",
        "M003", "F004", "F021", "F017", "M015", "F014",
    ),
)  # fmt: skip
"""Subjects of ME-GraphAU's parts A, B and C."""


def folds() -> list[Fold]:
    """Return ME-GraphAU's 3 folds: fold 1 tests C, fold 2 B, fold 3 A."""
    return folds_from(PARTS, order=(2, 1, 0))


def load(folder: Path, kind: str = PRESENCE) -> AuSet:
    """Read presence of 12 AUs, or intensity of five.

    Raises:
        MediaError: a folder is missing, a table is damaged, or no coded frame has a picture.
    """
    coding = require_folder(folder / "AUCoding", "AU_OCC and AU_INT")
    if kind == INTENSITY:
        tables = _intensities(require_folder(coding / "AU_INT", "one table per AU and task"))
        numbers: tuple[int, ...] = INTENSITY_AUS
    else:
        occurrence = require_folder(coding / "AU_OCC", "one table per subject and task")
        tables = {path.stem: _occurrence(path) for path in sorted(occurrence.glob("*.csv"))}
        numbers = AUS
    sequences, notes = [], []
    for name, rows in tables.items():
        subject, _, task = name.partition("_")
        pictures = {p.stem.lstrip("0") or "0": p for p in (folder / subject / task).glob("*.jpg")}
        there = [frame for frame in sorted(rows) if str(frame) in pictures]
        if len(there) < len(rows):
            notes.append(f"{name}: {len(rows) - len(there)} coded frames have no picture; left out")
        if not there:
            continue
        codes = np.array([rows[frame] for frame in there], np.float32)
        codes[codes == NOT_CODED] = np.nan
        sequences.append(
            AuSequence(subject, name, np.array(there, np.int64), codes,
                       pictures=tuple(pictures[str(frame)] for frame in there), fps=FPS)
        )  # fmt: skip
    if not sequences:
        raise MediaError(f"{folder.name} holds no coded frame with a picture")
    labels = tuple(f"AU{number:02d}" for number in numbers)
    return AuSet("BP4D", labels, kind, tuple(sequences), tuple(notes))


def _occurrence(path: Path) -> dict[int, list[float]]:
    """Read one task's table: codes of the 12 AUs by frame."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MediaError(f"{path.name} can't be read as a CSV table") from error
    header = [whole_in(cell, path, 1) for cell in table[0]] if table else []
    lacking = [number for number in AUS if number not in header[1:]]
    if lacking:
        raise MediaError(f"{path.name} has no column of AU{lacking[0]}")
    places = [header.index(number, 1) for number in AUS]
    rows = {}
    for line, row in enumerate(table[1:], start=2):
        if len(row) != len(header):
            raise MediaError(f"{path.name}, line {line}: {len(header)} cells are expected")
        codes = [number_in(row[place], path, line) for place in places]
        if any(code not in {0.0, 1.0, NOT_CODED} for code in codes):
            raise MediaError(f"{path.name}, line {line}: a code is 0, 1 or 9")
        rows[whole_in(row[0], path, line)] = codes
    return rows


def _intensities(folder: Path) -> dict[str, dict[int, list[float]]]:
    """Read the tables of the five AUs and join them by frame; what one lacks isn't coded."""
    found: dict[str, dict[int, list[float]]] = {}
    for column, number in enumerate(INTENSITY_AUS):
        ending = f"_AU{number:02d}.csv"
        for path in sorted(folder.rglob(f"*{ending}")):
            rows = found.setdefault(path.name.removesuffix(ending), {})
            for line, text in lines_of(path):
                frame, _, code = text.partition(",")
                value = number_in(code, path, line)
                if not (0 <= value <= 5 or value == NOT_CODED):
                    raise MediaError(f"{path.name}, line {line}: an intensity is 0 to 5, or 9")
                empty = [NOT_CODED] * len(INTENSITY_AUS)
                rows.setdefault(whole_in(frame, path, line), empty)[column] = value
    return found
