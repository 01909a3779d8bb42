"""Put a person and a scene together: posed mesh, creases, aligned view, render, labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain.facs import MAX_INTENSITY
from agent.inference.preprocess import ALIGNED_SIZE, alignment_from_landmarks
from training.data.renders import CROP_SIZE, FLAG_GLASSES, FLAG_MASK, FLAG_OCCLUDER
from training.synthesis.develop import develop
from training.synthesis.expression import AU25_INDEX, lips_part_intensity, shape_weights
from training.synthesis.face_model import FaceModel, Posed
from training.synthesis.face_model import Person as Neutral
from training.synthesis.geometry import rotation
from training.synthesis.hair import Scalp, curtain
from training.synthesis.renderer import Creases, Piece, Renderer, View
from training.synthesis.sample_expression import INDEX
from training.synthesis.scene import Camera, Person, Scene, Skin
from training.synthesis.wearables import glasses

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

MARGIN = (CROP_SIZE - ALIGNED_SIZE) // 2
"""An aligned face lies this many pixels inside the crop on each side."""

OVERSAMPLE = 2


@dataclass(frozen=True, slots=True)
class Shot:
    """One training example."""

    face: Image
    """uint8 (128, 128) gray."""
    landmarks: Array
    """float32 (68, 2), pixels of the crop."""
    au: Array
    """float32 (32,), 0-5."""
    pose: tuple[float, float, float]
    """Pitch, yaw, roll, degrees."""
    gaze: tuple[float, float]
    """Yaw, pitch of the eyes in the camera's frame, degrees."""
    quality: float
    flags: int
    hidden: npt.NDArray[np.bool_]
    """bool (32,), Action Units that the picture can't show."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A person made ready for the renderer."""

    person: Person
    neutral: Neutral
    hair_mask: Array
    """float32 (N,), 0-1."""
    pieces: tuple[Piece, ...]
    """Hair that hangs."""


class Studio:
    """A renderer with one person at a time in front of it."""

    def __init__(self, model: FaceModel, size: int = CROP_SIZE * OVERSAMPLE) -> None:
        """Open a renderer of square pictures of `size` pixels."""
        self.model = model
        self.renderer = Renderer(model, size)
        self._scalp = Scalp(model)

    def prepare(self, person: Person) -> Guest:
        """Blend a person's neutral face and grow their hair: the costly part, done once."""
        mask, displacement = self._scalp.grow(person.hair)
        neutral = self.model.person(person.identity, displacement)
        hangs = person.hair.curtain_cm > 0
        pieces = (curtain(person.hair, person.skin.hair),) if hangs else ()
        return Guest(person, neutral, mask, pieces)

    def seat(self, guest: Guest) -> None:
        """Let a person take the seat."""
        self.person, self.neutral = guest.person, guest.neutral
        self.pieces = list(guest.pieces)
        self.renderer.dress(guest.person.skin, guest.hair_mask, self.neutral_landmarks)

    @property
    def neutral_landmarks(self) -> Array:
        """float32 (68, 3) of the person without expression."""
        return self.neutral.vertices[self.model.landmark_vertices]

    def pose(self, scene: Scene) -> tuple[Posed, Array]:
        """Pose the mesh; return it and the final labels, float32 (32,), with AU25 measured."""
        weights = shape_weights(scene.au, scene.nuisance, scene.gaze)
        posed = self.model.pose(self.neutral, weights, scene.gaze)
        au = scene.au.copy()
        au[AU25_INDEX] = lips_part_intensity(posed.landmarks, self.neutral_landmarks)
        return posed, au

    def draw(self, posed: Posed, au: Array, scene: Scene, view: View) -> Image:
        """Render the posed person, uint8 (S, S, 4)."""
        pieces = list(self.pieces)
        if scene.wear.glasses:
            pieces += glasses(scene.wear, self.neutral_landmarks)
        creases = creases_of(au, self.person.skin)
        return self.renderer.render(posed, view, scene.lighting, creases, pieces)

    def shoot(self, scene: Scene) -> Shot:
        """Take one training example."""
        posed, au = self.pose(scene)
        view = aligned_view(scene, posed, drawing_size(scene.camera, self.renderer.size))
        rgba = self.draw(posed, au, scene, view)
        scale = CROP_SIZE / view.size
        landmarks = (view.project(posed.landmarks) + 0.5) * scale - 0.5
        taken = develop(rgba, scene, landmarks, CROP_SIZE)
        wear = scene.wear
        flags = FLAG_GLASSES * wear.glasses + FLAG_MASK * wear.mask
        flags += FLAG_OCCLUDER * (wear.occluder > 0)
        gaze = gaze_in_camera(scene.pose, scene.gaze)
        return Shot(taken.face, landmarks, au, scene.pose, gaze, taken.quality, flags, taken.hidden)


def creases_of(au: Array, skin: Skin) -> Creases:
    """Say how deep the skin folds: with the AUs, more in older skin, and a little at rest."""
    rest = 0.22 * skin.age**2

    def fold(
        *weighted: tuple[str, float], resting: float = 1.0, young: float = 0.45
    ) -> tuple[float, float]:
        sides = []
        for side in "LR":
            pull = sum(w * _level(au, label, side) for label, w in weighted) / MAX_INTENSITY
            depth = young + (1 - young) * skin.age
            sides.append(min(1.0, depth * max(pull, 0.0) + resting * rest))
        return sides[0], sides[1]

    furrow = fold(("AU04", 1.0), ("AU09", 0.3), ("AU01", 0.15), resting=0.7, young=0.65)
    nose = fold(("AU09", 1.0), ("AU10", 0.1), resting=0.0, young=0.6)
    feet = fold(("AU06", 1.0), ("AU12", 0.15), ("AU45", 0.1))
    cheek = fold(("AU12", 0.8), ("AU10", 0.5), ("AU09", 0.3), ("AU06", 0.2), resting=2.0)
    inner = fold(("AU01", 0.9), ("AU02", 0.3), ("AU04", -0.2))
    outer = fold(("AU02", 0.9), ("AU01", 0.2), ("AU04", -0.4))
    lid = fold(("AU07", 0.9), ("AU06", 0.3), resting=0.5, young=0.6)
    corner = fold(("AU15", 0.9), ("AU17", 0.2), resting=1.2)
    chin = fold(("AU17", 1.0), ("AU15", 0.15), resting=0.6, young=0.65)
    press = fold(("AU24", 0.9), ("AU23", 0.8), ("AU28", 0.5), resting=0.2, young=0.5)
    upper = [(furrow[k], nose[k], feet[k], cheek[k]) for k in (0, 1)]
    lower = [(lid[k], corner[k], chin[k], press[k]) for k in (0, 1)]
    bags, flush = 0.15 + 0.6 * skin.age, 0.3 + 0.5 * (1 - skin.age)
    return Creases(*upper, *lower, (*inner, *outer), bags, flush)


def _level(au: Array, label: str, side: str) -> float:
    """Read an AU's intensity on one side, or the whole AU's where it has no sides."""
    name = f"{label}_{side}"
    return float(au[INDEX[name if name in INDEX else label]])


def aligned_view(scene: Scene, posed: Posed, size: int) -> View:
    """Aim the camera so that the stable landmarks fall on the crop's template.

    Args:
        scene: head pose and camera distance.
        posed: the face.
        size: side of the picture, pixels; the crop's 128 pixels fill it.

    Returns:
        The view.
    """
    turn = rotation(*scene.pose)
    flip = np.array([[1, 0, 0], [0, -1, 0]], np.float32)
    plain = View(turn, scene.camera.distance_cm, flip, size)
    matrix = alignment_from_landmarks(plain.project(posed.landmarks)).astype(np.float64)
    matrix[:, 2] += MARGIN
    # Pixels' centres are whole numbers, so a picture is scaled about (-0.5, -0.5).
    scale = size / CROP_SIZE
    matrix = matrix * scale
    matrix[:, 2] += 0.5 * scale - 0.5
    place = np.concatenate([matrix[:, :2] * np.array([1.0, -1.0]), matrix[:, 2:]], 1)
    return View(turn, scene.camera.distance_cm, place.astype(np.float32), size)


def drawing_size(camera: Camera, most: int) -> int:
    """Choose the side to draw at, pixels: half as large again as the camera's picture, at least."""
    wanted = OVERSAMPLE * 0.8 * CROP_SIZE * max(camera.scale, 0.65)
    return int(min(most, 16 * np.ceil(wanted / 16)))


def gaze_in_camera(
    pose: tuple[float, float, float], gaze: tuple[float, float]
) -> tuple[float, float]:
    """Carry the eyes' direction from the head's frame to the camera's: yaw, pitch, degrees."""
    way = rotation(*pose) @ rotation(gaze[1], gaze[0], 0.0)[:, 2]
    yaw = float(np.degrees(np.arctan2(way[0], way[2])))
    return yaw, float(np.degrees(np.arcsin(np.clip(way[1], -1.0, 1.0))))
