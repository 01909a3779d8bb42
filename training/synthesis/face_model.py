"""The 3-D face: identity and expression blended in numpy, eyes turned, normals found.

Frame of the head: centimetres, x to the subject's left, y up, z out of the face. The convention
that carries Action Units to blend shapes is stated in `expression.py`; it is this project's own
and not certified FACS.

Vertices are regrouped so that each part is one slice: skin, gums and tongue, teeth, left eye,
right eye, lashes. The source's helper meshes around the eye (fluid, blend, occlusion) and the
iris, which lies hidden behind the sclera, are dropped; the renderer paints the iris by angle.

Source: ICT-FaceKit (USC ICT, MIT licence), or `stand_in.py` with the same keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from training.synthesis.geometry import rotation
from training.synthesis.own_shapes import own_shapes

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]

PARTS: dict[str, tuple[str, ...]] = {
    "skin": ("M_Face", "M_BackHead"),
    "gums": ("M_GumsTongue",),
    "teeth": ("M_Teeth",),
    "eye_left": ("M_ScleraLeft",),
    "eye_right": ("M_ScleraRight",),
    "lashes": ("M_EyeLashes",),
}
"""Kept parts in the order of their vertices, with the source's materials."""


@dataclass(frozen=True, slots=True)
class Person:
    """One identity's neutral face, so that its renders share the costly blend."""

    vertices: Array
    """float32 (N, 3), centimetres."""
    eye_centres: Array
    """float32 (2, 3), left and right, centimetres."""


@dataclass(frozen=True, slots=True)
class Posed:
    """A face with expression and gaze, in the head's own frame."""

    vertices: Array
    """float32 (N, 3), centimetres."""
    normals: Array
    """float32 (N, 3), unit length."""
    landmarks: Array
    """float32 (68, 3), centimetres, Multi-PIE order."""


class FaceModel:
    """A morphable face, regrouped by part and ready for fast blending."""

    def __init__(self, source: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Regroup a model's arrays.

        Args:
            source: `neutral` (V, 3) cm, `identity` (K, V, 3) per standard deviation, `expression`
                (S, V, 3) at weight 1, `expression_names` (S,), `triangles` (T, 3),
                `triangle_material` (T,), `material_names` (M,), `landmark68_vertex` (68,).
        """
        order, self.slices, self.triangles = _regroup(source)
        self.neutral: Array = np.asarray(source["neutral"], np.float32)[order]
        self.count = len(order)
        identity = np.asarray(source["identity"], np.float32)[:, order]
        expression = np.asarray(source["expression"], np.float32)[:, order]
        self._identity: Array = identity.reshape(len(identity), -1)
        # Most shapes move a fifth of the vertices: keep only those.
        self._moved = [np.flatnonzero(np.abs(e).max(1) > 1e-3).astype(np.int32) for e in expression]
        self._moves = [e[moved] for e, moved in zip(expression, self._moved, strict=True)]
        names = [str(name) for name in source["expression_names"]]
        place = np.full(len(source["neutral"]), -1, np.int32)
        place[order] = np.arange(self.count, dtype=np.int32)
        self.landmark_vertices: Indices = place[np.asarray(source["landmark68_vertex"])]
        skin = self.neutral[self.slices["skin"]]
        for name, offset in own_shapes(skin, self.rest_landmarks).items():
            moved = np.flatnonzero(np.abs(offset).max(1) > 1e-3).astype(np.int32)
            names.append(name)
            self._moved.append(moved + self.slices["skin"].start)
            self._moves.append(offset[moved])
        self._shape_index = {name: i for i, name in enumerate(names)}
        self._gather = _vertex_from_triangle(self.triangles["skin"], self.slices["skin"].stop)
        self._still_normals = self._rest_normals()
        self._eye_directions = {
            part: _unit(
                self.neutral[self.slices[part]] - _sphere_centre(self.neutral[self.slices[part]])
            )
            for part in ("eye_left", "eye_right")
        }

    @classmethod
    def load(cls, path: Path) -> FaceModel:
        """Read a model from an `.npz` file."""
        with np.load(path, allow_pickle=False) as stored:
            return cls({key: stored[key] for key in stored.files})

    @property
    def identity_size(self) -> int:
        """Number of identity weights."""
        return len(self._identity)

    @property
    def eye_directions(self) -> dict[str, Array]:
        """Unit direction from the eye's centre for each of its vertices, looking ahead."""
        return self._eye_directions

    @property
    def rest_landmarks(self) -> Array:
        """float32 (68, 3): landmarks of the mean face."""
        return self.neutral[self.landmark_vertices]

    def person(self, identity: Array, displacement: Array | None = None) -> Person:
        """Blend one identity.

        Args:
            identity: float32 (K,), standard deviations.
            displacement: float32 (N, 3), added afterwards (hair volume), or None.

        Returns:
            Its neutral face.
        """
        blended = self.neutral + (identity @ self._identity).reshape(-1, 3)
        if displacement is not None:
            blended += displacement
        centres = [_sphere_centre(blended[self.slices[p]]) for p in ("eye_left", "eye_right")]
        return Person(blended, np.stack(centres))

    def pose(
        self, person: Person, weights: Mapping[str, float], gaze: tuple[float, float]
    ) -> Posed:
        """Give a person an expression and a gaze.

        Args:
            person: from `person`.
            weights: blend-shape weights; shapes that the model lacks are ignored.
            gaze: yaw and pitch of the eyes in the head, degrees (left and up are positive).

        Returns:
            The posed face in the head's frame.
        """
        known = [(self._shape_index[k], w) for k, w in weights.items() if k in self._shape_index]
        vertices = person.vertices.copy()
        for index, weight in known:
            vertices[self._moved[index]] += np.float32(weight) * self._moves[index]
        normals = self._still_normals.copy()
        skin = self.slices["skin"]
        normals[skin] = self._skin_normals(vertices)
        turn = rotation(gaze[1], gaze[0], 0.0)
        for part, centre in zip(("eye_left", "eye_right"), person.eye_centres, strict=True):
            eye = self.slices[part]
            vertices[eye] = (person.vertices[eye] - centre) @ turn.T + centre
            normals[eye] = self._eye_directions[part] @ turn.T
        return Posed(vertices, normals, vertices[self.landmark_vertices])

    def _skin_normals(self, vertices: Array) -> Array:
        """Average the triangles' normals at each skin vertex, weighted by area."""
        corners = vertices.take(self.triangles["skin"], axis=0)
        a = corners[:, 1] - corners[:, 0]
        b = corners[:, 2] - corners[:, 0]
        # Written out: numpy's own cross product is several times slower on (T, 3).
        faces = np.empty_like(a)
        faces[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
        faces[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
        faces[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        return _unit(self._gather @ faces)

    def _rest_normals(self) -> Array:
        """Find normals of the parts whose shading may stay that of the mean face."""
        normals = np.zeros_like(self.neutral)
        normals[:, 2] = 1.0
        for part in ("gums", "teeth"):
            triangles = self.triangles[part]
            if len(triangles):
                corners = self.neutral[triangles]
                faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
                gathered = _vertex_from_triangle(triangles, self.count) @ faces
                normals[self.slices[part]] = _unit(gathered[self.slices[part]])
        return normals


def _unit(vectors: Array) -> Array:
    """Scale vectors (n, 3) to length 1."""
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, 1e-8)[:, None], np.float32)


def _sphere_centre(points: Array) -> Array:
    """Fit a sphere to points (n, 3) by linear least squares; return its centre.

    Their mean won't do: an eyeball's vertices lie closer together in front.
    """
    system = np.concatenate([2 * points, np.ones((len(points), 1), np.float32)], 1)
    solution = np.linalg.solve(system.T @ system, system.T @ (points * points).sum(1))
    return np.asarray(solution[:3], np.float32)


def _vertex_from_triangle(triangles: Indices, count: int) -> sparse.csr_matrix:
    """Build the (vertices, triangles) matrix that sums triangles at their corners."""
    rows = triangles.reshape(-1)
    columns = np.repeat(np.arange(len(triangles)), 3)
    ones = np.ones(len(rows), np.float32)
    return sparse.csr_matrix((ones, (rows, columns)), shape=(count, len(triangles)))


def _regroup(
    source: Mapping[str, npt.NDArray[np.generic]],
) -> tuple[Indices, dict[str, slice], dict[str, Indices]]:
    """Order the kept vertices by part; return the order, each part's slice and triangles."""
    triangles = np.asarray(source["triangles"], np.int32)
    material = np.asarray(source["triangle_material"])
    names = [str(name) for name in source["material_names"]]
    order: list[Indices] = []
    slices: dict[str, slice] = {}
    parts: dict[str, Indices] = {}
    place = np.full(len(source["neutral"]), -1, np.int32)
    start = 0
    for part, materials in PARTS.items():
        ids = [names.index(name) for name in materials if name in names]
        chosen = triangles[np.isin(material, ids)]
        used = np.unique(chosen).astype(np.int32)
        place[used] = np.arange(start, start + len(used), dtype=np.int32)
        order.append(used)
        slices[part] = slice(start, start + len(used))
        parts[part] = place[chosen].astype(np.int32).reshape(-1, 3)
        start += len(used)
    return np.concatenate(order), slices, parts
