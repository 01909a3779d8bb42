"""Draw a person at random: identity, skin, colours, hair. Pure: numpy only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from training.synthesis.scene import Colour, Hair, Person, Skin

Array = npt.NDArray[np.float32]

IDENTITY_DEVIATION = 0.9

SKIN_TONES: tuple[tuple[int, int, int], ...] = (
    (246, 224, 208),
    (236, 200, 176),
    (224, 180, 150),
    (203, 152, 118),
    (172, 120, 86),
    (136, 90, 62),
    (102, 66, 46),
    (72, 47, 36),
    (50, 34, 28),
)
"""sRGB from lightest to darkest; every step is equally likely."""

_HAIR_DARK = ((22, 18, 17), (35, 26, 22), (52, 36, 27))
_HAIR_LIGHT = (
    (88, 60, 40),
    (122, 86, 54),
    (170, 130, 84),
    (206, 172, 120),
    (132, 66, 36),
)
_HAIR_GRAY = ((120, 116, 112), (176, 173, 170), (220, 218, 214))
_IRIS_DARK = ((58, 36, 24), (74, 46, 28), (44, 30, 22))
_IRIS_LIGHT = ((96, 128, 160), (110, 130, 110), (104, 90, 60), (128, 140, 150))


def linear(red: float, green: float, blue: float) -> Colour:
    """Turn 8-bit sRGB into linear RGB (power 2.2)."""
    r, g, b = (float(np.clip(v / 255.0, 0.0, 1.0) ** 2.2) for v in (red, green, blue))
    return r, g, b


def luminance(colour: Colour) -> float:
    """Weigh linear RGB as the eye does (Rec. 709)."""
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def lightness(colour: Colour) -> float:
    """CIE L* (0-100) of linear RGB."""
    y = luminance(colour)
    return 116.0 * y ** (1 / 3) - 16.0 if y > 0.008856 else 903.3 * y


def sample_person(rng: np.random.Generator, identity_size: int) -> Person:
    """Draw one identity.

    Args:
        rng: source of randomness.
        identity_size: number of the model's identity weights.

    Returns:
        Shape, colours and hair.
    """
    identity = rng.normal(0.0, IDENTITY_DEVIATION, identity_size).astype(np.float32)
    tone = float(rng.uniform(0.0, len(SKIN_TONES) - 1.0))
    age = float(rng.beta(1.3, 1.7))
    covered = bool(rng.random() < 0.06)
    skin = sample_skin(rng, tone, age, covered)
    return Person(identity, skin, sample_hair(rng, age, covered))


def _pick(rng: np.random.Generator, table: tuple[tuple[int, int, int], ...]) -> Array:
    """Draw a colour of a table, varied a little; 8-bit sRGB."""
    colour = np.array(table[rng.integers(len(table))], np.float32)
    return np.asarray(np.clip(colour * rng.normal(1.0, 0.03, 3) * rng.normal(1.0, 0.12), 4, 250))


def sample_skin(rng: np.random.Generator, tone: float, age: float, covered: bool) -> Skin:
    """Draw colours and surface.

    Args:
        rng: source of randomness.
        tone: place in `SKIN_TONES`, 0 to 8.
        age: 0-1.
        covered: the hair is covered by cloth, which may have any colour.

    Returns:
        The look of one face.
    """
    low = min(int(tone), len(SKIN_TONES) - 2)
    lighter, darker = np.array(SKIN_TONES[low]), np.array(SKIN_TONES[low + 1])
    skin = lighter * (1 - tone + low) + darker * (tone - low)
    skin = skin * rng.normal(1.0, [0.03, 0.02, 0.04])
    dark = tone / (len(SKIN_TONES) - 1)
    hair, brow = _hair_colours(rng, dark, age)
    beard_colour = linear(*(hair * 0.8))
    beards = [0.0, rng.uniform(0.08, 0.4), rng.uniform(0.5, 1.0)]
    beard = float(rng.choice(beards, p=[0.6, 0.2, 0.2]))
    if covered:
        hair, beard = rng.uniform(20, 230, 3).astype(np.float32), 0.0
    light_iris = rng.random() < 0.6 * max(0.0, 1 - 2.5 * dark)
    made_up = beard == 0.0 and rng.random() < 0.3
    redder = np.array([0.92, 0.70, 0.70]) * (1 + 0.12 * dark)
    lip = skin * redder * rng.normal(1, [0.05, 0.08, 0.08])
    if made_up and rng.random() < 0.5:
        lip = np.array([170, 50, 60]) * rng.uniform(0.5, 1.15) * rng.normal(1, 0.12, 3)
    plain = Skin(
        skin=linear(*skin),
        lip=linear(*lip),
        brow=linear(*brow),
        hair=linear(*hair),
        beard_colour=beard_colour,
        iris=linear(*_pick(rng, _IRIS_LIGHT if light_iris else _IRIS_DARK)),
        sclera=linear(*(np.array([204, 198, 192]) * rng.uniform(0.85, 1.05) - 20 * age)),
        age=age,
        tone=lightness(linear(*skin)),
    )
    return _surface(rng, plain, made_up, beard)


def _hair_colours(rng: np.random.Generator, dark: float, age: float) -> tuple[Array, Array]:
    """Draw the colours of hair and brows, 8-bit sRGB: rarely light on dark skin, gray with age."""
    light = rng.random() < 0.65 * max(0.0, 1 - 2.2 * dark)
    hair = _pick(rng, _HAIR_LIGHT if light else _HAIR_DARK)
    brow = hair * rng.uniform(0.6, 1.0)
    if rng.random() < 0.9 * age**2:
        hair = _pick(rng, _HAIR_GRAY)
        brow = (brow + hair * rng.uniform(0, 1)) / 2
    return hair, np.asarray(brow, np.float32)


def _surface(rng: np.random.Generator, plain: Skin, made_up: bool, beard: float) -> Skin:
    """Draw brows' shape, texture, make-up and eyes; return the colours with them."""
    return replace(
        plain,
        brow_shape=(
            float(rng.normal(0.0, 0.10)),
            float(rng.uniform(0.20, 0.50)),
            float(rng.uniform(0.55, 1.0)),
            float(rng.uniform(0.2, 0.8)),
        ),
        texture=(
            float(rng.uniform(0.01, 0.05 + 0.03 * plain.age)),
            float(rng.uniform(0.1, 1.2)),
            float(rng.uniform(0.2, 0.9) if rng.random() < 0.2 else 0.0),
            float(rng.uniform(0.01, 0.12)),
        ),
        makeup=(
            float(rng.uniform(0.02, 0.3 if made_up else 0.12)),
            float(rng.uniform(0.1, 0.7) if made_up else rng.uniform(0.0, 0.15)),
            float(rng.uniform(0.1, 0.8) if made_up else rng.uniform(0.0, 0.12)),
            beard,
        ),
        eye_angle=(float(rng.uniform(0.38, 0.44)), float(rng.uniform(0.10, 0.22))),
        lash=float(rng.uniform(0.3, 0.7) if made_up else rng.uniform(0.1, 0.4)),
        noise_shift=(float(rng.random()), float(rng.random())),
    )


def sample_hair(rng: np.random.Generator, age: float, covered: bool) -> Hair:
    """Draw a haircut: bald, short, with a fringe, long, or covered by cloth."""
    if covered:
        return Hair(float(rng.uniform(3.0, 4.5)), 0.0, 1.6, float(rng.uniform(10, 16)), 1.0)
    style = rng.choice(["bald", "short", "fringe", "long"], p=[0.08, 0.46, 0.12, 0.34])
    if style == "bald":
        return Hair(99.0, 0.0, 0.0, 0.0, 0.0)
    line = float(rng.uniform(1.2, 2.6) if style == "fringe" else rng.uniform(3.8, 5.6 + 0.8 * age))
    temple = float(rng.uniform(-0.8, 1.5 + age))
    volume = float(rng.uniform(0.15, 1.6))
    if style == "short":
        return Hair(line, temple, volume, 0.0, 0.0)
    hangs = style == "long" or rng.random() < 0.5
    length = float(rng.uniform(4.0, 16.0)) if hangs else 0.0
    return Hair(line, temple, volume, length, float(rng.uniform(0.0, 0.8)))
