"""Gather one zone's bucket in memory: running sums per track, no record is kept.

Rules: every tick of the camera is counted with its status; a face-record adds to the sums of its
track; nothing here is written anywhere. `summary()` gives pure moments from which suppression
makes released rows and which can be pooled over zones.

Source of the interval: ratio estimator with tracks as clusters, linearised variance with the
T/(T-1) correction (Cochran 1977, *Sampling Techniques*, 3rd ed., sections 6.3 and 9A).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agent.domain import derived
from agent.domain.aggregate import (
    AROUSAL,
    ATTENTION,
    BLINK_RATE,
    CALIBRATED_SHARE,
    EXPRESSIVENESS,
    VALENCE,
    au_intensity,
    au_rate,
    emotion_share,
    expressiveness_when,
    quality_when,
)
from agent.domain.blink import AU45, Blinks
from agent.domain.circumstance import Circumstance, Scene, circumstances
from agent.domain.facs import AU_LABELS, SIDE_INDEX
from agent.domain.frame import FrameStatus
from agent.domain.observation import EMOTIONS
from agent.domain.record import (
    ANGLE_STEP_DEGREES,
    AU_STEP,
    MISSING,
    OFFSET_STEP_SECONDS,
    QUALITY_STEP,
    FeatureRecord,
)

if TYPE_CHECKING:
    from datetime import datetime

_FACE_METRICS = (
    *(au_rate(label) for label in AU_LABELS),
    *(au_intensity(label) for label in AU_LABELS),
    EXPRESSIVENESS,
    CALIBRATED_SHARE,
    ATTENTION,
    BLINK_RATE,
)
_EMOTION_METRICS = (*(emotion_share(name) for name in EMOTIONS), VALENCE, AROUSAL)
_COLUMNS = _FACE_METRICS + _EMOTION_METRICS
_EXPRESSED, _FACING = _COLUMNS.index(EXPRESSIVENESS), _COLUMNS.index(ATTENTION)
_BLINK = _COLUMNS.index(BLINK_RATE)
"""In a track's sums this column holds blinks, and in its counts the steps that were watched."""
_PLACE = {one: place for place, one in enumerate(Circumstance)}
_SCENES = tuple(
    name(one) for name in (quality_when, expressiveness_when) for one in Circumstance
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moments:
    """What is needed of one metric to estimate its mean, and to pool it with another zone's.

    With n_t records and sum s_t of track t:

    Attributes:
        samples: sum of n_t.
        total: sum of s_t.
        tracks: number of tracks with n_t > 0.
        ss: sum of s_t squared.
        sn: sum of s_t n_t.
        nn: sum of n_t squared.
        largest: largest n_t.
    """

    samples: int
    total: float
    tracks: int
    ss: float
    sn: float
    nn: float
    largest: int

    @property
    def value(self) -> float | None:
        """Mean over face-records; None without any."""
        return self.total / self.samples if self.samples else None

    @property
    def standard_error(self) -> float | None:
        """Standard error of `value`, clustered by track; None with fewer than two tracks."""
        if self.tracks < 2 or (mean := self.value) is None:
            return None
        # Sum over tracks of (s_t - mean n_t) squared; rounding may push an exact 0 below 0.
        residual = max(0.0, self.ss - 2 * mean * self.sn + mean * mean * self.nn)
        return math.sqrt(residual * self.tracks / (self.tracks - 1)) / self.samples

    def pooled(self, other: Moments) -> Moments:
        """Join two disjoint sets of tracks."""
        return Moments(
            self.samples + other.samples,
            self.total + other.total,
            self.tracks + other.tracks,
            self.ss + other.ss,
            self.sn + other.sn,
            self.nn + other.nn,
            max(self.largest, other.largest),
        )


NOTHING = Moments(0, 0.0, 0, 0.0, 0.0, 0.0, 0)
"""Moments of a metric that no record contributed to."""


@dataclass(frozen=True, slots=True)
class BucketSummary:
    """One zone's bucket before suppression; in memory only.

    Attributes:
        zone: name.
        bucket_start: aware UTC.
        seconds: length of the bucket.
        status_seconds: ticked time by status.
        dropped_frames: frames that came too late to be looked at.
        peak: most faces seen in one frame.
        tracks: visits that gave at least one record.
        moments: by metric; a metric that is missing has no samples.
    """

    zone: str
    bucket_start: datetime
    seconds: int
    status_seconds: dict[FrameStatus, float]
    dropped_frames: int
    peak: int
    tracks: int
    moments: dict[str, Moments]


class _Track:
    """Running sums of one visit."""

    __slots__ = ("blinks", "counts", "sums", "watched")

    def __init__(self, columns: int = len(_COLUMNS)) -> None:
        self.blinks = Blinks()
        self.watched = 0.0
        self.sums: npt.NDArray[np.float64] = np.zeros(columns)
        self.counts: npt.NDArray[np.float64] = np.zeros(columns)

    def totals(self) -> npt.NDArray[np.float64]:
        """Return the sums, with blinks so that their mean is per minute of watched time."""
        if not self.watched:
            return self.sums
        sums = self.sums.copy()
        sums[_BLINK] *= self.counts[_BLINK] * 60 / self.watched
        return sums


class BucketWindow:
    """The open bucket of one zone."""

    def __init__(self, zone: str, bucket_start: datetime, seconds: int) -> None:
        self.zone = zone
        self.bucket_start = bucket_start
        self.seconds = seconds
        self._status = dict.fromkeys(FrameStatus, 0.0)
        self._dropped = 0
        self._peak = 0
        self._tracks: dict[int, _Track] = {}
        self._scenes: dict[int, _Track] = {}

    def tick(self, status: FrameStatus, faces: int, seconds: float) -> None:
        """Count one tick of the camera.

        Args:
            status: what it yielded.
            faces: faces seen in this frame, 0 or more.
            seconds: time that the tick stands for.
        """
        self._status[status] += seconds
        self._peak = max(self._peak, faces)

    def dropped(self, count: int) -> None:
        """Count frames that came too late to be looked at."""
        self._dropped += count

    def add(self, record: FeatureRecord, scene: Scene | None = None) -> None:
        """Add one face-record to the sums of its track.

        Args:
            record: of the face.
            scene: around it, where the camera was there; opened records don't know it.
        """
        track = self._tracks.get(record.track)
        if track is None:
            track = self._tracks[record.track] = _Track()
        emotion = record.emotion_probability()
        unknown = [math.nan] * len(_EMOTION_METRICS)
        values = np.array(
            _face_values(record) + (unknown if emotion is None else _emotion_values(emotion))
        )
        # What wasn't measured counts in neither the sum nor the number of records.
        known = np.isfinite(values)
        track.sums[known] += values[known]
        track.counts += known
        if np.isfinite(values[len(AU_LABELS) + AU45]):
            _watch(track, record)
        if scene is not None:
            expressed, facing = values[_EXPRESSED], bool(values[_FACING])
            self._add_scene(record, scene, float(expressed), facing)

    def _add_scene(
        self, record: FeatureRecord, scene: Scene, expressed: float, facing: bool
    ) -> None:
        track = self._scenes.setdefault(record.track, _Track(len(_SCENES)))
        for one in circumstances(scene, facing=facing):
            place = _PLACE[one]
            track.sums[place] += record.quality * QUALITY_STEP
            track.counts[place] += 1
            if math.isfinite(expressed):
                track.sums[place + len(_PLACE)] += expressed
                track.counts[place + len(_PLACE)] += 1

    def add_sums(
        self,
        track: int,
        sums: npt.NDArray[np.float64],
        counts: npt.NDArray[np.float64],
        watched: float = 0.0,
    ) -> None:
        """Add many records of one track, summed up already; see `agent.aggregate.batch`.

        Args:
            track: id.
            sums: by metric, in the order of `_COLUMNS`; 0 where nothing was measured.
            counts: how many records each sum has.
            watched: seconds in which a blink would have been seen.
        """
        known = self._tracks.get(track)
        if known is None:
            known = self._tracks[track] = _Track()
        known.sums += sums
        known.counts += counts
        known.watched += watched

    def summary(self) -> BucketSummary:
        """Return what was gathered so far."""
        return BucketSummary(
            self.zone,
            self.bucket_start,
            self.seconds,
            dict(self._status),
            self._dropped,
            self._peak,
            len(self._tracks),
            _moments(self._tracks, _COLUMNS) | _moments(self._scenes, _SCENES),
        )


def _moments(found: dict[int, _Track], names: tuple[str, ...]) -> dict[str, Moments]:
    if not found:
        return {}
    tracks = found.values()
    sums = np.stack([track.totals() for track in tracks])
    counts = np.stack([track.counts for track in tracks])
    columns = zip(
        counts.sum(0),
        sums.sum(0),
        (counts > 0).sum(0),
        (sums * sums).sum(0),
        (sums * counts).sum(0),
        (counts * counts).sum(0),
        counts.max(0),
        strict=True,
    )
    return {
        name: Moments(int(n), float(s), int(t), float(ss), float(sn), float(nn), int(top))
        for name, (n, s, t, ss, sn, nn, top) in zip(names, columns, strict=True)
        if n
    }


def _face_values(record: FeatureRecord) -> list[float]:
    intensity = [_stronger(record.au_sides, sides) for sides in SIDE_INDEX]
    present = zip(record.present(), intensity, strict=True)
    pitch, yaw, _ = record.pose
    facing = derived.attention(pitch * ANGLE_STEP_DEGREES, yaw * ANGLE_STEP_DEGREES)
    return [
        *(math.nan if math.isnan(value) else float(shown) for shown, value in present),
        *intensity,
        derived.expressiveness(intensity),
        float(record.calibrated),
        float(facing),
        math.nan,  # blinks are events between records: `_watch`
    ]


def _watch(track: _Track, record: FeatureRecord) -> None:
    """Let a track's blinks go on with this record."""
    steps, seconds = track.blinks.steps, track.blinks.seconds
    ended = track.blinks(bool(record.presence >> AU45 & 1), record.offset * OFFSET_STEP_SECONDS)
    track.sums[_BLINK] += ended
    track.counts[_BLINK] += track.blinks.steps - steps
    track.watched += track.blinks.seconds - seconds


def _stronger(codes: tuple[int, ...], sides: tuple[int, ...]) -> float:
    """Return the intensity of an AU's stronger measured side, 0-5; NaN without any."""
    known = [codes[i] for i in sides if codes[i] != MISSING]
    return max(known) * AU_STEP if known else math.nan


def _emotion_values(emotion: tuple[float, ...]) -> list[float]:
    # The probabilities are codes of 0.01 and may miss 1 by rounding; shares of a whole may not.
    whole = sum(emotion) or 1.0
    return [
        *(p / whole for p in emotion),
        derived.valence(emotion) or 0.0,
        derived.arousal(emotion) or 0.0,
    ]
