"""Faces of the LFW research set, cropped to 144x144 gray, with the person's name.

A split is by person, never by picture: `held_out` hashes the name, so that it stays the same
whatever the order or the number of rows.

Source: Huang et al. 2007, *Labeled Faces in the Wild*; cropped with weak labels by others.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 144
"""Side of a crop, pixels."""


@dataclass(frozen=True, slots=True)
class LfwCrops:
    """All crops in the order of `labels.csv`.

    Attributes:
        images: uint8 (N, 144, 144), gray 0-255.
        persons: N names, one per row.
    """

    images: npt.NDArray[np.uint8]
    persons: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


def load(folder: Path) -> LfwCrops:
    """Read `labels.csv` and `images.zip` of a folder."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    with zipfile.ZipFile(folder / "images.zip") as archive:
        for image, row in zip(images, rows, strict=True):
            coded = np.frombuffer(archive.read(row["image"]), np.uint8)
            image[:] = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
    return LfwCrops(images, tuple(row["person"] for row in rows))


def held_out(names: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Say for each name whether it belongs to the validation tenth, bool (N,)."""
    return np.array([zlib.crc32(name.encode()) % 10 == 0 for name in names], np.bool_)
