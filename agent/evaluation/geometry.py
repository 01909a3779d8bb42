"""Small conversions that several tasks share. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.domain.facs import SIDE_INDEX

Floats = npt.NDArray[np.float32]

OUTER_CORNERS = (36, 45)
"""Landmarks whose distance errors are divided by."""


def stronger(sides: Floats) -> Floats:
    """Reduce (N, 32) sides to (N, 19) AUs: FACS scores the stronger side."""
    clipped = np.clip(sides, 0, 5)
    return np.stack([clipped[:, list(index)].max(1) for index in SIDE_INDEX], 1)


def stronger_visible(sides: Floats, hidden: npt.NDArray[np.bool_]) -> Floats:
    """Reduce (N, 32) sides to (N, 19) AUs, the stronger side that can be seen; NaN where none."""
    shown = np.where(hidden, -1.0, np.clip(sides, 0, 5))
    found = np.stack([shown[:, list(index)].max(1) for index in SIDE_INDEX], 1)
    return np.asarray(np.where(found < 0, np.nan, found), np.float32)


def turned(gaze: Floats, degrees: Floats) -> Floats:
    """Express gaze (N, 2: yaw, pitch) in a picture turned clockwise by `degrees` (N,)."""
    angle = np.radians(degrees)
    right, down = gaze[:, 0], -gaze[:, 1]
    yaw = np.cos(angle) * right - np.sin(angle) * down
    pitch = -(np.sin(angle) * right + np.cos(angle) * down)
    return np.stack([yaw, pitch], 1).astype(np.float32)


def normalised_error(predicted: Floats, truth: Floats) -> npt.NDArray[np.float64]:
    """Mean distance of 68 points over the distance of the outer eye corners, (N,); NaN unknown."""
    error = np.linalg.norm(predicted - truth, axis=2).mean(1)
    between = np.linalg.norm(truth[:, OUTER_CORNERS[0]] - truth[:, OUTER_CORNERS[1]], axis=1)
    return np.asarray(error / between, np.float64)
