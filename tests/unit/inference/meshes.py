"""What MediaPipe would say of simple faces: meshes, coefficients, head matrices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.inference.mediapipe_map import COEFFICIENTS, MESH_OF_68, MESH_SIZE, MeshFace
from tests.unit.inference.squares import Square, mean_face

Floats = npt.NDArray[np.float32]

NOT_MEASURED = ("AU05", "AU06", "AU09", "AU15", "AU17", "AU23", "AU28")
"""What the MediaPipe backend leaves out."""

_EYES = tuple(f"eyeLook{way}{side}" for way in ("In", "Out", "Up", "Down") for side in
              ("Left", "Right"))  # fmt: skip
NAMES = (*sorted(set(COEFFICIENTS.values())), "mouthPressLeft", "mouthPressRight", *_EYES)


def coefficients(**moved: float) -> dict[str, float]:
    """Return the blendshapes of a face that shows only what is named."""
    unknown = set(moved) - set(NAMES)
    assert not unknown, unknown
    return dict.fromkeys(NAMES, 0.0) | moved


def head_matrix(pitch: float, yaw: float, roll: float) -> npt.NDArray[np.float64]:
    """Build head -> camera (4, 4) from degrees, roll * yaw * pitch."""
    p, y, r = np.radians([-pitch, yaw, -roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = about_z @ about_y @ about_x
    return matrix


def solid_face(gap: float = 0.0) -> Floats:
    """Return 68 landmarks in space, aligned pixels, with the inner lips `gap` pixels apart."""
    face = np.concatenate([mean_face(), np.zeros((68, 1), np.float32)], 1)
    face[60:68, 1] = 82
    face[61:64, 1] -= gap / 2
    face[65:68, 1] += gap / 2
    # The inner lips' pairs lie over each other, from the mouth's right to its left.
    face[[61, 62, 63], 0] = face[[67, 66, 65], 0] = (50, 56, 62)
    return face.astype(np.float32)


def mesh_face(place: Square, size: tuple[int, int] = (640, 480), **moved: float) -> MeshFace:
    """Return a face at a place of a frame of (width, height)."""
    mesh = np.zeros((MESH_SIZE, 3), np.float32)
    points = place.carry(solid_face()[:, :2]) + 0.5
    mesh[list(MESH_OF_68), :2] = points / np.array(size, np.float32)
    return MeshFace(mesh, coefficients(**moved), head_matrix(0, 0, 0))
