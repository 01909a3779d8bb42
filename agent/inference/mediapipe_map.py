"""From MediaPipe's mesh, blendshapes and head matrix to the agent's landmarks, angles and AUs.

A blendshape coefficient is a proxy, not a certified FACS intensity: intensity is 5 times the
coefficient, for want of any validated curve (`REST` says where a face at rest isn't at 0).
**An AU without a coefficient that can be trusted is NaN, never 0.** What isn't measured, and why:

| AU | coefficient | why not |
|---|---|---|
| 5 | eyeWide | hardly leaves 0 in many faces (MediaPipe issue 4450) |
| 6 | cheekSquint | always 0 |
| 9 | noseSneer | always 0 or nearly (issue 4450) |
| 15 | mouthFrown | explains less than a tenth of the variance |
| 17 | mouthShrugLower | over its threshold in 25 of 58 neutral faces, less often in smiles |
| 23 | mouthPress, mouthRoll | published tables contradict each other |
| 28 | mouthRoll | weak |

AU25 doesn't come from a coefficient but from the gap between the inner lips, as in training. AU1
has one coefficient for both halves: its sides are equal by construction and say nothing about
asymmetry. The eyes' coefficients point about 4 degrees too far to the subject's left, on photos of
people who look into the camera as on renders; this isn't corrected. On the demo clip, whose truth
is known (446 faces), the correlation with the truth is 0.97 for AU12, 0.88 for AU26, 0.87 for
AU25, 0.78 for AU45, about 0.6 for AU1, 2, 4 and 10, and 0.3 or less for AU7 and AU24.

Source: MediaPipe Face Landmarker (Apache-2.0) and its model card; the table of blendshapes and
AUs is py-feat's AU reference, less what other sources or our own renders contradict.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS, MAX_INTENSITY, SIDE_INDEX
from agent.domain.observation import Floats
from agent.inference.preprocess import FIVE_POINT_TEMPLATE

MESH_SIZE = 478

MESH_OF_68 = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
"""Mesh vertex of each Multi-PIE landmark (from 0): jaw, brows, nose, eyes, lips."""

COEFFICIENTS: dict[str, str] = {
    "AU01_L": "browInnerUp",
    "AU01_R": "browInnerUp",
    "AU02_L": "browOuterUpLeft",
    "AU02_R": "browOuterUpRight",
    "AU04_L": "browDownLeft",
    "AU04_R": "browDownRight",
    "AU07_L": "eyeSquintLeft",
    "AU07_R": "eyeSquintRight",
    "AU10_L": "mouthUpperUpLeft",
    "AU10_R": "mouthUpperUpRight",
    "AU12_L": "mouthSmileLeft",
    "AU12_R": "mouthSmileRight",
    "AU14_L": "mouthDimpleLeft",
    "AU14_R": "mouthDimpleRight",
    "AU20_L": "mouthStretchLeft",
    "AU20_R": "mouthStretchRight",
    "AU26": "jawOpen",
    "AU45_L": "eyeBlinkLeft",
    "AU45_R": "eyeBlinkRight",
}
"""Blendshape of each measured output; AU24 is the mean of its two sides' mouthPress."""

REST: dict[str, float] = {"AU07": 0.29, "AU45": 0.12}
"""Coefficient at rest, where it is clearly over 0: the median of 58 neutral faces (Face Research
Lab London Set, DeBruine & Jones 2017). It becomes intensity 0, and 1 stays intensity 5."""

EYE_YAW, EYE_PITCH = 35.0, 30.0
"""Turn of an eye in the head at coefficient 1, degrees; the same numbers as in our renders."""

LIPS_DEAD, LIPS_FULL = 0.01, 0.30
"""Gap between the inner lips, over the neutral mouth's width, at intensity 0 and at 5."""

_INNER_UPPER, _INNER_LOWER = (61, 62, 63), (67, 66, 65)
_RIGHT_EYE, _LEFT_EYE = slice(36, 42), slice(42, 48)
_AU25 = AU_SIDE_LABELS.index("AU25")
_AU24 = AU_SIDE_LABELS.index("AU24")

_EYES_APART = float(np.linalg.norm(FIVE_POINT_TEMPLATE[1] - FIVE_POINT_TEMPLATE[0]))
_MOUTH_WIDTH = float(np.linalg.norm(FIVE_POINT_TEMPLATE[4] - FIVE_POINT_TEMPLATE[3]))


@dataclass(frozen=True, slots=True, eq=False)
class MeshFace:
    """One face as MediaPipe gives it; memory only.

    Attributes:
        mesh: float32 (478, 3), x and y as shares of the picture's width and height counted from
            its edge, z in shares of its width.
        coefficients: the 52 blendshapes by name, 0-1.
        matrix: float64 (4, 4), head to camera; x to the picture's right, y up, z to the viewer.
    """

    mesh: Floats
    coefficients: dict[str, float]
    matrix: npt.NDArray[np.float64]


def solid_landmarks(mesh: Floats, size: tuple[int, int]) -> Floats:
    """Pick the 68 landmarks, float32 (68, 3), pixels of a frame of (width, height).

    MediaPipe counts from the picture's edge, the agent from the first pixel's centre.
    """
    width, height = size
    points = mesh[list(MESH_OF_68)] * np.array([width, height, width], np.float32)
    return np.asarray(points - np.array([0.5, 0.5, 0.0], np.float32), np.float32)


def head_rotation(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the rotation (3, 3) of a head matrix, freed from its scale."""
    return np.asarray(matrix[:3, :3] / np.linalg.norm(matrix[:3, 0]), np.float64)


def pose_of(rotation: npt.NDArray[np.float64]) -> Floats:
    """Read pitch, yaw, roll, float32 (3,), degrees, in the signs of `domain.observation`.

    The rotation is taken apart as roll * yaw * pitch: pitch and yaw are those of the head set
    upright in the picture, because the own encoder too sees only upright faces.
    """
    roll = np.arctan2(-rotation[1, 0], rotation[0, 0])
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    pitch = np.arctan2(-rotation[2, 1], rotation[2, 2])
    return np.degrees([pitch, yaw, roll]).astype(np.float32)


def gaze_of(coefficients: dict[str, float], rotation: npt.NDArray[np.float64]) -> Floats:
    """Estimate where the eyes point, float32 (2,), yaw and pitch against the camera, degrees.

    In the head, with each term the mean of both eyes and up and the subject's left positive::

        yaw   = 35 * ((lookOutLeft - lookInLeft) + (lookInRight - lookOutRight)) / 2
        pitch = 30 * ((lookUpLeft - lookDownLeft) + (lookUpRight - lookDownRight)) / 2

    The direction is then turned by the head's rotation.
    """
    c = coefficients
    left = c["eyeLookOutLeft"] - c["eyeLookInLeft"] + c["eyeLookInRight"] - c["eyeLookOutRight"]
    up = c["eyeLookUpLeft"] - c["eyeLookDownLeft"] + c["eyeLookUpRight"] - c["eyeLookDownRight"]
    yaw, pitch = np.radians(EYE_YAW * left / 2), np.radians(EYE_PITCH * up / 2)
    ahead = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    x, y, z = rotation @ ahead
    return np.degrees([np.arctan2(x, z), np.arcsin(np.clip(y, -1, 1))]).astype(np.float32)


def au_sides_of(coefficients: dict[str, float], landmarks: Floats) -> Floats:
    """Return float32 (32,), intensity 0-5; NaN where nothing trustworthy was measured.

    Args:
        coefficients: the blendshapes, 0-1.
        landmarks: float32 (68, 3), any unit.
    """
    sides = np.full(len(AU_SIDE_LABELS), np.nan, np.float32)
    for label, name in COEFFICIENTS.items():
        rest = REST.get(label[:4], 0.0)
        sides[AU_SIDE_LABELS.index(label)] = (
            MAX_INTENSITY * (coefficients[name] - rest) / (1 - rest)
        )
    pressed = (coefficients["mouthPressLeft"] + coefficients["mouthPressRight"]) / 2
    sides[_AU24] = MAX_INTENSITY * pressed
    sides[_AU25] = lips_part(landmarks)
    return np.clip(sides, 0, MAX_INTENSITY).astype(np.float32)


def lips_part(landmarks: Floats) -> float:
    """Score AU25, 0-5, from the gap between the inner lips.

    `5 * sqrt(clip((g - 0.01) / 0.29, 0, 1))`, g = mean distance of the three inner-lip pairs over
    the neutral mouth's width. That width isn't known of a stranger; it is taken as its average
    share of the distance between the eyes, which no expression changes.
    """
    eyes = landmarks[_LEFT_EYE].mean(0) - landmarks[_RIGHT_EYE].mean(0)
    width = float(np.linalg.norm(eyes)) * _MOUTH_WIDTH / _EYES_APART
    apart = landmarks[list(_INNER_LOWER)] - landmarks[list(_INNER_UPPER)]
    share = float(np.linalg.norm(apart, axis=1).mean()) / max(width, 1e-6)
    open_share = (share - LIPS_DEAD) / (LIPS_FULL - LIPS_DEAD)
    return MAX_INTENSITY * float(np.sqrt(np.clip(open_share, 0.0, 1.0)))


def stronger_known_side(au_sides: Floats) -> Floats:
    """Return float32 (19,): each AU's stronger measured side, NaN where neither was measured."""
    au = np.full(len(AU_LABELS), np.nan, np.float32)
    for place, sides in enumerate(SIDE_INDEX):
        known = [au_sides[i] for i in sides if not np.isnan(au_sides[i])]
        if known:
            au[place] = max(known)
    return au
