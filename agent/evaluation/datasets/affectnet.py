"""AffectNet: faces from the web, eight expressions, valence and arousal.

Two layouts. Full release: a table with `subDirectory_filePath, face_x, face_y, face_width,
face_height, facial_landmarks, expression, valence, arousal` (`training.csv`, `validation.csv`)
beside the pictures' folder. Reduced release: `train_set` and `val_set`, each with
`images/ID.jpg` and `annotations/ID_exp.npy, ID_val.npy, ID_aro.npy`.

Expressions 8 to 10 (none, uncertain, not a face) are left out; valence or arousal of -2 means
unknown. The test labels are unpublished, so that papers report, and often choose on, validation.

Source: Mollahosseini, Hasani & Mahoor 2017.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from agent.domain.observation import EMOTIONS
from agent.errors import ConfigError, MediaError
from agent.evaluation.datasets.model import ExpressionSet
from agent.evaluation.datasets.text import is_there, number_in, whole_in
from agent.evaluation.tables import DAMAGED, read_table

ORDER = (
    "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt",
)  # fmt: skip
"""AffectNet's numbers 0 to 7."""

UNKNOWN = -2.0
PARTS = {"train": ("training.csv", "train_set"), "valid": ("validation.csv", "val_set")}
COLUMNS = (
    "subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "expression",
    "valence", "arousal",
)  # fmt: skip
IMAGE_FOLDERS = ("", "Manually_Annotated_Images", "images")


def load(folder: Path, part: str = "valid") -> ExpressionSet:
    """Read one part, whichever layout is there.

    Raises:
        ConfigError: the part is neither `train` nor `valid`.
        MediaError: no layout is there, or a file is missing or damaged.
    """
    if part not in PARTS:
        raise ConfigError(f"AffectNet has the parts train and valid, not {part}")
    table, reduced = PARTS[part]
    if (folder / reduced).is_dir():
        return _reduced(folder / reduced)
    if (folder / table).is_file():
        return _full(folder, folder / table)
    raise MediaError(
        f"{folder.name} holds neither {reduced} nor {table}",
        advice="Give AffectNet's own top folder, in its published layout.",
    )


def _reduced(folder: Path) -> ExpressionSet:
    pictures, classes, affect = [], [], []
    left_out = 0
    for path in sorted((folder / "images").glob("*.jpg"), key=lambda p: (len(p.stem), p.stem)):
        code = int(_scalar(folder / "annotations" / f"{path.stem}_exp.npy"))
        if not 0 <= code < len(ORDER):
            left_out += 1
            continue
        pictures.append(path)
        classes.append(EMOTIONS.index(ORDER[code]))
        affect.append(
            [_scalar(folder / "annotations" / f"{path.stem}_{key}.npy") for key in ("val", "aro")]
        )
    return _whole(folder.name, pictures, classes, affect, [], left_out)


def _scalar(path: Path) -> float:
    """Read a file of one number; some releases store it as text."""
    try:
        found = float(np.load(path, allow_pickle=False).reshape(-1)[0])
    except (OSError, *DAMAGED) as error:
        raise MediaError(f"{path.name} is missing or isn't one number") from error
    if not math.isfinite(found):
        raise MediaError(f"{path.name} isn't a finite number")
    return found


def _full(folder: Path, table: Path) -> ExpressionSet:
    rows = read_table(table, COLUMNS)
    pictures, classes, affect, boxes = [], [], [], []
    left_out = 0
    for line, row in enumerate(rows, start=2):
        code = whole_in(row["expression"], table, line)
        if not 0 <= code < len(ORDER):
            left_out += 1
            continue
        pictures.append(_picture(folder, row["subDirectory_filePath"], table, line))
        classes.append(EMOTIONS.index(ORDER[code]))
        affect.append([number_in(row[key], table, line) for key in ("valence", "arousal")])
        x, y, width, height = (number_in(row[key], table, line) for key in COLUMNS[1:5])
        boxes.append([x, y, x + width, y + height])
    return _whole(table.name, pictures, classes, affect, boxes, left_out)


def _picture(folder: Path, name: str, table: Path, line: int) -> Path:
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise MediaError(f"{table.name}, line {line}: the path leads out of the set")
    for base in IMAGE_FOLDERS:
        if is_there(folder / base / name):
            return folder / base / name
    raise MediaError(f"{table.name}, line {line}: the picture isn't there")


def _whole(  # the columns of one part
    name: str, pictures: list[Path], classes: list[int], affect: list[list[float]],
    boxes: list[list[float]], left_out: int,
) -> ExpressionSet:  # fmt: skip
    if not pictures:
        raise MediaError(f"{name} holds no picture with one of the eight expressions")
    known = np.array(affect, np.float32)
    known[known == UNKNOWN] = np.nan
    box = np.array(boxes, np.float32) if boxes else np.full((len(pictures), 4), np.nan, np.float32)
    notes = (f"{left_out} pictures without one of the eight expressions are left out.",)
    return ExpressionSet(
        "AffectNet", tuple(pictures), np.array(classes, np.int64), box, known,
        notes=notes if left_out else (),
    )  # fmt: skip
