"""Frames and angles that sampling, rendering and the clip share. Pure: numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

HEAD_PIVOT: Array = np.array([0.0, 1.0, 3.0], np.float32)
"""Point the head turns about and the camera looks at, centimetres."""


def rotation(pitch: float, yaw: float, roll: float) -> Array:
    """Build the rotation head -> camera: pitch about the head's own axis, then yaw, then roll.

    Args:
        pitch: degrees, positive looks up.
        yaw: degrees, positive turns to the subject's left (the picture's right).
        roll: degrees, positive tilts clockwise as seen in the picture.

    Returns:
        float32 (3, 3); column vectors, `Rz(-roll) Ry(yaw) Rx(-pitch)`.
    """
    p, y, r = np.radians([-pitch, yaw, -roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x, np.float32)
