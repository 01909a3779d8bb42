"""Add a whole batch of records to a bucket's sums at once: for opened buckets, not for the camera.

The same numbers as `BucketWindow.add` record by record, within rounding; a test compares them.
Sums are taken over the integer codes of a track and scaled once, so millions of records take a
second or so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.aggregate.window import BucketWindow
from agent.domain.blink import AU45, LONGEST_SECONDS, WIDEST_GAP_SECONDS
from agent.domain.derived import (
    ATTENTION_PITCH_DEGREES,
    ATTENTION_YAW_DEGREES,
    EXPRESSIVE,
    PLACEMENT,
)
from agent.domain.facs import AU_LABELS, MAX_INTENSITY, SIDE_INDEX
from agent.domain.observation import EMOTIONS
from agent.domain.record import (
    ANGLE_STEP_DEGREES,
    AU_STEP,
    MISSING,
    OFFSET_STEP_SECONDS,
    RECORD_DTYPE,
    Batch,
    reordered,
)

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
    # By track, then by time; numpy sorts 16-bit numbers in linear time.
    by_time = np.argsort(batch["offset"], kind="stable")
    order = by_time[np.argsort(batch["track"][by_time], kind="stable")]
    batch = reordered(batch, order)
    starts = np.flatnonzero(np.diff(batch["track"].astype(np.int32), prepend=-1))
    columns = _Columns(batch)
    blinks, watched = _blinks(columns, batch["offset"], starts)
    parts = (_units(columns, starts), _pose(columns, starts), blinks, _emotions(columns, starts))
    sums = np.concatenate([part[0] for part in parts])
    counts = np.concatenate([part[1] for part in parts])
    for place, track in enumerate(batch["track"][starts]):
        window.add_sums(int(track), sums[:, place], counts[:, place], float(watched[place]))


class _Columns:
    """A batch turned on its side, so that each field's bytes lie together."""

    def __init__(self, batch: Batch) -> None:
        width = RECORD_DTYPE.itemsize
        self._rows = np.ascontiguousarray(batch.view(np.uint8).reshape(-1, width).T)

    def __getitem__(self, field: str) -> _Codes:
        fields = RECORD_DTYPE.fields
        assert fields is not None
        kind, offset = fields[field][:2]
        return self._rows[offset : offset + kind.itemsize]


def _units(columns: _Columns, starts: npt.NDArray[np.intp]) -> tuple[_Sums, _Sums]:
    """Return sums and counts of presence, intensity and expressiveness, (39, tracks)."""
    sides = columns["au_sides"] + np.uint8(1)  # a missing code wraps to 0 and loses
    stronger = np.stack([_strongest(sides, positions) for positions in SIDE_INDEX])
    known = (stronger > 0).astype(np.uint8)
    stronger -= known  # back to codes, 0 where nothing was measured
    presence = columns["presence"]  # three rows, lowest bits first
    present = np.stack([presence[i // 8] >> (i % 8) & 1 for i in range(len(AU_LABELS))]) & known
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


def _pose(columns: _Columns, starts: npt.NDArray[np.intp]) -> tuple[_Sums, _Sums]:
    """Return sums and counts of the settled baseline and of attention, (2, tracks)."""
    pitch, yaw, _ = columns["pose"].view(np.int8)
    facing = (
        (pitch <= _PITCH_STEPS)
        & (pitch >= -_PITCH_STEPS)
        & (yaw <= _YAW_STEPS)
        & (yaw >= -_YAW_STEPS)
    )
    sums = _by_track(np.stack([columns["calibrated"][0], facing.view(np.uint8)]), starts)
    lengths = np.diff(starts, append=len(facing)).astype(np.float64)
    return sums, np.broadcast_to(lengths, sums.shape)


def _blinks(
    columns: _Columns, offset: npt.NDArray[np.uint16], starts: npt.NDArray[np.intp]
) -> tuple[tuple[_Sums, _Sums], npt.NDArray[np.float64]]:
    """Return blinks and watched steps, each (1, tracks), and watched seconds (tracks,).

    As `agent.domain.blink.Blinks`, for all tracks at once; records are in the order of time.
    """
    known = np.any([columns["au_sides"][side] != MISSING for side in SIDE_INDEX[AU45]], axis=0)
    place = np.flatnonzero(known)  # records that don't tell AU45 are passed over
    track = np.searchsorted(starts, place, side="right") - 1
    closed = (columns["presence"][AU45 // 8] >> (AU45 % 8) & 1)[place].astype(np.bool_)
    steps = offset[place].astype(np.int64)
    gap = np.diff(steps, prepend=0)
    joined = (gap <= round(WIDEST_GAP_SECONDS / OFFSET_STEP_SECONDS)) & (
        np.diff(track, prepend=-1) == 0
    )
    before = np.concatenate([[False], closed[:-1]])
    number = np.arange(len(place))
    broken = np.maximum.accumulate(np.where(joined, -1, number))
    began = np.maximum.accumulate(np.where(joined & closed & ~before, number, -1))
    length = steps - steps[began]
    short = length <= round(LONGEST_SECONDS / OFFSET_STEP_SECONDS)
    ended = joined & ~closed & before & (began > broken) & short
    count = len(starts)
    seconds = np.bincount(track, gap * joined, count) * OFFSET_STEP_SECONDS
    sums, counts = (
        np.bincount(track, what, count)[None].astype(np.float64) for what in (ended, joined)
    )
    return (sums, counts), seconds.astype(np.float64)


def _emotions(columns: _Columns, starts: npt.NDArray[np.intp]) -> tuple[_Sums, _Sums]:
    """Return sums and counts of shares, valence and arousal, (10, tracks)."""
    codes = columns["emotion"]
    known = codes[0] != MISSING
    if not known.any():
        nothing = np.zeros((len(EMOTIONS) + 2, len(starts)))
        return nothing, nothing
    shares = codes.astype(np.float32) * known
    shares /= np.maximum(shares.sum(0), 1)
    by_track = np.add.reduceat(shares, starts, axis=1, dtype=np.float64)
    sums = np.concatenate([by_track, _PLACES.T @ by_track])
    return sums, np.broadcast_to(_by_track(known[None], starts), sums.shape)


def _by_track(columns: npt.NDArray[np.uint8 | np.bool_], starts: npt.NDArray[np.intp]) -> _Sums:
    """Add up each track's stretch of each column."""
    summed = np.add.reduceat(columns.view(np.uint8), starts, axis=1, dtype=np.uint32)
    return summed.astype(np.float64)
