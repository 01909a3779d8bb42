"""Add a whole batch of records to a bucket's sums at once: for opened buckets, not for the camera.

The same numbers as `BucketWindow.add` record by record, within rounding; a test compares them.
Sums are taken over the integer codes of a track and scaled once, so millions of records take a
second or so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.aggregate.window import BucketWindow
from agent.domain.derived import (
    ATTENTION_PITCH_DEGREES,
    ATTENTION_YAW_DEGREES,
    EXPRESSIVE,
    PLACEMENT,
)
from agent.domain.facs import AU_LABELS, MAX_INTENSITY, SIDE_INDEX
from agent.domain.observation import EMOTIONS
from agent.domain.record import ANGLE_STEP_DEGREES, AU_STEP, MISSING, Batch

_Codes = npt.NDArray[np.uint8]
_Sums = npt.NDArray[np.float64]
_PITCH_STEPS = int(ATTENTION_PITCH_DEGREES / ANGLE_STEP_DEGREES)
_YAW_STEPS = int(ATTENTION_YAW_DEGREES / ANGLE_STEP_DEGREES)
_PLACES = np.array([PLACEMENT[name] for name in EMOTIONS])


def add_batch(window: BucketWindow, batch: Batch) -> None:
    """Add the records of one bucket.

    Args:
        window: of the bucket; its ticks are counted apart, they aren't in the records.
        batch: `RECORD_DTYPE` (N,), in any order, N may be 0.
    """
    if not len(batch):
        return
    # By track; numpy sorts 16-bit numbers in linear time.
    batch = batch[np.argsort(batch["track"], kind="stable")]
    starts = np.flatnonzero(np.diff(batch["track"].astype(np.int32), prepend=-1))
    parts = (_units(batch, starts), _pose(batch, starts), _emotions(batch, starts))
    sums = np.concatenate([part[0] for part in parts])
    counts = np.concatenate([part[1] for part in parts])
    for place, track in enumerate(batch["track"][starts]):
        window.add_sums(int(track), sums[:, place], counts[:, place])


def _units(batch: Batch, starts: npt.NDArray[np.intp]) -> tuple[_Sums, _Sums]:
    """Return sums and counts of presence, intensity and expressiveness, (39, tracks)."""
    sides = np.ascontiguousarray(batch["au_sides"].T)
    sides += 1  # a missing code wraps to 0 and loses against every other
    stronger = np.stack([_strongest(sides, positions) for positions in SIDE_INDEX])
    known = (stronger > 0).astype(np.uint8)
    stronger -= known  # back to codes, 0 where nothing was measured
    bits = np.unpackbits(
        np.ascontiguousarray(batch["presence"]).view(np.uint8).reshape(-1, 4),
        axis=1,
        count=len(AU_LABELS),
        bitorder="little",
    )
    present = np.ascontiguousarray(bits.T) & known
    moving = list(EXPRESSIVE)
    measured = np.add.reduce(known[moving], axis=0, dtype=np.uint8)
    total = np.add.reduce(stronger[moving], axis=0, dtype=np.uint16)
    expressed = total * (AU_STEP / MAX_INTENSITY) / np.maximum(measured, 1)
    counts = _by_track(known, starts)
    sums = np.concatenate(
        [
            _by_track(present, starts),
            _by_track(stronger, starts) * AU_STEP,
            np.add.reduceat(expressed, starts)[None],
        ]
    )
    return sums, np.concatenate([counts, counts, _by_track(measured[None] > 0, starts)])


def _strongest(sides: _Codes, positions: tuple[int, ...]) -> _Codes:
    found: _Codes = sides[positions[0]]
    for position in positions[1:]:
        found = np.maximum(found, sides[position])
    return found


def _pose(batch: Batch, starts: npt.NDArray[np.intp]) -> tuple[_Sums, _Sums]:
    """Return sums and counts of the settled baseline and of attention, (2, tracks)."""
    pose = batch["pose"]
    pitch, yaw = pose[:, 0], pose[:, 1]
    facing = (
        (pitch <= _PITCH_STEPS)
        & (pitch >= -_PITCH_STEPS)
        & (yaw <= _YAW_STEPS)
        & (yaw >= -_YAW_STEPS)
    )
    sums = _by_track(np.stack([batch["calibrated"], facing.astype(np.uint8)]), starts)
    lengths = np.diff(starts, append=len(batch)).astype(np.float64)
    return sums, np.broadcast_to(lengths, sums.shape)


def _emotions(batch: Batch, starts: npt.NDArray[np.intp]) -> tuple[_Sums, _Sums]:
    """Return sums and counts of shares, valence and arousal, (10, tracks)."""
    known = batch["emotion"][:, 0] != MISSING
    if not known.any():
        nothing = np.zeros((len(EMOTIONS) + 2, len(starts)))
        return nothing, nothing
    shares = batch["emotion"].astype(np.float32)
    shares[~known] = 0
    shares /= np.maximum(shares.sum(1, keepdims=True), 1)
    by_track = np.add.reduceat(shares, starts, axis=0, dtype=np.float64)
    sums = np.concatenate([by_track, by_track @ _PLACES], axis=1).T
    counts = _by_track(known[None], starts)
    return sums, np.broadcast_to(counts, sums.shape)


def _by_track(columns: npt.NDArray[np.uint8 | np.bool_], starts: npt.NDArray[np.intp]) -> _Sums:
    """Add up each track's stretch of each column."""
    summed = np.add.reduceat(columns.view(np.uint8), starts, axis=1, dtype=np.uint32)
    return summed.astype(np.float64)
