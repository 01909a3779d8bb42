"""RAF-DB, basic expressions: seven classes without contempt.

Layout: `EmoLabel/list_patition_label.txt` (spelled so) with lines `train_00001.jpg 5`, pictures
`Image/aligned/train_00001_aligned.jpg`. The classes are skewed: accuracy belongs beside mean class
accuracy.

Source: Li, Deng & Du 2017.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agent.domain.observation import EMOTIONS
from agent.errors import ConfigError, MediaError
from agent.evaluation.datasets.model import ExpressionSet
from agent.evaluation.datasets.text import is_there, lines_of

ORDER = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""RAF-DB's numbers 1 to 7."""

PARTS = ("train", "test")


def load(folder: Path, part: str = "test") -> ExpressionSet:
    """Read one part.

    Raises:
        ConfigError: the part is neither `train` nor `test`.
        MediaError: a file is missing, or a line isn't `NAME.jpg CLASS`.
    """
    if part not in PARTS:
        raise ConfigError(f"RAF-DB has the parts train and test, not {part}")
    table = folder / "EmoLabel" / "list_patition_label.txt"
    pictures, classes = [], []
    for line, text in lines_of(table):
        name, _, code = text.partition(" ")
        if code not in {str(number) for number in range(1, len(ORDER) + 1)}:
            raise MediaError(f"{table.name}, line {line}: `NAME.jpg 1-7` is expected")
        if not name.startswith(f"{part}_"):
            continue
        path = folder / "Image" / "aligned" / f"{Path(name).stem}_aligned.jpg"
        if not is_there(path):
            raise MediaError(f"{path.name} is missing, though it has a label")
        pictures.append(path)
        classes.append(EMOTIONS.index(ORDER[int(code) - 1]))
    if not pictures:
        raise MediaError(f"{table.name} has no picture of the part {part}")
    count = len(pictures)
    return ExpressionSet(
        "RAF-DB", tuple(pictures), np.array(classes, np.int64),
        np.full((count, 4), np.nan, np.float32), np.full((count, 2), np.nan, np.float32),
        scheme=ORDER,
    )  # fmt: skip
