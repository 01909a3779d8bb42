"""Shapes that the face model lacks, made from its landmarks.

A blend-shape rig made for animation lowers the brow's outer half and leaves its inner end where it
is. A corrugator pulls the inner end down and towards the midline and bunches the skin between the
brows (FACS Action Unit 4), so that movement is added here: `browSink` goes down, `browPinch` goes
inwards, each with `_L` and `_R`.

Source of the movement: Ekman, Friesen & Hager 2002, FACS manual, Action Unit 4 (appearance
changes); its size at weight 1 is ours: about 4 mm inwards, 6 mm down.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_INNER_BROW = {"L": 22, "R": 21}
_PULLS = {"browPinch": (-0.42, 0.0, 0.05), "browSink": (0.0, -0.60, 0.08)}
"""Of the left inner brow at weight 1, centimetres."""
_REACH_CM = np.array([1.5, 1.15, 2.5], np.float32)
"""How far the pull fades out, along x, y, z."""
_BUNCH_CM = 0.12
"""How far the skin between the brows comes forward at weight 1, both sides together."""


def own_shapes(vertices: Array, landmarks: Array) -> dict[str, Array]:
    """Make the extra shapes for a mean face.

    Args:
        vertices: float32 (N, 3), centimetres, the mean face at rest; only skin should be given.
        landmarks: float32 (68, 3), its Multi-PIE landmarks.

    Returns:
        Offsets float32 (N, 3) at weight 1, by shape name.
    """
    eyes = landmarks[36:48, 1].max()
    # The lids lie close under the brow and must stay with the eye.
    above_eyes = np.clip((vertices[:, 1] - eyes - 0.25) / 0.9, 0.0, 1.0)[:, None]
    middle = landmarks[[21, 22]].mean(0)
    bunch = _bump(vertices, middle - np.array([0.0, 0.3, 0.0], np.float32), _REACH_CM * 0.6)
    shapes = {}
    for side, index in _INNER_BROW.items():
        centre = landmarks[index] + np.array([0.0, -0.3, 0.0], np.float32)
        near = _bump(vertices, centre, _REACH_CM) * above_eyes
        # Skin doesn't cross the midline.
        still = np.abs(vertices[:, :1]) / (np.abs(vertices[:, :1]) + 0.5)
        for name, (x, y, z) in _PULLS.items():
            offset = near * np.array([x if side == "L" else -x, y, z], np.float32)
            offset[:, :1] *= still
            if name == "browPinch":
                offset[:, 2:] += 0.5 * _BUNCH_CM * bunch * above_eyes
            shapes[f"{name}_{side}"] = np.asarray(offset, np.float32)
    return shapes


def _bump(vertices: Array, centre: Array, reach: Array) -> Array:
    """Return float32 (N, 1): 1 at the centre, fading as a Gaussian."""
    away = ((vertices - centre) / reach) ** 2
    return np.asarray(np.exp(-away.sum(1, keepdims=True)), np.float32)
