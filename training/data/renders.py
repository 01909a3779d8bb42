"""Read rendered faces: the shards that `training.synthesis.generate` writes.

Signs, in degrees: pitch positive looks up; yaw positive turns to the subject's left, which is the
picture's right; roll positive tilts clockwise as seen in the picture. The split is by identity:
every tenth identity is held out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

HELD_OUT_EVERY = 10

CROP_SIZE = 128
"""Side of a stored face: the 112-pixel aligned face with 8 pixels around it."""

FLAG_GLASSES, FLAG_MASK, FLAG_OCCLUDER = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Renders:
    """Some rendered faces and their exact labels, n examples."""

    faces: npt.NDArray[np.uint8]
    """uint8 (n, 128, 128) gray; the aligned face begins at pixel (8, 8)."""
    landmarks: npt.NDArray[np.float16]
    """float16 (n, 68, 2), pixels of the crop; hidden ones are projected all the same."""
    au: npt.NDArray[np.float16]
    """float16 (n, 32), intensity 0-5 in `AU_SIDE_LABELS` order."""
    pose: npt.NDArray[np.float16]
    """float16 (n, 3), pitch, yaw, roll of the head seen along the line of sight, degrees."""
    gaze: npt.NDArray[np.float16]
    """float16 (n, 2), yaw, pitch of the eyes in the camera's frame, degrees."""
    identity: npt.NDArray[np.int32]
    """int32 (n,)."""
    skin: npt.NDArray[np.float16]
    """float16 (n,), CIE L* of the skin's colour, 0-100."""
    flags: npt.NDArray[np.uint8]
    """uint8 (n,), bits 1 glasses, 2 mask, 4 occluder."""
    quality: npt.NDArray[np.float16]
    """float16 (n,), 0-1; the formula is `training.synthesis.develop.quality`."""
    hidden: npt.NDArray[np.bool_]
    """bool (n, 32), Action Units that the picture can't show (`training.synthesis.hidden`)."""

    def select(self, rows: npt.NDArray[np.bool_]) -> Renders:
        """Keep the rows that are True."""
        return Renders(*(getattr(self, name)[rows] for name in FIELDS))


FIELDS: tuple[str, ...] = tuple(Renders.__dataclass_fields__)


def load_renders(folder: Path, *, held_out: bool, limit: int | None = None) -> Renders:
    """Read one half of the split.

    Args:
        folder: of the shards.
        held_out: the held-out tenth of the identities, or the others.
        limit: most shards to read, in order; None reads all.

    Returns:
        The examples in the shards' order.

    Raises:
        FileNotFoundError: if the folder has no shard.
        ValueError: a shard is an older generator's.
    """
    paths = sorted(folder.glob("shard_*.npz"))[:limit]
    if not paths:
        raise FileNotFoundError(f"no shard_*.npz in {folder}")
    parts: dict[str, list[npt.NDArray[np.generic]]] = {name: [] for name in FIELDS}
    for path in paths:
        with np.load(path, allow_pickle=False) as shard:
            lacking = sorted(set(FIELDS) - set(shard.files))
            if lacking:
                raise ValueError(f"{path} lacks {', '.join(lacking)}: render it again")
            rows = (shard["identity"] % HELD_OUT_EVERY == 0) == held_out
            for name in FIELDS:
                parts[name].append(shard[name][rows])
    return Renders(*(np.concatenate(parts[name]) for name in FIELDS))
