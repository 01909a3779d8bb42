"""Glasses as a surface of their own, and masks and other covers painted on the picture."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from training.synthesis.geometry import HEAD_PIVOT, rotation
from training.synthesis.renderer import Piece
from training.synthesis.scene import Colour, Wear

Array = npt.NDArray[np.float32]

_RING_STEPS = 40
_TUBE_STEPS = 6


def glasses(wear: Wear, landmarks: Array) -> list[Piece]:
    """Build spectacles for a neutral face.

    Args:
        wear: shape and colours.
        landmarks: float32 (68, 3), head frame, cm, without expression.

    Returns:
        Lenses (if tinted), then frame, in the head's frame.
    """
    half_width, half_height, rim, roundness = wear.glasses_shape
    front = float(landmarks[36:48, 2].max()) + 1.1
    height = float(landmarks[36:48, 1].mean()) - 0.35
    middle = float(np.abs(landmarks[[36, 39, 42, 45], 0]).mean())
    angle = np.linspace(0, 2 * np.pi, _RING_STEPS, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    x = half_width * np.sign(c) * np.abs(c) ** (2 / roundness)
    y = half_height * np.sign(s) * np.abs(s) ** (2 / roundness)
    frame: list[Piece] = []
    lenses: list[Piece] = []
    edge = middle + half_width
    for sign in (-1.0, 1.0):
        # The outer end of a lens bends back with the face.
        z = front - 0.035 * (middle + sign * x * sign) ** 2 / 2
        ring = np.stack([sign * middle + sign * x, height + y, z], 1).astype(np.float32)
        frame.append(_tube(np.concatenate([ring, ring[:1]]), rim, wear))
        hinge = (sign * edge, height + 0.5 * half_height, front - 0.035 * edge**2 / 2)
        temple = np.array([hinge, (sign * max(edge, 7.6), hinge[1], 1.0)], np.float32)
        frame.append(_tube(temple, rim * 0.9, wear))
        if wear.lens > 0:
            lenses.append(_disc(ring, wear))
    inner = middle - half_width
    rise = height + 0.35 * half_height
    bridge = [(-inner, rise, front), (0.0, rise + 0.3, front + 0.15), (inner, rise, front)]
    frame.append(_tube(np.array(bridge, np.float32), rim, wear))
    return frame + lenses


def torso(colour: Colour, head_turn: Array, body_yaw: float) -> Piece:
    """Build a dressed upper body that stays upright while the head turns.

    Args:
        colour: linear RGB of the cloth.
        head_turn: float32 (3, 3), head -> camera.
        body_yaw: degrees; the body follows the head in part.

    Returns:
        A surface in the head's frame.
    """
    columns, rows = 48, 24
    angle = np.linspace(0, 2 * np.pi, columns)
    drop = np.linspace(0, 1, rows)[:, None]
    # From a collar round the neck over the shoulders straight down.
    slope = np.clip(drop * 3.2, 0, 1)
    width, thick = 6.3 + 11.5 * slope**0.55, 6.0 + 3.6 * slope**0.6
    width = width + 1.2 * np.clip(drop - 0.31, 0, 1) + 2.0 * np.clip(drop * 3.2 - 0.8, 0, 0.3)
    y = -11.4 - 7.0 * slope**1.7 - 50.0 * np.clip(drop - 0.28, 0, 1) ** 1.15
    x, z = width * np.cos(angle), thick * np.sin(angle) - 0.5
    vertices = np.stack(np.broadcast_arrays(x, y, z), -1).astype(np.float32)
    along, down = np.gradient(vertices, axis=1), np.gradient(vertices, axis=0)
    normals = np.cross(along, down)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-6
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b = index[:-1, :-1].reshape(-1), index[:-1, 1:].reshape(-1)
    c, d = index[1:, :-1].reshape(-1), index[1:, 1:].reshape(-1)
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    # Into the camera's frame by the body's own turn, and back by the head's.
    turn = rotation(0.0, body_yaw, 0.0).T @ head_turn
    placed = (vertices.reshape(-1, 3) - HEAD_PIVOT) @ turn + HEAD_PIVOT
    return Piece(
        placed.astype(np.float32),
        (normals.reshape(-1, 3) @ turn).astype(np.float32),
        triangles.astype(np.int32),
        colour,
        (0.12, 0.02, 1.0, 10.0),
        0.7,
    )


def _tube(path: Array, radius: float, wear: Wear) -> Piece:
    """Sweep a circle along a path float32 (n, 3)."""
    ahead = np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-6
    side = np.cross(ahead, np.array([0.05, 0.1, 1.0]))
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-6
    other = np.cross(ahead, side)
    turn = np.linspace(0, 2 * np.pi, _TUBE_STEPS, endpoint=False)
    normals = side[:, None] * np.cos(turn)[:, None] + other[:, None] * np.sin(turn)[:, None]
    vertices = path[:, None] + radius * normals
    index = np.arange(len(path) * _TUBE_STEPS).reshape(len(path), _TUBE_STEPS)
    a, b = index[:-1], np.roll(index, -1, 1)[:-1]
    c, d = index[1:], np.roll(index, -1, 1)[1:]
    triangles = np.concatenate(
        [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)]
    )
    return Piece(
        vertices.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        triangles.astype(np.int32),
        wear.glasses_colour,
        (0.0, 0.35, 1.0, 30.0),
    )


def _disc(ring: Array, wear: Wear) -> Piece:
    """Close a ring float32 (n, 3) with a slightly domed, see-through lens."""
    centre = ring.mean(0, keepdims=True)
    vertices = np.concatenate([ring, centre])
    normals = vertices - (centre - np.array([0.0, 0.0, 9.0], np.float32))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    around = np.arange(len(ring))
    triangles = np.stack([around, np.roll(around, -1), np.full(len(ring), len(ring))], 1)
    return Piece(
        vertices.astype(np.float32),
        normals.astype(np.float32),
        triangles.astype(np.int32),
        (0.02, 0.02, 0.03),
        (0.0, 0.9, wear.lens, 60.0),
    )


def paint_mask(picture: Array, landmarks: Array, level: float) -> Array:
    """Cover nose, mouth and chin with a pleated medical mask; changes `picture`.

    Args:
        picture: float32 (H, W), 0-1.
        landmarks: float32 (68, 2), in its pixels.
        level: gray of the cloth, 0-1.

    Returns:
        float32 (H, W), what it covers, 0-1.
    """
    jaw = landmarks[2:15]
    nose = landmarks[28] * 0.6 + landmarks[29] * 0.4
    left = landmarks[14] * 0.25 + landmarks[46] * 0.25 + landmarks[29] * 0.5
    right = landmarks[2] * 0.25 + landmarks[41] * 0.25 + landmarks[29] * 0.5
    chin = landmarks[8] + 0.12 * (landmarks[8] - landmarks[33])
    outline = np.concatenate([jaw[:6], chin[None], jaw[7:], left[None], nose[None], right[None]])
    cover = np.zeros(picture.shape, np.float32)
    cv2.fillPoly(cover, [np.round(outline * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    rows = np.linspace(0.85, 0.6, picture.shape[0], dtype=np.float32)[:, None]
    # The cloth takes its light and shade from a blurred face, which it hides.
    shade = cv2.GaussianBlur(picture, (0, 0), picture.shape[0] / 14)
    cloth = level * rows * (0.4 + 0.9 * shade / max(float(shade.max()), 0.05))
    for share in (0.3, 0.5, 0.7):
        a, b = (landmarks[i] * (1 - share) + landmarks[j] * share for i, j in ((2, 5), (14, 11)))
        middle = landmarks[29] * (1 - share) + landmarks[8] * share
        pleat = np.round(np.stack([a, middle, b]) * 16).astype(np.int32)
        cv2.polylines(cloth, [pleat], False, float(0.55 * level), 1, cv2.LINE_AA, 4)
    picture[:] = picture * (1 - cover) + cloth * cover
    for ear, edge in ((0, 3), (16, 13)):
        loop = np.round(landmarks[[ear, edge]] * 16).astype(np.int32)
        cv2.polylines(picture, [loop], False, float(0.8 * level), 1, cv2.LINE_AA, 4)
    return cover


def paint_occluder(picture: Array, seed: int) -> Array:
    """Put a hand-like or box-like thing before a part of the face; changes `picture`.

    Args:
        picture: float32 (H, W), 0-1.
        seed: of the shape.

    Returns:
        float32 (H, W), what it covers, 0-1.
    """
    rng = np.random.default_rng(seed)
    side = picture.shape[0]
    cover = np.zeros(picture.shape, np.float32)
    centre = side / 2 + rng.uniform(0.18, 0.42) * side * np.array(
        [np.cos(a := rng.uniform(0, 2 * np.pi)), np.sin(a)]
    )
    spin = float(rng.uniform(0, 180))
    if rng.random() < 0.5:
        across = np.array([np.cos(np.radians(spin + 90)), np.sin(np.radians(spin + 90))])
        for finger in range(int(rng.integers(2, 5))):
            at = centre + across * (finger - 1.5) * side * 0.085
            axes = (side * float(rng.uniform(0.2, 0.3)), side * 0.045)
            ellipse = ((float(at[0]), float(at[1])), (2 * axes[0], 2 * axes[1]), spin)
            cv2.ellipse(cover, ellipse, 1.0, -1, cv2.LINE_AA)
    else:
        size = (side * float(rng.uniform(0.2, 0.5)), side * float(rng.uniform(0.1, 0.35)))
        box = cv2.boxPoints(((float(centre[0]), float(centre[1])), size, spin))
        cv2.fillPoly(cover, [np.round(box).astype(np.int32)], 1.0, cv2.LINE_AA)
    inner = cv2.GaussianBlur(cover, (0, 0), side / 40)
    level = float(rng.uniform(0.05, 0.9)) * (0.55 + 0.45 * inner)
    picture[:] = picture * (1 - cover) + level * cover
    return cover
