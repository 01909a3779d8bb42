"""Numbers derived from Action Units, expression categories and head pose. Pure formulas.

None of these is a measurement of what somebody feels. Facial movements are neither reliable nor
specific enough for that (Barrett et al. 2019, *Psychological Science in the Public Interest*
20(1)); pages therefore say "movement observed" and "expression category".

Valence and arousal are the centre of gravity of the eight expression probabilities, placed on
the plane below. **The placement is a convention of this project**, not a measurement: the order
around the circle follows the circumplex of Russell (1980, *Journal of Personality and Social
Psychology* 39(6)), the coordinates are rounded to 0.1 by hand, and a neutral face is the origin.
Another placement gives other numbers, so compare only numbers made with the same version.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from agent.domain.facs import AU_LABELS, MAX_INTENSITY
from agent.domain.observation import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACEMENT: dict[str, tuple[float, float]] = {
    "neutral": (0.0, 0.0),
    "happiness": (0.9, 0.3),
    "surprise": (0.2, 0.9),
    "sadness": (-0.8, -0.4),
    "anger": (-0.6, 0.7),
    "disgust": (-0.7, 0.2),
    "fear": (-0.6, 0.8),
    "contempt": (-0.5, 0.1),
}
"""Valence and arousal of each expression category, both -1 to 1; see the module's docstring."""

_VALENCE = tuple(PLACEMENT[name][0] for name in EMOTIONS)
_AROUSAL = tuple(PLACEMENT[name][1] for name in EMOTIONS)

EXPRESSIVE = tuple(i for i, label in enumerate(AU_LABELS) if label != "AU45")
"""Positions in `AU_LABELS` that count as expression; a blink (AU45) is mostly physiology."""

ATTENTION_YAW_DEGREES = 20.0
ATTENTION_PITCH_DEGREES = 15.0


def valence(emotion: Sequence[float] | None) -> float | None:
    """Place an expression between unpleasant (-1) and pleasant (1).

    Args:
        emotion: 8 probabilities in the order of `EMOTIONS`, or None where not computed.

    Returns:
        Mean of the categories' valence, weighted by probability; None where nothing is known.
    """
    return _centre(emotion, _VALENCE)


def arousal(emotion: Sequence[float] | None) -> float | None:
    """Place an expression between calm (-1) and activated (1); arguments as for `valence`."""
    return _centre(emotion, _AROUSAL)


def _centre(emotion: Sequence[float] | None, places: tuple[float, ...]) -> float | None:
    # Quantised probabilities may sum to 0.98 or 1.02; dividing by the sum takes that out.
    if emotion is None or (total := sum(emotion)) <= 0:
        return None
    return sum(p * place for p, place in zip(emotion, places, strict=True)) / total


def expressiveness(intensities: Sequence[float]) -> float:
    """Say how much of the face moves, 0 (still) to 1 (every AU at its maximum).

    Args:
        intensities: 19 intensities, 0-5, in the order of `AU_LABELS`; NaN where not measured.

    Returns:
        Mean intensity over all measured AUs but the blink, divided by 5; NaN without any. Two
        backends that measure different AUs aren't comparable by it.
    """
    known = [intensities[i] for i in EXPRESSIVE if not math.isnan(intensities[i])]
    return sum(known) / (len(known) * MAX_INTENSITY) if known else math.nan


def attention(pitch: float, yaw: float) -> bool:
    """Say whether the head faces the camera: |yaw| <= 20 and |pitch| <= 15 degrees.

    It is the head's direction and nothing else: not gaze, not interest.
    """
    return abs(yaw) <= ATTENTION_YAW_DEGREES and abs(pitch) <= ATTENTION_PITCH_DEGREES
