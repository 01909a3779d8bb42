"""What one render shows, as plain values: the output of `sample.py`, the input of the renderer.

Colours are linear RGB, 0-1. Directions point from the face to the light, in the camera's frame
(x to the picture's right, y up, z towards the camera).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Skin:
    """Colours and surface of one person's face."""

    skin: Colour
    lip: Colour
    brow: Colour
    hair: Colour
    beard_colour: Colour
    iris: Colour
    sclera: Colour
    age: float
    """0 young - 1 old: resting creases, eye bags, and how deep expressions fold."""
    tone: float
    """CIE L* of the skin, 0-100."""
    brow_shape: tuple[float, float, float, float] = (0.0, 0.35, 0.8, 0.5)
    """Lift cm, half thickness cm, density 0-1, taper towards the tail 0-1."""
    texture: tuple[float, float, float, float] = (0.03, 0.6, 0.0, 0.06)
    """Strength of blotches, pores, freckles and gloss."""
    makeup: tuple[float, float, float, float] = (0.06, 0.05, 0.05, 0.0)
    """Lip gloss, lid shade, eyeliner, beard density; 0-1."""
    eye_angle: tuple[float, float] = (0.41, 0.16)
    """Radius of iris and pupil seen from the eye's centre, radians."""
    lash: float = 0.25
    """Cover of the lashes, 0-1."""
    noise_shift: tuple[float, float] = (0.0, 0.0)
    """Where the noise begins, so that two people differ."""


@dataclass(frozen=True, slots=True)
class Hair:
    """Where hair grows and how far it stands off."""

    line_cm: float
    """Height of the hairline over the brows; 99 is bald."""
    temple_cm: float
    """How far the hairline recedes at the temples."""
    volume_cm: float
    curtain_cm: float
    """Length of hair hanging beside the face below the eyes; 0 is none."""
    curtain_cover: float
    """How far the hanging hair reaches forward, 0-1."""


@dataclass(frozen=True, slots=True)
class Wear:
    """Things worn or held before the face."""

    glasses: bool = False
    glasses_shape: tuple[float, float, float, float] = (2.7, 2.0, 0.12, 2.5)
    """Half width cm, half height cm, rim radius cm, roundness exponent."""
    glasses_colour: Colour = (0.02, 0.02, 0.02)
    lens: float = 0.0
    """Cover of the lenses, 0-1."""
    mask: bool = False
    mask_colour: Colour = (0.5, 0.7, 0.8)
    occluder: int = 0
    """0 none; else the seed of a random shape in front of the face."""


@dataclass(frozen=True, slots=True)
class Lighting:
    """Two lamps, a sky over a ground, and the camera's exposure."""

    lamp_way: tuple[tuple[float, float, float], tuple[float, float, float]]
    lamp_colour: tuple[Colour, Colour]
    sky: Colour
    ground: Colour
    exposure: float
    contrast: float


@dataclass(frozen=True, slots=True)
class Person:
    """Everything that stays the same over one identity's renders."""

    identity: Array
    """float32 (K,), standard deviations of the face model."""
    skin: Skin
    hair: Hair


@dataclass(frozen=True, slots=True)
class Camera:
    """How the picture is taken and spoilt."""

    distance_cm: float
    scale: float
    """Pixels of the camera's picture per pixel of the aligned crop."""
    blur: float
    """Gaussian, in pixels of the camera's picture."""
    motion: tuple[float, float]
    """Length in pixels of the camera's picture, and direction in radians."""
    noise: float
    """Standard deviation in gray levels."""
    jpeg: int
    """Quality 1-100, or 0 for none."""
    gain: float
    """Gray-level factor after exposure; below 1 is a dark picture."""
    gamma: float
    seed: int
    """For noise and background."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One render of one person."""

    au: Array
    """float32 (32,), 0-5; AU25 is a placeholder until the mesh is posed."""
    nuisance: dict[str, float]
    """Blend shapes outside the 19 AUs."""
    pose: tuple[float, float, float]
    """Pitch, yaw, roll of the head in the camera's frame, degrees."""
    gaze: tuple[float, float]
    """Yaw and pitch of the eyes in the head, degrees."""
    lighting: Lighting
    wear: Wear
    camera: Camera
