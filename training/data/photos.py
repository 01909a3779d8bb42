"""Photographs of groups, masks, darkness, profiles and of no face at all: for validation only.

Nothing is trained on them and nothing is chosen on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def load(folder: Path) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Yield (path below the folder, BGR uint8 (H, W, 3)) in the order of the paths."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is not None:
            yield path.relative_to(folder).as_posix(), np.asarray(image, np.uint8)
