"""Cut clips of 3-10 s out of a bucket's records, and say how unsure the model was of each.

Rules:
- a clip is one track without a gap; a longer run is cut where the face moves least, so that no
  movement is torn apart;
- the same records always give the same clips, so a clip keeps its name;
- a clip is model-labelled by what lasted: an AU counts as present if it was for 0.4 s altogether,
  a blink if it was in any frame. That is the question the reviewer is asked, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.domain.calibration import PRESENT, SHIPPED, Calibration
from agent.domain.circumstance import SCENES, Circumstance, scene_halves
from agent.domain.derived import ATTENTION_PITCH_DEGREES, ATTENTION_YAW_DEGREES
from agent.domain.facs import AU_LABELS, SIDE_INDEX
from agent.domain.record import (
    ANGLE_STEP_DEGREES,
    AU_STEP,
    MISSING,
    OFFSET_STEP_SECONDS,
    PROBABILITY_STEP,
    QUALITY_STEP,
    Batch,
)
from agent.domain.review import Clip, ClipId, ModelView, Why

SHORTEST_SECONDS, LONGEST_SECONDS = 3.0, 10.0
EARLIEST_CUT_SECONDS = 5.0
"""A long run isn't cut before this, so that its pieces are about equally long."""
GAP_SECONDS = 1.0
"""A track that wasn't seen for longer is cut there."""
FEWEST_FRAMES = 8
LASTS_SECONDS = 0.4
BLINK = AU_LABELS.index("AU45")

MARGIN = 0.3
"""A class that leads by less is unsure."""
THRESHOLD, BAND = PRESENT, 0.3
"""An intensity held this near to where presence begins is unsure."""
SURE_QUALITY = 0.6

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket belongs.

    Attributes:
        bucket: its key's id, hex.
        zone: of the camera.
        start: its first instant, aware UTC.
        deadline: when it must be gone, aware UTC.
    """

    bucket: str
    zone: str
    start: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Piece:
    """A clip with what the model said of it and how unsure it was.

    Attributes:
        clip: what it is.
        model: what the model said.
        uncertainty: 0 (sure) to 1.
        why: what made it so.
    """

    clip: Clip
    model: ModelView
    uncertainty: float
    why: Why


def pieces(batch: Batch, place: Place, calibration: Calibration = SHIPPED) -> list[Piece]:
    """Return a bucket's clips, by track and time.

    Args:
        batch: `RECORD_DTYPE` (N,), in order of time.
        place: where it belongs.
        calibration: says where presence begins, so near what a clip is unsure.
    """
    found = []
    for rows in _tracks(batch):
        for run in _runs(rows):
            for part in _parts(run):
                view = look(part)
                uncertainty, why = unsure(view, calibration)
                found.append(Piece(_clip(part, place), view, uncertainty, why))
    return found


def rows_of(batch: Batch, clip: Clip) -> Batch:
    """Return a clip's records out of its bucket's."""
    end = clip.id.start + round(clip.seconds / OFFSET_STEP_SECONDS)
    offset = batch["offset"].astype(int)
    inside = (batch["track"] == clip.id.track) & (offset >= clip.id.start) & (offset <= end)
    chosen: Batch = batch[inside]
    return chosen


def intensities(batch: Batch) -> Array:
    """Return float64 (N, 19): each AU's stronger side, NaN where it isn't measured."""
    codes = batch["au_sides"].astype(np.float64)
    codes[batch["au_sides"] == MISSING] = np.nan
    return np.stack(
        [np.fmax.reduce(codes[:, list(index)], axis=1) * AU_STEP for index in SIDE_INDEX], 1
    )


def presences(batch: Batch) -> Array:
    """Return bool (N, 19)."""
    bits = np.unpackbits(batch["presence"], axis=1, bitorder="little")
    return bits[:, : len(AU_LABELS)].astype(bool)


def look(part: Batch) -> ModelView:
    """Sum up what the model said of a clip."""
    strength, present = intensities(part), presences(part)
    needed = frames_needed(part)
    ranked = -np.sort(-np.nan_to_num(strength, nan=-1.0), axis=0)
    held: list[float | None] = []
    said: list[bool | None] = []
    for unit in range(len(AU_LABELS)):
        least = 1 if unit == BLINK else needed
        level = float(ranked[least - 1, unit])
        held.append(None if level < 0 else round(level, 1))
        said.append(None if level < 0 else bool(present[:, unit].sum() >= least))
    emotion = None
    if part["emotion"][0, 0] != MISSING:
        mean = part["emotion"].astype(np.float64).mean(0) * PROBABILITY_STEP
        emotion = tuple(round(float(value), 3) for value in mean)
    quality = round(float(part["quality"].mean()) * QUALITY_STEP, 2)
    return ModelView(tuple(said), tuple(held), emotion, quality)


def seen_under(part: Batch) -> tuple[Circumstance, ...]:
    """Return under which circumstances a clip was seen: what held for most of its records.

    Nothing of a pair that no record knows. Turned as `attention` has it.
    """
    known = part["scene"][(part["scene"] >= 1) & (part["scene"] <= SCENES)]
    pitch, yaw = (np.abs(part["pose"][:, axis].astype(int)) * ANGLE_STEP_DEGREES for axis in (0, 1))
    facing = (pitch <= ATTENTION_PITCH_DEGREES) & (yaw <= ATTENTION_YAW_DEGREES)
    turn = Circumstance.FACING if facing.mean() >= 0.5 else Circumstance.TURNED
    if not len(known):
        return (turn,)
    near, bright = ((known - 1) & 1).mean() >= 0.5, ((known - 1) >> 1).mean() >= 0.5
    return (*scene_halves(1 + int(near) + 2 * int(bright)), turn)


def frames_needed(part: Batch) -> int:
    """Return how many frames make 0.4 s in a clip, at least one."""
    seconds = max((int(part["offset"][-1]) - int(part["offset"][0])) * OFFSET_STEP_SECONDS, 0.1)
    wanted = math.ceil(LASTS_SECONDS * (len(part) - 1) / seconds)
    return min(max(wanted, 1), len(part))


def unsure(view: ModelView, calibration: Calibration = SHIPPED) -> tuple[float, Why]:
    """Return how unsure the model was, 0-1, and by which sign most."""
    signs = {Why.MARGIN: 0.0}
    if view.emotion is not None:
        first, second = sorted(view.emotion, reverse=True)[:2]
        signs[Why.MARGIN] = max(0.0, 1 - (first - second) / MARGIN)
    near = [
        max(0.0, 1 - abs(level - calibration.threshold(label)) / BAND)
        for label, level in zip(AU_LABELS, view.held, strict=True)
        if level is not None
    ]
    # Among nineteen one is always near; several together are a sign.
    signs[Why.THRESHOLD] = min(1.0, sum(near) / 4)
    signs[Why.QUALITY] = max(0.0, 1 - view.quality / SURE_QUALITY)
    why = max(signs, key=signs.__getitem__)
    return signs[why], why


def _tracks(batch: Batch) -> Iterator[Batch]:
    """Yield each track's records in order of time."""
    order = np.lexsort((batch["offset"], batch["track"]))
    ordered = batch[order]
    edges = np.flatnonzero(np.diff(ordered["track"].astype(int))) + 1
    for part in np.split(ordered, edges):
        if len(part) >= FEWEST_FRAMES:
            yield part


def _runs(rows: Batch) -> Iterator[Batch]:
    """Yield a track's stretches without a gap."""
    gaps = np.diff(rows["offset"].astype(int)) * OFFSET_STEP_SECONDS > GAP_SECONDS
    for run in np.split(rows, np.flatnonzero(gaps) + 1):
        if _fits(run):
            yield run


def _parts(run: Batch) -> Iterator[Batch]:
    """Yield a run's clips: cut where the face moves least, no piece too short."""
    moved = _movement(run)
    times = run["offset"].astype(int) * OFFSET_STEP_SECONDS
    begin = 0
    while times[-1] - times[begin] > LONGEST_SECONDS:
        since, left = times - times[begin], times[-1] - times
        able = (
            (since >= EARLIEST_CUT_SECONDS)
            & (since <= LONGEST_SECONDS)
            & (left >= SHORTEST_SECONDS)
        )
        places = np.flatnonzero(able)
        if not len(places):
            break
        cut = int(places[np.argmin(moved[places])])
        if _fits(run[begin:cut]):
            yield run[begin:cut]
        begin = cut
    if _fits(run[begin:]):
        yield run[begin:]


def _fits(part: Batch) -> bool:
    """Say whether a stretch is long enough and has enough frames."""
    if len(part) < FEWEST_FRAMES:
        return False
    seconds = (int(part["offset"][-1]) - int(part["offset"][0])) * OFFSET_STEP_SECONDS
    return seconds >= SHORTEST_SECONDS - OFFSET_STEP_SECONDS / 2


def _movement(run: Batch) -> Array:
    """Return how much the face moves at each record, (N,): the change of all AUs, smoothed."""
    strength = np.nan_to_num(intensities(run))
    change = np.abs(np.diff(strength, axis=0, prepend=strength[:1])).sum(1)
    return np.convolve(change, np.ones(3) / 3, mode="same")


def _clip(part: Batch, place: Place) -> Clip:
    first, last = int(part["offset"][0]), int(part["offset"][-1])
    return Clip(
        id=ClipId(place.bucket, int(part["track"][0]), first),
        zone=place.zone,
        at=place.start + timedelta(seconds=first * OFFSET_STEP_SECONDS),
        seconds=round((last - first) * OFFSET_STEP_SECONDS, 1),
        frames=len(part),
        deadline=place.deadline,
    )
