"""From an observation to the codes that may be written; everything else of it ends here.

Rules: values are clipped to the register's range and rounded to its steps; a value that isn't
finite was not measured and becomes the code for missing, never 0. Box, landmarks, confidence and
the continuous values themselves are dropped by having no field to go to.
"""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import numpy.typing as npt

from agent.domain.circumstance import scene_code
from agent.domain.facs import MAX_INTENSITY
from agent.domain.observation import EMOTIONS, Floats, Observation
from agent.domain.record import (
    ANGLE_STEP_DEGREES,
    AU_STEP,
    MISSING,
    OFFSET_STEP_SECONDS,
    PROBABILITY_STEP,
    QUALITY_STEP,
    FeatureRecord,
)

ANGLE_MISSING = -128
_ANGLE_MAX = 127
_NO_EMOTION = (MISSING,) * len(EMOTIONS)


def minimise(
    observation: Observation, *, at: datetime, bucket_start: datetime, track: int
) -> FeatureRecord:
    """Quantise one observation to the register's steps.

    Args:
        observation: of one face; a side of an AU that is NaN becomes `MISSING`, as do gaze and
            emotion where they weren't computed.
        at: when the frame was taken, aware UTC.
        bucket_start: aware UTC; the record's offset counts from here.
        track: the id that stands for the visit within this bucket, 0-65535.

    Returns:
        A record in which nothing is finer than the register says.

    Raises:
        ValueError: `at` is naive or outside the 65,535 steps after `bucket_start`, `track` is out
            of range, or head pose or quality, which every backend measures, isn't finite.
    """
    if not 0 <= track <= 0xFFFF:
        raise ValueError("track isn't within 0-65535")
    pose = _angles(observation.pose)
    if ANGLE_MISSING in pose or not math.isfinite(observation.quality):
        raise ValueError("an observation without head pose or quality isn't one")
    gaze = _angles(observation.gaze)
    return FeatureRecord(
        offset=_offset(at, bucket_start),
        track=track,
        au_sides=_codes(observation.au_sides, AU_STEP, MAX_INTENSITY),
        presence=sum(1 << i for i, present in enumerate(observation.presence) if present),
        scene=0 if observation.scene is None else scene_code(observation.scene),
        emotion=_emotion(observation.emotion),
        pose=(pose[0], pose[1], pose[2]),
        # A direction with one half missing isn't a direction.
        gaze=(ANGLE_MISSING,) * 2 if ANGLE_MISSING in gaze else (gaze[0], gaze[1]),
        quality=round(min(max(observation.quality, 0.0), 1.0) / QUALITY_STEP),
        calibrated=int(observation.calibrated),
    )


def _offset(at: datetime, bucket_start: datetime) -> int:
    if at.utcoffset() is None or bucket_start.utcoffset() is None:
        raise ValueError("an instant is naive")
    steps = math.floor((at - bucket_start).total_seconds() / OFFSET_STEP_SECONDS + 1e-6)
    if not 0 <= steps <= 0xFFFF:
        raise ValueError("the frame isn't within its bucket")
    return steps


def _codes(values: Floats, step: float, top: float) -> tuple[int, ...]:
    steps = np.rint(np.clip(np.nan_to_num(values, nan=0.0), 0.0, top) / step)
    measured = np.where(np.isnan(values), MISSING, steps)
    return tuple(int(code) for code in measured)


def _emotion(probabilities: Floats | None) -> tuple[int, ...]:
    """All classes or none: probabilities with a hole in them can't be compared."""
    if probabilities is None or not bool(np.all(np.isfinite(probabilities))):
        return _NO_EMOTION
    return _codes(probabilities, PROBABILITY_STEP, 1.0)


def _angles(degrees: Floats) -> list[int]:
    finite: npt.NDArray[np.bool_] = np.isfinite(degrees)
    steps = np.rint(np.where(finite, degrees, 0.0) / ANGLE_STEP_DEGREES)
    codes = np.where(finite, np.clip(steps, -_ANGLE_MAX, _ANGLE_MAX), ANGLE_MISSING)
    return [int(code) for code in codes]
