"""Your own AU codes: one CSV table beside the pictures.

Columns: `image_path` (below the table's folder), `au1`, `au2`, ... with 0 to 5, empty where not
coded, and `subject` if you like (without it each picture is its own person). It is the form in
which LibreFace keeps DISFA, plus the subject.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from agent.domain.facs import AU_LABELS
from agent.errors import MediaError
from agent.evaluation.datasets.model import INTENSITY, AuSequence, AuSet
from agent.evaluation.datasets.text import is_there, number_in
from agent.evaluation.tables import read_table


def load(path: Path) -> AuSet:
    """Read a table, or `labels.csv` of a folder.

    Raises:
        MediaError: it is missing or damaged, names no measured AU, or a picture isn't there.
    """
    table = path / "labels.csv" if path.is_dir() else path
    rows = read_table(table, ())
    columns = {label: name for name in rows[0] if (label := _label(name)) in AU_LABELS}
    if "image_path" not in rows[0] or not columns:
        raise MediaError(f"{table.name} needs the column image_path, and au1, au2, ... to score")
    grouped: dict[str, list[tuple[Path, list[float]]]] = {}
    for line, row in enumerate(rows, start=2):
        codes = [_code(row[name], table, line) for name in columns.values()]
        picture = _picture(table, row["image_path"], line)
        grouped.setdefault(row.get("subject") or f"picture {line}", []).append((picture, codes))
    strangers = [name for name in rows[0] if _label(name) and _label(name) not in columns]
    sequences = tuple(
        AuSequence(
            subject, subject, np.arange(1, len(items) + 1),
            np.array([codes for _, codes in items], np.float32),
            pictures=tuple(picture for picture, _ in items), still=True,
        )
        for subject, items in sorted(grouped.items())
    )  # fmt: skip
    notes = (f"{len(strangers)} columns are about AUs that Omokage doesn't measure; left out.",)
    return AuSet("own codes", tuple(columns), INTENSITY, sequences, notes if strangers else ())


def _label(column: str) -> str:
    """Turn `au4`, `AU04` or `AU4` into `AU04`; empty for another column."""
    found = re.fullmatch(r"au0*(\d{1,3})", (column or "").strip().lower())
    return f"AU{int(found[1]):02d}" if found else ""


def _code(text: str | None, table: Path, line: int) -> float:
    if not (text or "").strip():
        return float("nan")
    value = number_in(str(text), table, line)
    if not 0 <= value <= 5:
        raise MediaError(f"{table.name}, line {line}: an intensity is 0 to 5")
    return value


def _picture(table: Path, name: str | None, line: int) -> Path:
    path = Path(name or "")
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise MediaError(f"{table.name}, line {line}: image_path must lie below the table's folder")
    if not is_there(table.parent / path):
        raise MediaError(f"{table.name}, line {line}: the picture isn't there")
    return table.parent / path
