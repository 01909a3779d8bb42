"""Draw whole scenes at random. Pure: a numpy generator in, frozen values out; no pictures.

The same seed gives the same scene, whatever order or process it is drawn in: person i and render
i each have a generator of their own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.synthesis.geometry import rotation
from training.synthesis.sample_expression import MIRROR, sample_expression
from training.synthesis.sample_face import luminance, sample_person
from training.synthesis.scene import Camera, Colour, Lighting, Person, Scene, Skin, Wear

Array = npt.NDArray[np.float32]

RENDERS_PER_PERSON = 6

MAX_EYE_TURN = (32.0, 22.0)
"""Furthest turn of the eyes in the head, yaw and pitch, degrees."""


def person_of(index: int) -> int:
    """Tell whose face render number `index` shows."""
    return index // RENDERS_PER_PERSON


def person_at(seed: int, number: int, identity_size: int) -> Person:
    """Draw person `number` of a seed."""
    return sample_person(np.random.default_rng([seed, 1, number]), identity_size)


def scene_at(seed: int, index: int, skin: Skin) -> Scene:
    """Draw render `index` of a seed.

    Args:
        seed: of the whole set.
        index: number of the render.
        skin: of the person shown; the camera exposes for it.

    Returns:
        Everything that differs between two renders of one person.
    """
    rng = np.random.default_rng([seed, 2, index])
    au, nuisance = sample_expression(rng)
    pose = sample_pose(rng)
    scene = Scene(
        au,
        nuisance,
        pose,
        sample_gaze(rng, pose),
        sample_lighting(rng, luminance(skin.skin)),
        sample_wear(rng),
        sample_camera(rng),
    )
    return mirrored(scene) if rng.random() < 0.5 else scene


def mirrored(scene: Scene) -> Scene:
    """Swap the subject's left and right in expression, pose and gaze; light and camera stay."""
    swap = {"_L": "_R", "_R": "_L", "jawLeft": "jawRight", "jawRight": "jawLeft"}
    swap |= {"mouthLeft": "mouthRight", "mouthRight": "mouthLeft"}

    def other(shape: str) -> str:
        return swap.get(shape) or shape[:-2] + swap.get(shape[-2:], shape[-2:])

    return Scene(
        scene.au[list(MIRROR)],
        {other(shape): weight for shape, weight in scene.nuisance.items()},
        (scene.pose[0], -scene.pose[1], -scene.pose[2]),
        (-scene.gaze[0], scene.gaze[1]),
        scene.lighting,
        scene.wear,
        scene.camera,
    )


def sample_pose(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw pitch, yaw, roll in degrees."""
    yaw = float(np.clip(rng.normal(0, 18), -50, 50))
    pitch = float(np.clip(rng.normal(-1, 10), -32, 32))
    return pitch, yaw, float(np.clip(rng.normal(0, 8), -30, 30))


def sample_gaze(rng: np.random.Generator, pose: tuple[float, float, float]) -> tuple[float, float]:
    """Draw yaw and pitch of the eyes in the head: into the camera, near it, ahead, or anywhere."""
    roll = rng.random()
    if roll < 0.45:
        spread = 2.0 if roll < 0.25 else 8.0
        ahead = rotation(*pose).T @ np.array([0.0, 0.0, 1.0], np.float32)
        yaw = float(np.degrees(np.arctan2(ahead[0], ahead[2]))) + rng.normal(0, spread)
        pitch = float(np.degrees(np.arcsin(np.clip(ahead[1], -1, 1)))) + rng.normal(0, spread)
    else:
        yaw, pitch = rng.normal(0, 6 if roll < 0.7 else 15), rng.normal(0, 4 if roll < 0.7 else 10)
    limit = MAX_EYE_TURN
    return float(np.clip(yaw, -limit[0], limit[0])), float(np.clip(pitch, -limit[1], limit[1]))


def _way(azimuth: float, elevation: float) -> tuple[float, float, float]:
    """Point at a lamp: degrees from straight ahead to the picture's right, and up."""
    a, e = np.radians([azimuth, elevation])
    return float(np.sin(a) * np.cos(e)), float(np.sin(e)), float(np.cos(a) * np.cos(e))


def _tint(rng: np.random.Generator, level: float, spread: float) -> Colour:
    """Draw a warm or cool light of a given level."""
    warm = rng.normal(0, spread)
    return float(level * (1 + warm)), float(level), float(level * (1 - warm))


def sample_lighting(rng: np.random.Generator, albedo: float) -> Lighting:
    """Draw two lamps, surroundings, and an exposure near what a camera would choose.

    Args:
        rng: source of randomness.
        albedo: luminance of the skin, 0-1.

    Returns:
        The light. One face in six is lit hard from one side.
    """
    hard = rng.random() < 0.17
    azimuth = rng.choice([-1, 1]) * rng.uniform(50, 95) if hard else rng.normal(0, 40)
    elevation = rng.normal(35, 18)
    ways = (_way(azimuth, elevation), _way(rng.normal(-0.6 * azimuth, 40), rng.normal(15, 25)))
    levels = (rng.uniform(0.8, 1.6), rng.uniform(0.0, 0.25) if hard else rng.uniform(0.1, 0.7))
    around = rng.uniform(0.06, 0.2) if hard else rng.uniform(0.2, 0.8)
    sky = _tint(rng, around, 0.12)
    ground = _tint(rng, around * rng.uniform(0.3, 0.9), 0.12)
    fronts = sum(
        level * max(0.25, 0.7 * way[2] + 0.3 * way[1])
        for level, way in zip(levels, ways, strict=True)
    )
    # Auto-exposure lifts dark skin only in part: the picture keeps over half of the difference.
    exposure = 0.85 * rng.lognormal(0, 0.25) * albedo**-0.42 / (fronts + 0.8 * around)
    return Lighting(
        ways,
        (_tint(rng, levels[0], 0.12), _tint(rng, levels[1], 0.15)),
        sky,
        ground,
        float(exposure),
        float(rng.uniform(0.8, 1.2)),
    )


def sample_wear(rng: np.random.Generator) -> Wear:
    """Draw glasses (16 %), a medical mask (3 %), or something in front of the face (5 %)."""
    roll = rng.random()
    gray = float(rng.uniform(0.0, 0.08) if rng.random() < 0.7 else rng.uniform(0.1, 0.6))
    shape = (
        rng.uniform(2.3, 3.1),
        rng.uniform(1.4, 2.5),
        rng.uniform(0.05, 0.24),
        rng.uniform(2, 5),
    )
    tint = (gray, gray * float(rng.uniform(0.6, 1.0)), gray * float(rng.uniform(0.4, 1.0)))
    cloth = float(rng.uniform(0.05, 0.9))
    return Wear(
        glasses=bool(roll < 0.16),
        glasses_shape=(float(shape[0]), float(shape[1]), float(shape[2]), float(shape[3])),
        glasses_colour=tint,
        lens=float(rng.uniform(0.0, 0.15) if rng.random() < 0.85 else rng.uniform(0.2, 0.6)),
        mask=bool(0.16 <= roll < 0.19),
        mask_colour=(cloth, cloth, cloth),
        occluder=int(rng.integers(1, 2**31)) if 0.19 <= roll < 0.24 else 0,
    )


def sample_camera(rng: np.random.Generator) -> Camera:
    """Draw distance, resolution and flaws of the picture."""
    scale = float(np.exp(rng.uniform(np.log(0.38), np.log(1.7))))
    moving = rng.random() < 0.12
    dark = rng.random() < 0.09
    return Camera(
        distance_cm=float(np.exp(rng.uniform(np.log(35), np.log(300)))),
        scale=scale,
        blur=float(rng.uniform(0, 0.6) if rng.random() < 0.85 else rng.uniform(0.6, 1.6)),
        motion=(float(rng.uniform(1.5, 6.0)) if moving else 0.0, float(rng.uniform(0, np.pi))),
        noise=float(rng.uniform(0, 4) if rng.random() < 0.85 else rng.uniform(4, 12)),
        jpeg=int(rng.integers(35, 96)) if rng.random() < 0.6 else 0,
        gain=float(rng.uniform(0.25, 0.6) if dark else rng.uniform(0.85, 1.15)),
        gamma=float(rng.uniform(0.8, 1.25)),
        seed=int(rng.integers(2**31)),
    )
