"""Where hair grows on the head, how far it stands off, and the curtain beside the face."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.synthesis.face_model import FaceModel
from training.synthesis.renderer import Piece
from training.synthesis.scene import Colour, Hair

Array = npt.NDArray[np.float32]


class Scalp:
    """Hair masks of one face model."""

    def __init__(self, model: FaceModel) -> None:
        """Keep the mean face's skin and normals."""
        self._skin = model.slices["skin"]
        self._count = model.count
        still = model.pose(model.person(np.zeros(model.identity_size, np.float32)), {}, (0, 0))
        self._rest = still.vertices[self._skin]
        self._normals = still.normals[self._skin]
        self._brow_y = float(model.rest_landmarks[17:27, 1].mean())
        self._ear = _ears(self._rest)

    def grow(self, hair: Hair) -> tuple[Array, Array]:
        """Find where hair grows.

        Returns:
            Mask float32 (N,), soft around 0.5, and displacement float32 (N, 3), cm.
        """
        x, y, z = self._rest.T
        line = self._brow_y + hair.line_cm + 0.35 * np.sin(1.1 * x + 30.0 * hair.volume_cm)
        heights = [-7.5, -6.0, 0.0, 1.2, 4.0, self._brow_y + hair.line_cm - 2.0 + hair.temple_cm]
        side = np.interp(z, [-8.0, -1.0, 1.5, 3.6, 4.8, 7.0], heights)
        # From the temples the line runs up to the middle of the forehead.
        limit = side + (line - side) * np.clip((z - 7.0) / 3.0, 0.0, 1.0)
        inside = y - limit
        inside = np.where(self._ear, np.minimum(inside, -1.0), inside)
        mask = np.zeros(self._count, np.float32)
        mask[self._skin] = np.clip(0.5 + inside / 1.2, 0.0, 1.0)
        displacement = np.zeros((self._count, 3), np.float32)
        # Waves in three directions make lumps; the person's own volume sets their phase.
        phase = 40.0 * hair.volume_cm
        lumps = np.sin(0.9 * x + phase) * np.sin(0.8 * y + 2 * phase) + np.sin(1.7 * z + x + phase)
        lift = hair.volume_cm * np.clip(inside / 2.2, 0.0, 1.0) ** 0.6 * (1 + 0.22 * lumps)
        displacement[self._skin] = self._normals * lift[:, None]
        return mask, displacement


def _ears(rest: Array) -> npt.NDArray[np.bool_]:
    """Tell which skin vertices belong to an ear: they stand off the side of the head."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    return np.asarray((x > 7.6) & (y > -3.0) & (y < 4.8) & (z < 4.5) & (z > -3.0))


def curtain(hair: Hair, colour: Colour) -> Piece:
    """Build the hair that hangs beside and behind the face: an open, wavy shell.

    Args:
        hair: its length and cover.
        colour: linear RGB.

    Returns:
        A surface in the head's frame.
    """
    columns, rows = 40, 16
    # Angle 0 is the back of the head; the shell stops short of the face on both sides.
    reach = np.radians(95 + 35 * hair.curtain_cover)
    angle = np.linspace(-reach, reach, columns)
    drop = np.linspace(0, 1, rows)[:, None]
    y = 11.5 - drop * (11.5 + hair.curtain_cm - 3.0)
    wave = 0.25 * np.sin(angle * 17) + 0.2 * np.sin(angle * 41 + 6 * drop)
    flare = np.sin(np.clip(drop * 3.2, 0, 1) * np.pi / 2)
    x = (6.0 + 4.0 * flare + 0.15 * hair.volume_cm + wave) * np.sin(angle)
    z = 0.5 - (5.5 + 4.0 * flare + wave) * np.cos(angle)
    vertices = np.stack(np.broadcast_arrays(x, y, z), -1).reshape(-1, 3).astype(np.float32)
    normals = np.stack(np.broadcast_arrays(np.sin(angle), 0.1 + 0 * y, -np.cos(angle)), -1)
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b = index[:-1, :-1].reshape(-1), index[:-1, 1:].reshape(-1)
    c, d = index[1:, :-1].reshape(-1), index[1:, 1:].reshape(-1)
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return Piece(
        vertices, normals.reshape(-1, 3).astype(np.float32), triangles, colour,
        (1.0, 0.04, 1.0, 14.0), 0.55,
    )  # fmt: skip
