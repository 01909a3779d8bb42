"""A released number: one metric of one zone in one time bucket, or the note that it is hidden.

Rules that the type itself keeps:
- a hidden row carries its reason and nothing else: no value, no counts, no bound;
- instants are aware UTC, and a bucket never overlaps the next one of its zone;
- a released row is never changed, only deleted when its retention ends.

The catalogue of metrics is `METRICS`. Coverage metrics are technical (what the camera could do);
all others come from faces and pass through suppression.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from agent.domain.circumstance import Circumstance
from agent.domain.facs import AU_LABELS, MAX_INTENSITY
from agent.domain.frame import FrameStatus
from agent.domain.observation import EMOTIONS
from agent.domain.policy import Head

SITE_TOTAL = "*"
"""Zone of a row that pools all zones; no real zone can have this name."""


class Reason(StrEnum):
    """Why a number is hidden."""

    TOO_FEW_PERSONS = "too_few_persons"
    DOMINATED = "dominated"
    TOO_FEW_SAMPLES = "too_few_samples"
    COMPLEMENTARY = "complementary"


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue.

    Attributes:
        name: dotted, for example `au.AU12.rate`.
        unit: of value and standard error.
        low: smallest possible value, None where unbounded.
        high: largest possible value, None where unbounded.
        head: what must be computed for it; None where the face alone is enough.
        technical: True where it comes from the camera's state and no face stands behind it.
        circumstance: to which face-records it is limited; None for all.
    """

    name: str
    unit: str
    low: float | None
    high: float | None
    head: Head | None = None
    technical: bool = False
    circumstance: Circumstance | None = None


OBSERVED_SECONDS = "coverage.observed_seconds"
"""Time with a usable picture: a face could be read, or nobody was there."""
TOTAL_SECONDS = "coverage.total_seconds"
"""Time of all ticks, whatever their status; less than the bucket where the agent wasn't running."""
DROPPED_FRAMES = "coverage.dropped_frames"
FACES_PEAK = "faces.peak"
CALIBRATED_SHARE = "faces.calibrated_share"
VALENCE = "derived.valence"
AROUSAL = "derived.arousal"
EXPRESSIVENESS = "derived.expressiveness"
ATTENTION = "derived.attention"
BLINK_RATE = "derived.blink_rate"
"""Blinks a minute of watched face time; what counts as one: `agent.domain.blink`."""


def status_share(status: FrameStatus) -> str:
    """Name the metric: share of ticked time in this status."""
    return f"coverage.{status.value}_share"


def au_rate(label: str) -> str:
    """Name the metric: share of face-records in which this AU is present."""
    return f"au.{label}.rate"


def au_intensity(label: str) -> str:
    """Name the metric: mean intensity of this AU over all face-records, 0-5."""
    return f"au.{label}.intensity"


def emotion_share(name: str) -> str:
    """Name the metric: mean probability of this expression category."""
    return f"emotion.{name}.share"


def quality_when(circumstance: Circumstance) -> str:
    """Name the metric: mean quality of the face-records in this circumstance, 0-1."""
    return f"circumstance.{circumstance.value}.quality"


def expressiveness_when(circumstance: Circumstance) -> str:
    """Name the metric: expressiveness, of the face-records in this circumstance."""
    return f"circumstance.{circumstance.value}.expressiveness"


def _catalogue() -> tuple[Metric, ...]:
    return (
        Metric(OBSERVED_SECONDS, "seconds", 0, None, technical=True),
        Metric(TOTAL_SECONDS, "seconds", 0, None, technical=True),
        Metric(DROPPED_FRAMES, "frames", 0, None, technical=True),
        *(Metric(status_share(s), "share", 0, 1, technical=True) for s in FrameStatus),
        Metric(FACES_PEAK, "faces", 0, None),
        Metric(CALIBRATED_SHARE, "share", 0, 1, Head.AU),
        *(Metric(au_rate(a), "share", 0, 1, Head.AU) for a in AU_LABELS),
        *(Metric(au_intensity(a), "intensity", 0, MAX_INTENSITY, Head.AU) for a in AU_LABELS),
        *(Metric(emotion_share(e), "share", 0, 1, Head.EMOTION) for e in EMOTIONS),
        Metric(VALENCE, "score", -1, 1, Head.EMOTION),
        Metric(AROUSAL, "score", -1, 1, Head.EMOTION),
        Metric(EXPRESSIVENESS, "share", 0, 1, Head.AU),
        Metric(ATTENTION, "share", 0, 1),
        *(Metric(quality_when(c), "share", 0, 1, circumstance=c) for c in Circumstance),
        *(
            Metric(expressiveness_when(c), "share", 0, 1, Head.AU, circumstance=c)
            for c in Circumstance
        ),
        Metric(BLINK_RATE, "per minute", 0, None, Head.AU),
    )


METRICS: dict[str, Metric] = {metric.name: metric for metric in _catalogue()}
"""Every metric there is, by name, in the order of the pages."""


_NOTHING = (None,) * 5


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One released row.

    Attributes:
        zone: name of the zone, or `SITE_TOTAL`.
        bucket_start: aware UTC.
        bucket_seconds: length of the bucket.
        metric: a key of `METRICS`.
        unit: of `value` and `standard_error`.
        value: rounded to 3 decimals; None where hidden.
        standard_error: clustered by track, rounded likewise; None where fewer than two tracks.
        samples: face-records behind the value; None where hidden or technical.
        tracks: visits behind the value; None where hidden or technical.
        persons: the bound that was compared with k; None where hidden or technical.
        suppressed: whether the number is hidden.
        reason: why; None where shown.
        k: smallest number of persons behind a shown number, at release.
        policy: SHA-256 (hex) of the policy at release.
        models: names of the models that measured.
    """

    zone: str
    bucket_start: datetime
    bucket_seconds: int
    metric: str
    unit: str
    value: float | None
    standard_error: float | None
    samples: int | None
    tracks: int | None
    persons: int | None
    suppressed: bool
    reason: Reason | None
    k: int
    policy: str
    models: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.bucket_start.tzinfo is not UTC:
            raise ValueError("bucket_start must be aware UTC")
        if self.metric not in METRICS:
            raise ValueError(f"{self.metric} isn't in the catalogue")
        if self.suppressed != (self.reason is not None):
            raise ValueError("a hidden row needs a reason, a shown one has none")
        carried = (self.value, self.standard_error, self.samples, self.tracks, self.persons)
        if self.suppressed and carried != _NOTHING:
            raise ValueError("a hidden row must not carry a number")
        if self.persons is not None and self.persons < self.k:
            raise ValueError("fewer than k persons stand behind a shown row")

    @property
    def bucket_end(self) -> datetime:
        """The instant at which the bucket closed, aware UTC."""
        return self.bucket_start + timedelta(seconds=self.bucket_seconds)


# Student's t, two-sided 95 %, for 1 to 10 degrees of freedom (standard table).
_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_Z95 = 1.959964


def t95(freedom: int) -> float:
    """Return the two-sided 95 % quantile of Student's t for `freedom` >= 1 degrees.

    Source: table up to 10; above it three terms of the expansion in 1/freedom
    (Abramowitz & Stegun 26.7.5), whose error there is below 0.001.
    """
    if freedom <= len(_T95):
        return _T95[freedom - 1]
    first = (_Z95**3 + _Z95) / 4
    second = (5 * _Z95**5 + 16 * _Z95**3 + 3 * _Z95) / 96
    third = (3 * _Z95**7 + 19 * _Z95**5 + 17 * _Z95**3 - 15 * _Z95) / 384
    return _Z95 + first / freedom + second / freedom**2 + third / freedom**3


def interval95(
    value: float, standard_error: float, freedom: int, metric: Metric
) -> tuple[float, float]:
    """Return the 95 % interval, cut to the values that the metric can take.

    Args:
        value: estimate.
        standard_error: of the estimate, same unit.
        freedom: clusters (tracks) minus the number of means estimated, at least 1.
        metric: its `low` and `high` cut the interval.
    """
    half = t95(freedom) * standard_error
    low, high = value - half, value + half
    if metric.low is not None:
        low = max(low, metric.low)
    if metric.high is not None:
        high = min(high, metric.high)
    return low, high
