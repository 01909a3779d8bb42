"""Your own pictures of expressions: one folder per class, below it one per person if you like.

Layout: `CLASS/FILE.jpg` or `CLASS/PERSON/FILE.jpg`, CLASS one of the eight expression categories
(`neutral`, `happiness`, ...). With persons, intervals resample people and not pictures.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from agent.domain.observation import EMOTIONS
from agent.errors import ConfigError, MediaError
from agent.evaluation.datasets.model import ExpressionSet
from agent.evaluation.datasets.text import require_folder

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def load(folder: Path, part: str = "") -> ExpressionSet:
    """Read the folders.

    Raises:
        ConfigError: a part is named; such a set has none.
        MediaError: there is no such folder with a picture.
    """
    if part:
        raise ConfigError("a folder of your own pictures has no parts")
    require_folder(folder, "one folder per expression category")
    pictures, classes, persons = [], [], []
    for index, name in enumerate(EMOTIONS):
        for root, folders, files in os.walk(folder / name):
            folders[:] = sorted(one for one in folders if not one.startswith("."))
            within = Path(root).relative_to(folder / name)
            for file in sorted(files):
                path = Path(root) / file
                if path.suffix.lower() in SUFFIXES and not file.startswith("."):
                    pictures.append(path)
                    classes.append(index)
                    persons.append(within.parts[0] if within.parts else "")
    if not pictures:
        raise MediaError(
            f"{folder.name} holds no picture in a folder called after an expression",
            advice=f"Name the folders {', '.join(EMOTIONS)}.",
        )
    known = all(persons)
    strangers = sorted(
        path.name for path in folder.iterdir() if path.is_dir() and path.name not in EMOTIONS
    )
    notes = [f"{len(strangers)} folders aren't called after an expression; left out."]
    return ExpressionSet(
        "own pictures",
        tuple(pictures),
        np.array(classes, np.int64),
        persons=np.array(persons) if known else np.zeros(0, np.str_),
        notes=tuple(notes if strangers else []),
    )
