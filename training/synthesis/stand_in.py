"""A crude face model with the same keys as the real one, for runs without shared data.

`python -m training.synthesis.stand_in --out FILE.npz`

An ellipsoid with a nose, two eyeballs and a row of teeth; each blend shape is one smooth bump. It
exercises every step of the chain and teaches a model nothing about real faces.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]

_CENTRE: Array = np.array([0.0, 1.0, 2.0], np.float32)
_RADII: Array = np.array([7.6, 11.5, 8.2], np.float32)
_EYE_RADIUS = 1.5
_MODES = 8

_BUMPS: dict[str, tuple[int, tuple[float, float, float], float]] = {
    "browDown": (23, (-0.4, -0.5, 0.2), 1.3),
    "browInnerUp": (22, (0.0, 0.7, 0.0), 1.2),
    "browOuterUp": (25, (0.1, 0.8, -0.2), 1.2),
    "cheekPuff": (54, (0.3, 0.0, 1.2), 1.8),
    "cheekRaiser": (46, (0.0, 0.6, 0.2), 1.1),
    "cheekSquint": (46, (0.0, 0.5, 0.2), 1.0),
    "eyeBlink": (43, (0.0, -0.9, 0.3), 0.7),
    "eyeLookDown": (43, (0.0, -0.4, 0.0), 0.6),
    "eyeLookIn": (43, (-0.2, 0.0, 0.0), 0.6),
    "eyeLookOut": (44, (0.2, 0.0, 0.0), 0.6),
    "eyeLookUp": (43, (0.0, 0.3, 0.0), 0.6),
    "eyeSquint": (47, (0.0, 0.4, 0.1), 0.6),
    "eyeWide": (43, (0.0, 0.4, 0.0), 0.6),
    "mouthDimple": (54, (0.2, 0.1, -0.7), 0.8),
    "mouthFrown": (54, (0.1, -0.7, -0.2), 0.9),
    "mouthLowerDown": (55, (0.0, -0.5, 0.0), 0.8),
    "mouthPress": (55, (0.0, 0.3, -0.1), 0.8),
    "mouthSmile": (54, (0.8, 1.0, -0.6), 1.2),
    "mouthStretch": (54, (0.9, -0.2, -0.5), 1.0),
    "mouthUpperUp": (52, (0.0, 0.7, 0.0), 0.9),
    "noseSneer": (35, (0.0, 0.8, 0.1), 1.0),
    "PupilDilate": (45, (0.0, 0.0, 0.0), 0.5),
    "jawForward": (8, (0.0, 0.0, 1.0), 2.5),
    "jawLeft": (8, (0.9, 0.0, 0.0), 2.5),
    "jawOpen": (57, (0.0, -2.6, -0.8), 1.9),
    "jawRight": (8, (-0.9, 0.0, 0.0), 2.5),
    "mouthClose": (57, (0.0, 2.0, 0.5), 1.2),
    "mouthFunnel": (62, (0.0, 0.0, 1.0), 1.5),
    "mouthLeft": (62, (1.4, 0.0, 0.0), 1.8),
    "mouthPucker": (62, (0.0, 0.0, 1.2), 1.3),
    "mouthRight": (62, (-1.4, 0.0, 0.0), 1.8),
    "mouthRollLower": (57, (0.0, 0.4, -0.8), 0.8),
    "mouthRollUpper": (51, (0.0, -0.3, -0.8), 0.8),
    "mouthShrugLower": (57, (0.0, 0.8, 0.2), 1.2),
    "mouthShrugUpper": (51, (0.0, 0.5, 0.1), 0.9),
}
"""Shape -> landmark it moves (of the left side), displacement cm, width cm."""

_ONE_SIDED = frozenset(
    name for name in _BUMPS if name.startswith("jaw") or name in {
        "mouthClose", "mouthFunnel", "mouthLeft", "mouthPucker", "mouthRight", "mouthRollLower",
        "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    }
)  # fmt: skip


def landmark_plan() -> Array:
    """Place 68 landmarks (Multi-PIE order) on a schematic face: float32 (68, 2), cm."""
    jaw_angle = np.radians(np.linspace(195, 345, 17))
    jaw = np.stack([7.2 * np.cos(jaw_angle), 2.0 + 9.2 * np.sin(jaw_angle)], 1)
    left_brow = np.stack([np.linspace(1.2, 5.6, 5), [5.7, 6.1, 6.2, 5.9, 5.2]], 1)
    right_brow = (left_brow * [-1, 1])[::-1]
    nose = np.array([(0, 3.7), (0, 2.6), (0, 1.5), (0, 0.4)])
    wings = np.stack([[-1.2, -0.6, 0, 0.6, 1.2], [-1.1, -1.2, -1.3, -1.2, -1.1]], 1)
    left_eye = np.array([(1.9, 3.3), (2.8, 3.9), (3.8, 3.9), (4.5, 3.4), (3.8, 3.0), (2.8, 3.0)])
    right_eye = (left_eye * [-1, 1])[[3, 2, 1, 0, 5, 4]]
    around = np.radians(180 - 30 * np.arange(12))
    outer = np.stack([2.5 * np.cos(around), -3.4 + 0.95 * np.sin(around)], 1)
    inner_x = np.array([-2.1, -1, 0, 1, 2.1, 1, 0, -1])
    inner = np.stack([inner_x, [-3.4, -3.3, -3.3, -3.3, -3.4, -3.42, -3.42, -3.42]], 1)
    parts = [jaw, right_brow, left_brow, nose, wings, right_eye, left_eye, outer, inner]
    return np.concatenate(parts).astype(np.float32)


def make_model() -> dict[str, npt.NDArray[np.generic]]:
    """Build the model's arrays; the same ones every time."""
    skin, skin_triangles, landmarks = _head()
    pieces, triangles, material = [skin], [skin_triangles], [np.zeros(len(skin_triangles))]
    start = len(skin)
    eye_z = float(_surface(np.array([[3.2, 3.45]], np.float32))[0]) - _EYE_RADIUS + 0.25
    for number, x in ((2, 3.2), (3, -3.2)):
        ball, faces = _sphere(14, 20)
        pieces.append(ball * _EYE_RADIUS + np.array([x, 3.45, eye_z], np.float32))
        triangles.append(faces + start)
        material.append(np.full(len(faces), number))
        start += len(ball)
    teeth = np.array([(-1.5, -3.0, 8.0), (1.5, -3.0, 8.0), (-1.5, -3.5, 8.0), (1.5, -3.5, 8.0)])
    pieces.append(teeth.astype(np.float32))
    triangles.append(np.array([(2, 1, 0), (2, 3, 1)], np.int32) + start)
    material.append(np.full(2, 1))
    neutral = np.concatenate(pieces).astype(np.float32)
    names, expression = _expressions(neutral, landmarks, len(skin))
    return {
        "neutral": neutral,
        "identity": _identities(neutral),
        "expression": expression,
        "expression_names": np.array(names),
        "triangles": np.concatenate(triangles).astype(np.int32),
        "triangle_material": np.concatenate(material).astype(np.uint8),
        "material_names": np.array(["M_Face", "M_Teeth", "M_ScleraLeft", "M_ScleraRight"]),
        "landmark68_vertex": landmarks,
    }


def _sphere(rows: int, columns: int) -> tuple[Array, Indices]:
    """Build a unit sphere whose poles lie up and down: vertices and outward triangles."""
    polar = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    points = np.stack(
        np.broadcast_arrays(
            np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)
        ),
        -1,
    )
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b = index[:-1], np.roll(index, -1, 1)[:-1]
    c, d = index[1:], np.roll(index, -1, 1)[1:]
    faces = np.concatenate(
        [np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)]
    )
    return points.reshape(-1, 3).astype(np.float32), faces.astype(np.int32)


def _surface(points: Array) -> Array:
    """Find how far forward the face reaches at (n, 2): an ellipsoid and a nose, cm."""
    flat = (points - _CENTRE[:2]) / _RADII[:2]
    depth = _CENTRE[2] + _RADII[2] * np.sqrt(np.maximum(1 - (flat**2).sum(1), 0.0))
    along = np.clip((3.7 - points[:, 1]) / 3.3, 0, 1) * (points[:, 1] > -1.6)
    return np.asarray(depth + 2.2 * along * np.exp(-((points[:, 0] / 0.9) ** 2)), np.float32)


def _head() -> tuple[Array, Indices, Indices]:
    """Build the skin: vertices, triangles, and which vertex is each landmark."""
    sphere, triangles = _sphere(72, 96)
    skin = sphere * _RADII + _CENTRE
    plan = landmark_plan()
    front = np.flatnonzero(sphere[:, 2] > 0.05)
    landmarks = np.empty(68, np.int32)
    for number, point in enumerate(plan):
        away = ((skin[front, :2] - point) ** 2).sum(1)
        away[np.isin(front, landmarks[:number])] = np.inf
        landmarks[number] = front[away.argmin()]
    skin[landmarks, :2] = plan
    skin[front, 2] = np.maximum(_surface(skin[front, :2]), _CENTRE[2])
    return skin.astype(np.float32), triangles, landmarks


def _expressions(neutral: Array, landmarks: Indices, skin: int) -> tuple[list[str], Array]:
    """Make one bump per blend shape: names, and float32 (57, V, 3)."""
    names: list[str] = []
    moves: list[Array] = []
    for name, (landmark, push, width) in _BUMPS.items():
        centre = neutral[landmarks[landmark]]
        for side, sign in (("", 1.0),) if name in _ONE_SIDED else (("_L", 1.0), ("_R", -1.0)):
            mirror = np.array([sign, 1.0, 1.0], np.float32)
            away = ((neutral[:, :2] - (centre * mirror)[:2]) ** 2).sum(1)
            move = np.exp(-away / width**2)[:, None] * (np.array(push, np.float32) * mirror)
            move[skin:] = 0.0
            move[:skin][neutral[:skin, 2] < _CENTRE[2]] = 0.0
            if name == "jawOpen":
                move[neutral[:, 1] > -3.36] = 0.0
            names.append(name + side)
            moves.append(move.astype(np.float32))
    return names, np.stack(moves)


def _identities(neutral: Array) -> Array:
    """Make smooth changes of shape, symmetric as faces are: float32 (8, V, 3)."""
    rng = np.random.default_rng(3)
    modes: list[Array] = []
    for _ in range(_MODES):
        wave, phase = rng.normal(0, 0.12, 3), rng.uniform(0, 2 * np.pi)
        level = np.cos(np.abs(neutral[:, 0]) * wave[0] + neutral[:, 1:] @ wave[1:] + phase)
        push = rng.normal(0, 0.15, 3) * np.stack(
            [np.sign(neutral[:, 0]), np.ones(len(neutral)), np.ones(len(neutral))], 1
        )
        modes.append((level[:, None] * push * np.minimum(np.abs(neutral[:, :1]), 1)).astype("f4"))
    return np.stack(modes)


def main() -> None:
    """Write the model to a file."""
    parser = argparse.ArgumentParser(description="Write the stand-in face model.")
    parser.add_argument("--out", type=Path, required=True, help="target, .npz")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out, **make_model())  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
