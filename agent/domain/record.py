"""What may be written of one face at one instant: codes, not measurements.

`FeatureRecord` is the first type that may leave memory, and only sealed. Its fields are exactly
those of `policies/features.toml`; a test keeps the two equal. Each value is an integer code, in
steps of the register's resolution, so that nothing finer than the register says is ever stored.
Landmarks, boxes, crops, embeddings, baselines and identity have no field here, on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS
from agent.domain.observation import EMOTIONS

OFFSET_STEP_SECONDS = 0.1
AU_STEP = 0.2
"""Intensity on FACS' 0-5 scale: 26 levels."""
ANGLE_STEP_DEGREES = 3.0
PROBABILITY_STEP = 0.01
QUALITY_STEP = 0.05
PRESENCE_BYTES = 3
MISSING = 255
"""Code of a value that doesn't exist (a head that isn't loaded); never 0."""

RECORD_DTYPE = np.dtype(
    [
        ("offset", "<u2"),
        ("track", "<u2"),
        ("au_sides", "u1", (len(AU_SIDE_LABELS),)),
        ("presence", "u1", (PRESENCE_BYTES,)),
        ("scene", "u1"),
        ("emotion", "u1", (len(EMOTIONS),)),
        ("pose", "i1", (3,)),
        ("gaze", "i1", (2,)),
        ("quality", "u1"),
        ("calibrated", "u1"),
    ]
)
"""Fixed-width layout of the codes, for batches and for the sealed payload.

`scene` was the always empty fourth byte of `presence` once, so what was sealed then reads as not
known, and no format had to change.
"""

Batch = npt.NDArray[np.void]
"""One-dimensional array of `RECORD_DTYPE`."""


@dataclass(frozen=True, slots=True)
class FeatureRecord:
    """One face at one instant.

    Attributes:
        offset: since the bucket's start, steps of 0.1 s, 0-65535.
        track: random id of the visit within this bucket, 0-65535; means nothing elsewhere.
        au_sides: 32 codes, steps of 0.2 on the 0-5 scale, order of `facs.AU_SIDE_LABELS`; 255
            where the backend doesn't measure one.
        presence: bit i set when AU i of `facs.AU_LABELS` is present; 24 bits.
        scene: near or far, bright or dim, 1-4 as `circumstance.scene_code`; 0 where not known.
        emotion: 8 codes, steps of 0.01, order of `EMOTIONS`; all 255 where not computed.
        pose: pitch, yaw, roll, steps of 3 degrees, -127-127.
        gaze: yaw, pitch, steps of 3 degrees, -127-127; (-128, -128) where not computed.
        quality: steps of 0.05, 0-20.
        calibrated: 1 when the visit's neutral baseline was settled, else 0.
    """

    offset: int
    track: int
    au_sides: tuple[int, ...]
    presence: int
    scene: int = field(default=0, kw_only=True)
    emotion: tuple[int, ...]
    pose: tuple[int, int, int]
    gaze: tuple[int, int]
    quality: int
    calibrated: int

    def au_intensity(self) -> tuple[float, ...]:
        """Return the 32 sides' intensities, 0-5; NaN where a backend doesn't measure one."""
        return tuple(nan if code == MISSING else code * AU_STEP for code in self.au_sides)

    def present(self) -> tuple[bool, ...]:
        """Return, for each of the 19 AUs, whether it is present."""
        return tuple(bool(self.presence >> i & 1) for i in range(len(AU_LABELS)))

    def emotion_probability(self) -> tuple[float, ...] | None:
        """Return the 8 probabilities (they sum to 1 within rounding), or None."""
        if self.emotion[0] == MISSING:
            return None
        return tuple(code * PROBABILITY_STEP for code in self.emotion)


def to_batch(records: list[FeatureRecord]) -> Batch:
    """Lay records out as an array of `RECORD_DTYPE`."""
    rows = [
        (r.offset, r.track, r.au_sides, tuple(r.presence.to_bytes(PRESENCE_BYTES, "little")),
         r.scene, r.emotion, r.pose, r.gaze, r.quality, r.calibrated)
        for r in records
    ]  # fmt: skip
    return np.array(rows, RECORD_DTYPE)


def reordered(batch: Batch, order: npt.NDArray[np.intp]) -> Batch:
    """Return a batch's records in another order.

    As plain bytes: numpy copies structured elements field by field, forty times slower.
    """
    taken: Batch = batch.view(f"V{RECORD_DTYPE.itemsize}").take(order).view(RECORD_DTYPE)
    return taken


def from_batch(batch: Batch) -> list[FeatureRecord]:
    """Read records back from an array of `RECORD_DTYPE`."""
    return [
        FeatureRecord(
            offset=int(row["offset"]),
            track=int(row["track"]),
            au_sides=tuple(int(v) for v in row["au_sides"]),
            presence=int.from_bytes(row["presence"].tobytes(), "little"),
            scene=int(row["scene"]),
            emotion=tuple(int(v) for v in row["emotion"]),
            pose=(int(row["pose"][0]), int(row["pose"][1]), int(row["pose"][2])),
            gaze=(int(row["gaze"][0]), int(row["gaze"][1])),
            quality=int(row["quality"]),
            calibrated=int(row["calibrated"]),
        )
        for row in batch
    ]
