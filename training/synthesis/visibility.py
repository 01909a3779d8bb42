"""Which directions each point of the head can see, so that noses and brows cast shadows.

Visibility is found once for the mean face and kept as nine spherical-harmonic coefficients per
vertex; a lamp's shadow is then a dot product. Expressions don't move these shadows.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_CELL_CM = 0.35
_BIAS_CM = 0.55
_DIRECTIONS = 160


def harmonics(directions: Array) -> Array:
    """Evaluate the nine real harmonics up to degree 2, unnormalised: (n, 3) -> (n, 9)."""
    x, y, z = directions.T
    terms = [np.ones_like(x), x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1]
    return np.asarray(np.stack(terms, 1), np.float32)


def bake(vertices: Array, normals: Array) -> tuple[Array, Array]:
    """Find what each vertex sees.

    Args:
        vertices: float32 (N, 3), cm; all of them also block the view.
        normals: float32 (N, 3), unit length.

    Returns:
        Coefficients float32 (N, 9) for `harmonics`, and ambient openness float32 (N,), 0-1.
    """
    directions = _sphere(_DIRECTIONS)
    seen = np.stack([_seen_from(vertices, way) for way in directions], 1)
    facing = normals @ directions.T
    # Directions behind the surface say nothing about shadows: the shading turns them dark anyway.
    weight = np.clip(facing + 0.25, 0.01, 1.0)
    basis = harmonics(directions)
    system = np.einsum("nd,di,dj->nij", weight, basis, basis, optimize=True)
    system += 0.02 * _DIRECTIONS * np.eye(9, dtype=np.float32)
    target = (weight * seen) @ basis
    coefficients = np.linalg.solve(system, target[..., None])[..., 0]
    above = np.clip(facing, 0, 1)
    openness = (above * seen).sum(1) / (above.sum(1) + 1e-6)
    return coefficients.astype(np.float32), openness.astype(np.float32)


def _sphere(count: int) -> Array:
    """Spread unit vectors evenly (Fibonacci spiral)."""
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = np.pi * (1 + 5**0.5) * index
    radius = np.sqrt(1 - height**2)
    way = np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], 1)
    return np.asarray(way, np.float32)


def _seen_from(vertices: Array, way: Array) -> Array:
    """Tell which vertices a far light in one direction reaches (a depth map of points)."""
    helper = np.array([0.0, 1.0, 0.0]) if abs(way[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    across = np.cross(helper, way)
    across /= np.linalg.norm(across)
    up = np.cross(way, across)
    plane = vertices @ np.stack([across, up], 1).astype(np.float32)
    depth = vertices @ way
    cell = ((plane - plane.min(0)) / _CELL_CM).astype(np.int32) + 1
    columns, rows = cell.max(0) + 2
    nearest = np.full(rows * columns, -1e3, np.float32)
    flat = cell[:, 1] * columns + cell[:, 0]
    order = np.argsort(depth)
    # The last write wins, so the nearest vertex of each cell stays.
    nearest[flat[order]] = depth[order]
    blockers = cv2.dilate(nearest.reshape(rows, columns), np.ones((3, 3), np.uint8))
    return np.asarray(blockers.reshape(-1)[flat] < depth + _BIAS_CM, np.float32)
