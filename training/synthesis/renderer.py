"""Draw a posed face with OpenGL, headless (EGL); per render only vertices and uniforms travel.

A `View` carries the head into the camera's frame and then, by an affine map of the picture plane,
straight into the crop that is wanted, so an aligned face is drawn at its final size and turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np
import numpy.typing as npt

from training.synthesis import shaders
from training.synthesis.appearance import EXTENT, ORIGIN, build_masks
from training.synthesis.expression import lip_gap
from training.synthesis.face_model import FaceModel, Posed
from training.synthesis.geometry import HEAD_PIVOT
from training.synthesis.scene import Colour, Lighting, Skin
from training.synthesis.visibility import bake, harmonics

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

FLOATS_PER_VERTEX = 8
"""Position, normal, two shadows."""


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera is and which part of its picture is drawn."""

    turn: Array
    """float32 (3, 3), head -> camera."""
    distance_cm: float
    place: Array
    """float32 (2, 3): cm at the pivot's plane (x right, y up) -> pixels of the picture."""
    size: int
    """Side of the square picture, pixels; at most the renderer's."""

    def project(self, points: Array) -> Array:
        """Carry points float32 (n, 3), head frame cm, to pixels float32 (n, 2)."""
        turned = (points - HEAD_PIVOT) @ self.turn.T
        flat = turned[:, :2] * (self.distance_cm / (self.distance_cm - turned[:, 2:]))
        return np.asarray(flat @ self.place[:, :2].T + self.place[:, 2], np.float32)


@dataclass(frozen=True, slots=True)
class Piece:
    """An extra surface: glasses, hair curtain, clothes."""

    vertices: Array
    """float32 (n, 3), head frame, cm."""
    normals: Array
    """float32 (n, 3)."""
    triangles: npt.NDArray[np.int32]
    """int32 (t, 3)."""
    colour: Colour
    kind: tuple[float, float, float, float]
    """Strand noise, gloss, cover, shine power."""
    openness: float = 0.8
    """Share of ambient light that reaches it."""


@dataclass(frozen=True, slots=True)
class Creases:
    """How deep the skin folds, 0-1, by side."""

    left: tuple[float, float, float, float]
    """AU4, AU9, AU6, AU12."""
    right: tuple[float, float, float, float]
    lower_left: tuple[float, float, float, float]
    """AU7, AU15, AU17, AU23 or AU24."""
    lower_right: tuple[float, float, float, float]
    forehead: tuple[float, float, float, float]
    """Inner left and right, outer left and right."""
    bags: float
    flush: float


class Renderer:
    """One OpenGL context and the static data of one face model."""

    def __init__(self, model: FaceModel, size: int) -> None:
        """Open a context.

        Args:
            model: the face model.
            size: largest side of a square picture, pixels; edges aren't smoothed, so average down.
        """
        self.model = model
        self.size = size
        self.context = moderngl.create_context(standalone=True, backend="egl")
        self._programs = {
            kind: self.context.program(vertex_shader=shaders.VERTEX, fragment_shader=source)
            for kind, source in (
                ("surface", shaders.SURFACE),
                ("eye", shaders.EYE),
                ("mouth", shaders.MOUTH),
                ("plain", shaders.PLAIN),
            )
        }
        self._programs["skin"] = self.context.program(
            vertex_shader=shaders.SCREEN, fragment_shader=shaders.SKIN
        )
        self._open_targets(size)
        self._coefficients, self._openness = self._bake()
        self._upload_masks()
        self._upload_model()

    def _open_targets(self, size: int) -> None:
        """Make the buffers that are drawn into: the skin's surface, then the picture."""
        shape = (size, size)
        self._layers = [self.context.texture(shape, 4, dtype="f4") for _ in range(2)]
        depth = self.context.depth_renderbuffer(shape)
        self._surface = self.context.framebuffer(self._layers, depth)
        self._target = self.context.framebuffer([self.context.renderbuffer(shape, 4)], depth)
        corners = np.array([(-1, -1), (3, -1), (-1, 3)], np.float32)
        self._screen = self.context.simple_vertex_array(
            self._programs["skin"], self.context.buffer(corners.tobytes()), "in_corner"
        )
        for unit, (layer, name) in enumerate(
            zip(self._layers, ("place_map", "light_map"), strict=True)
        ):
            layer.filter = (moderngl.NEAREST, moderngl.NEAREST)
            layer.use(unit)
            self._programs["skin"][name].value = unit

    def _bake(self) -> tuple[Array, Array]:
        """Find shadows of skin and eyes on the mean face; other parts stay open."""
        model = self.model
        still = model.pose(model.person(np.zeros(model.identity_size, np.float32)), {}, (0, 0))
        solid = slice(0, model.slices["skin"].stop)
        coefficients = np.zeros((model.count, 9), np.float32)
        coefficients[:, 0] = 1.0
        openness = np.ones(model.count, np.float32)
        parts = [solid, model.slices["eye_left"], model.slices["eye_right"]]
        chosen = np.concatenate([np.arange(part.start, part.stop) for part in parts])
        found = bake(still.vertices[chosen], still.normals[chosen])
        coefficients[chosen], openness[chosen] = found
        # Light inside skin and eyes, and between them, fills what geometry alone would leave black.
        openness[solid] = 0.2 + 0.8 * openness[solid]
        for eye in parts[1:]:
            openness[eye] = 0.3 + 0.7 * openness[eye]
            coefficients[eye] *= 0.7
            coefficients[eye, 0] += 0.3
        return coefficients, openness

    def _upload_masks(self) -> None:
        """Send the static textures and bind each to its own unit."""
        masks = build_masks(self.model.rest_landmarks)
        # Bytes, scaled as the shader undoes it: software OpenGL samples them fastest.
        lowest = np.array([-0.5, -1.5, -0.5, 0.0], np.float32)
        field = (masks.field - lowest) / np.array([2.0, 3.0, 1.0, 1.5], np.float32)
        images = {
            "field_map": field,
            "folds_a_map": masks.folds_a,
            "folds_b_map": masks.folds_b,
            "folds_c_map": masks.folds_c,
            "noise_map": masks.noise / 4.0 + 0.5,
        }
        self._textures: list[Any] = []
        for unit, (name, image) in enumerate(images.items(), start=2):
            rows, columns = image.shape[:2]
            levels = np.round(np.clip(image, 0.0, 1.0) * 255).astype(np.uint8)
            texture = self.context.texture((columns, rows), 4, levels.tobytes())
            texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
            texture.repeat_x = texture.repeat_y = name == "noise_map"
            texture.use(unit)
            self._textures.append(texture)
            for program in self._programs.values():
                _set(program, name, unit)

    def _upload_model(self) -> None:
        """Send what stays the same over all renders; make one vertex array per part."""
        model = self.model
        rest = model.neutral.copy()
        for part, directions in model.eye_directions.items():
            rest[model.slices[part]] = directions
        self._vertex_buffer = self.context.buffer(reserve=model.count * FLOATS_PER_VERTEX * 4)
        self._rest_buffer = self.context.buffer(rest.astype(np.float32).tobytes())
        self._fixed_buffer = self.context.buffer(reserve=model.count * 2 * 4)
        kinds = {"skin": "surface", "eye_left": "eye", "eye_right": "eye", "lashes": "plain"}
        self._parts: dict[str, Any] = {}
        for part in model.triangles:
            triangles = self._drawn_triangles(part)
            if len(triangles):
                program = self._programs[kinds.get(part, "mouth")]
                self._parts[part] = self.context.vertex_array(
                    program,
                    [
                        (self._vertex_buffer, "3f 3f 2f", *_PER_RENDER),
                        (self._rest_buffer, "3f", "in_rest"),
                        (self._fixed_buffer, "2f", "in_fixed"),
                    ],
                    self.context.buffer(triangles.tobytes()),
                    skip_errors=True,
                )
        z = float(model.rest_landmarks[48:60, 2].min())
        middle = float(model.rest_landmarks[[48, 54], 1].mean())
        half = float(abs(model.rest_landmarks[54, 0])) + 0.6
        _set(self._programs["skin"], "mouth_box", (middle, half, z - 1.1))
        self._cave_z = float(model.rest_landmarks[60:68, 2].max())
        for program in self._programs.values():
            _set(program, "pivot", tuple(HEAD_PIVOT.tolist()))
            _set(program, "map_origin", ORIGIN)
            _set(program, "map_extent", EXTENT)

    def _drawn_triangles(self, part: str) -> npt.NDArray[np.int32]:
        """Choose a part's triangles: all, but of the lashes only the upper lids'.

        The lower ones are sheets that would read as thick eyeliner.
        """
        triangles = self.model.triangles[part]
        if part != "lashes":
            return triangles
        lid = float(self.model.rest_landmarks[36:48, 1].mean())
        return triangles[self.model.neutral[triangles][:, :, 1].mean(1) > lid]

    def dress(self, skin: Skin, hair_mask: Array, neutral: Array) -> None:
        """Set what stays the same over one person's renders.

        Args:
            skin: colours and surface.
            hair_mask: float32 (N,), 0 skin to 1 hair, soft around 0.5.
            neutral: float32 (68, 3), the person's landmarks without expression.
        """
        fixed = np.stack([self._openness, hair_mask], 1).astype(np.float32)
        self._fixed_buffer.write(fixed.tobytes())
        self._lash = skin.lash
        self._still_gap = lip_gap(neutral)
        values = {
            "skin": skin.skin,
            "lip": skin.lip,
            "brow": skin.brow,
            "hair": skin.hair,
            "beard_colour": skin.beard_colour,
            "brow_shape": skin.brow_shape,
            "texture_": skin.texture,
            "makeup": skin.makeup,
            "noise_shift": skin.noise_shift,
            "iris": skin.iris,
            "sclera": skin.sclera,
            "eye_angle": skin.eye_angle,
        }
        for program in self._programs.values():
            for name, value in values.items():
                _set(program, name, value)

    def render(
        self,
        posed: Posed,
        view: View,
        lighting: Lighting,
        creases: Creases,
        pieces: Sequence[Piece] = (),
    ) -> Image:
        """Draw one face.

        Args:
            posed: from `FaceModel.pose`.
            view: where to draw it.
            lighting: lamps and exposure.
            creases: how deep the skin folds.
            pieces: extra surfaces, drawn after the face in this order.

        Returns:
            uint8 (view.size, view.size, 4), RGBA, colour premultiplied by cover, row 0 at the top.
        """
        self._send_vertices(posed, view, lighting)
        self._send_uniforms(view, lighting, creases)
        self._draw_skin(view.size)
        for part in ("eye_left", "eye_right"):
            self._parts[part].render()
        self._draw_mouth(posed)
        if "lashes" in self._parts and self._lash > 0:
            self._set_cloth((0.01, 0.008, 0.006), (0.0, 0.0, self._lash, 20.0))
            self._parts["lashes"].render()
        for piece in pieces:
            self._draw_piece(piece)
        raw = self._target.read((0, 0, view.size, view.size), components=4, alignment=1)
        return np.frombuffer(raw, np.uint8).reshape(view.size, view.size, 4)[::-1]

    def _draw_skin(self, size: int) -> None:
        """Store the skin's surface, then shade it; leaves its depth for the other parts."""
        self._surface.use()
        self.context.viewport = self.context.scissor = (0, 0, size, size)
        self._surface.clear(0.0, 0.0, 0.0, 0.0)
        self.context.disable(moderngl.BLEND)
        self.context.enable(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._parts["skin"].render()
        self._target.use()
        self.context.viewport = self.context.scissor = (0, 0, size, size)
        # Not cleared: the screen-wide triangle below writes every pixel, and the depth is kept.
        self.context.disable(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._screen.render()
        self.context.enable(moderngl.DEPTH_TEST | moderngl.BLEND)
        self.context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA

    def _send_vertices(self, posed: Posed, view: View, lighting: Lighting) -> None:
        """Upload positions, normals and each lamp's shadow."""
        lamps = np.array(lighting.lamp_way, np.float32) @ view.turn
        # Contrast: the nine harmonics blur a shadow's edge.
        shadow = np.clip(1.6 * (self._coefficients @ harmonics(lamps).T) - 0.45, 0.0, 1.0)
        packed = np.concatenate([posed.vertices, posed.normals, shadow], 1)
        self._vertex_buffer.write(packed.astype(np.float32, copy=False).tobytes())

    def _send_uniforms(self, view: View, lighting: Lighting, creases: Creases) -> None:
        """Set what changes with every render."""
        values: dict[str, Any] = {
            "turn": tuple(view.turn.T.reshape(-1).tolist()),
            "depth": view.distance_cm,
            "place": tuple(_clip_matrix(view.place, view.size).T.reshape(-1).tolist()),
            "lamp_way": list(lighting.lamp_way),
            "lamp_colour": list(lighting.lamp_colour),
            "sky": lighting.sky,
            "ground": lighting.ground,
            "exposure": lighting.exposure,
            "pixels_per_cm": float(np.hypot(*view.place[0, :2])),
            "contrast": lighting.contrast,
            "folds_left": creases.left,
            "folds_right": creases.right,
            "lower_left": creases.lower_left,
            "lower_right": creases.lower_right,
            "forehead": creases.forehead,
            "folds_more": (creases.bags, creases.flush),
        }
        for program in self._programs.values():
            for name, value in values.items():
                _set(program, name, value)

    def _draw_mouth(self, posed: Posed) -> None:
        """Draw teeth, gums and tongue, unless the lips hide them."""
        gap = lip_gap(posed.landmarks) - self._still_gap
        if gap < 0.03:
            return
        program = self._programs["mouth"]
        _set(program, "cave", (self._cave_z, float(np.clip(gap / 1.2, 0.0, 1.0))))
        for part, flesh in (("gums", (0.36, 0.09, 0.09)), ("teeth", (0.66, 0.60, 0.50))):
            if part in self._parts:
                _set(program, "flesh", flesh)
                self._parts[part].render()

    def _draw_piece(self, piece: Piece) -> None:
        """Draw one extra surface from a buffer of its own."""
        count = len(piece.vertices)
        packed = np.ones((count, 13), np.float32)
        packed[:, 0:3], packed[:, 3:6] = piece.vertices, piece.normals
        packed[:, 8:11] = piece.vertices
        packed[:, 11] = piece.openness
        vertices = self.context.buffer(packed.tobytes())
        indices = self.context.buffer(piece.triangles.astype(np.int32).tobytes())
        array = self.context.vertex_array(
            self._programs["plain"],
            [(vertices, "3f 3f 2f 3f 2f", *_PER_RENDER, "in_rest", "in_fixed")],
            indices,
            skip_errors=True,
        )
        self._set_cloth(piece.colour, piece.kind)
        array.render()
        for resource in (array, vertices, indices):
            resource.release()

    def _set_cloth(self, colour: Colour, kind: tuple[float, float, float, float]) -> None:
        """Set colour and surface of the plain program."""
        _set(self._programs["plain"], "cloth", colour)
        _set(self._programs["plain"], "cloth_kind", kind)


_PER_RENDER = ("in_position", "in_normal", "in_shadow")


def _set(program: Mapping[str, Any], name: str, value: object) -> None:
    """Set a uniform if the compiler kept it."""
    if name in program:
        program[name].value = value


def _clip_matrix(place: Array, size: int) -> Array:
    """Turn an affine map to pixels (first pixel's centre at 0, y down) into one to clip space."""
    to_clip = np.array(
        [[2 / size, 0, 1 / size - 1], [0, -2 / size, 1 - 1 / size], [0, 0, 1]], np.float64
    )
    full = np.concatenate([place.astype(np.float64), [[0.0, 0.0, 1.0]]])
    return np.asarray(to_clip @ full, np.float32)
