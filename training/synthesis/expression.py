"""From Action Unit intensities to the face model's blend shapes, and back where geometry decides.

The correspondence is **a stated convention of this project, not certified FACS coding**: intensity
5 of an AU is the weight given here of its blend shape(s), and the steps between are linear: FACS'
levels A to E are ordered, their ranges unequal, and no published table gives shape weights for
them. Which shape belongs to which AU follows the names' own definitions (ARKit's blend-shape
locations; ICT-FaceKit's `cheekRaiser`) and the appearance changes of the FACS manual (Ekman,
Friesen & Hager 2002). Weights above 1 stretch a shape that is fainter in the face model than in
the strongest real faces we looked at.

| AU | blend shape (ARKit-like names; `_L`/`_R` are the subject's own) |
|---|---|
| 1, 2 | 1.3 browInnerUp, 1.1 browOuterUp |
| 4 | 1.2 browDown, browSink and browPinch (shapes of our own: `own_shapes`); 1 + 4 stays oblique |
| 5, 7, 45 | 1.2 eyeWide, 1.5 eyeSquint, eyeBlink |
| 6 | cheekRaiser, and 0.3 cheekSquint |
| 9, 10 | noseSneer and 0.3 browSink (a wrinkled nose lowers the inner brow), mouthUpperUp |
| 12, 14, 15, 20 | mouthSmile, mouthDimple, 1.2 mouthFrown, mouthStretch |
| 17 | mouthShrugLower |
| 23 | 0.55 mouthRollLower, 0.55 mouthRollUpper, 0.3 mouthPress, 0.2 mouthPucker |
| 24 | mouthPress of both sides, 0.25 mouthRollLower, 0.25 mouthRollUpper |
| 26 | 0.75 jawOpen (the whole shape is FACS AU27, mouth stretch) |
| 28 | mouthRollLower and mouthRollUpper |

AU25 drives nothing. It is read off the final mesh by `lips_part_intensity`.

Lids can't be added freely: a wide eye that blinks, or a squint or a downward gaze during a blink,
would push the lids through each other, so `shape_weights` gives the blink precedence.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_SIDE_LABELS, MAX_INTENSITY

Array = npt.NDArray[np.float32]

SIDE_COUNT = len(AU_SIDE_LABELS)
"""32 outputs."""

PAIRED_SHAPES: dict[str, tuple[tuple[str, float], ...]] = {
    "AU01": (("browInnerUp", 1.3),),
    "AU02": (("browOuterUp", 1.1),),
    "AU04": (("browDown", 1.2), ("browSink", 1.0), ("browPinch", 1.0)),
    "AU05": (("eyeWide", 1.2),),
    "AU06": (("cheekRaiser", 1.0), ("cheekSquint", 0.3)),
    "AU07": (("eyeSquint", 1.5),),
    "AU09": (("noseSneer", 1.0), ("browSink", 0.3)),
    "AU10": (("mouthUpperUp", 1.0),),
    "AU12": (("mouthSmile", 1.0),),
    "AU14": (("mouthDimple", 1.0),),
    "AU15": (("mouthFrown", 1.2),),
    "AU20": (("mouthStretch", 1.0),),
    "AU45": (("eyeBlink", 1.0),),
}
"""Shapes of an AU with two sides, without their side."""

SINGLE_SHAPES: dict[str, tuple[tuple[str, float], ...]] = {
    "AU17": (("mouthShrugLower", 1.0),),
    "AU23": (
        ("mouthRollLower", 0.55),
        ("mouthRollUpper", 0.55),
        ("mouthPress_L", 0.3),
        ("mouthPress_R", 0.3),
        ("mouthPucker", 0.2),
    ),
    "AU24": (
        ("mouthPress_L", 1.0),
        ("mouthPress_R", 1.0),
        ("mouthRollLower", 0.25),
        ("mouthRollUpper", 0.25),
    ),
    "AU26": (("jawOpen", 0.75),),
    "AU28": (("mouthRollLower", 1.0), ("mouthRollUpper", 1.0)),
}
"""Shapes of an AU without sides, in full."""

MOST: dict[str, float] = {
    "browInnerUp": 1.3,
    "browOuterUp": 1.1,
    "browDown": 1.2,
    "eyeWide": 1.2,
    "eyeSquint": 1.5,
    "mouthFrown": 1.2,
}
"""Largest weight of a shape that may be stretched, without its side; all others stop at 1."""

AU25_INDEX = AU_SIDE_LABELS.index("AU25")

LIPS_PART_FULL = 0.30
"""Gap between the lips, over the neutral mouth's width, that counts as intensity 5."""

LIPS_PART_DEAD = 0.01
"""Gap, over the neutral mouth's width, up to which lips count as closed."""

_INNER_UPPER = (61, 62, 63)
_INNER_LOWER = (67, 66, 65)


def _side_shapes(label: str) -> tuple[tuple[str, float], ...]:
    """Name the blend shapes and their weights at intensity 5 for one output."""
    base, _, side = label.partition("_")
    if side:
        return tuple((f"{shape}_{side}", weight) for shape, weight in PAIRED_SHAPES[base])
    return SINGLE_SHAPES.get(base, ())


SIDE_SHAPES: tuple[tuple[tuple[str, float], ...], ...] = tuple(map(_side_shapes, AU_SIDE_LABELS))
"""For each of the 32 outputs, its shapes and weights at intensity 5."""


def shape_weights(
    au: Array, nuisance: Mapping[str, float], gaze: tuple[float, float]
) -> dict[str, float]:
    """Turn Action Units, nuisance shapes and gaze into blend-shape weights.

    Args:
        au: float32 (32,), intensity 0-5 in `AU_SIDE_LABELS` order; AU25 is ignored.
        nuisance: extra shapes and their weights, for example `{"jawLeft": 0.4}`.
        gaze: yaw and pitch of the eyes in the head, degrees (left and up are positive).

    Returns:
        Weight for each shape that is not 0, at most 1 or what `MOST` says.
    """
    weights: dict[str, float] = dict(nuisance)
    for intensity, shapes in zip(au.tolist(), SIDE_SHAPES, strict=True):
        for shape, full in shapes:
            weights[shape] = weights.get(shape, 0.0) + full * intensity / MAX_INTENSITY
    for shape, weight in _lid_follow(gaze).items():
        weights[shape] = weights.get(shape, 0.0) + weight
    for side in "LR":
        _settle_lids(weights, side)
        _settle_brow(weights, side)
    return {
        shape: min(weight, MOST.get(shape.removesuffix("_L").removesuffix("_R"), 1.0))
        for shape, weight in weights.items()
        if weight > 1e-4
    }


def _lid_follow(gaze: tuple[float, float]) -> dict[str, float]:
    """Let the lids follow the eye: a full shape at 35 degrees sideways, 30 up or down."""
    yaw, pitch = gaze
    left, right = ("Out", "In") if yaw > 0 else ("In", "Out")
    vertical = "Up" if pitch > 0 else "Down"
    return {
        f"eyeLook{left}_L": min(abs(yaw) / 35.0, 1.0),
        f"eyeLook{right}_R": min(abs(yaw) / 35.0, 1.0),
        f"eyeLook{vertical}_L": min(abs(pitch) / 30.0, 1.0),
        f"eyeLook{vertical}_R": min(abs(pitch) / 30.0, 1.0),
    }


def _settle_brow(weights: dict[str, float], side: str) -> None:
    """Let a raised inner brow keep a lowered one up, so that 1 + 4 stands oblique (changes it)."""
    raised = min(weights.get(f"browInnerUp_{side}", 0.0) / MOST["browInnerUp"], 1.0)
    for shape, fade in (("browDown", 0.7), ("browSink", 0.85)):
        name = f"{shape}_{side}"
        weights[name] = weights.get(name, 0.0) * (1.0 - fade * raised)


def _settle_lids(weights: dict[str, float], side: str) -> None:
    """Fade what opens or also closes an eye while it blinks; changes `weights`."""
    blink = min(weights.get(f"eyeBlink_{side}", 0.0), 1.0)
    for shape, fade in (("eyeWide", 1.0), ("eyeSquint", 0.8), ("eyeLookUp", 1.0)):
        name = f"{shape}_{side}"
        weights[name] = weights.get(name, 0.0) * (1.0 - fade * blink)
    down = f"eyeLookDown_{side}"
    weights[down] = weights.get(down, 0.0) * (1.0 - blink)


def lips_part_intensity(landmarks: Array, neutral: Array) -> float:
    """Score AU25 from the mesh: how far apart the inner lips are.

    `5 * sqrt(clip((g - 0.01) / 0.29, 0, 1))`, where g is the mean distance of the three inner-lip
    pairs minus the same in the neutral face, over the neutral mouth's width. The root gives small
    gaps, which decide whether teeth show, their share of the scale: 2.5 mm is about 2, 6 mm about
    3, 15 mm is 5.

    Args:
        landmarks: float32 (68, 3), the face as posed, in its own frame.
        neutral: float32 (68, 3), the same person without expression.

    Returns:
        Intensity 0-5.
    """
    width = float(np.linalg.norm(neutral[54] - neutral[48]))
    gap = lip_gap(landmarks) - lip_gap(neutral)
    share = (gap / width - LIPS_PART_DEAD) / (LIPS_PART_FULL - LIPS_PART_DEAD)
    return MAX_INTENSITY * float(np.sqrt(np.clip(share, 0.0, 1.0)))


def lip_gap(landmarks: Array) -> float:
    """Measure how far, on average, the lower inner lip lies under or before the upper."""
    apart = landmarks[list(_INNER_UPPER)] - landmarks[list(_INNER_LOWER)]
    # Signed by height: lips that roll over each other don't count as parted.
    return float((np.linalg.norm(apart, axis=1) * np.sign(apart[:, 1])).mean())
