"""What a site may capture, keep and show; parsed from `policies/*.toml` by `agent.config`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from agent.domain.schedule import Schedule


class Subjects(StrEnum):
    """Whose faces the camera sees; mixed counts as workers wherever the law is stricter."""

    CUSTOMERS = "customers"
    WORKERS = "workers"
    MIXED = "mixed"
    STUDENTS = "students"
    SYNTHETIC = "synthetic"


class PurposeKind(StrEnum):
    """What a site's purpose amounts to; profiles judge by it."""

    SERVICE = "service-improvement"
    SAFETY = "safety"
    EDUCATION = "education"
    RESEARCH = "research"
    DEMO = "demo"


class Head(StrEnum):
    """What may be computed."""

    AU = "au"
    GAZE = "gaze"
    EMOTION = "emotion"


class PersonBound(StrEnum):
    """How the number of persons behind a cell is bounded from below; tracks are not persons."""

    ROSTER = "roster"
    PEAK = "peak"
    VISITS = "visits"


Point = tuple[float, float]
"""(x, y) as shares of the picture's width and height, 0-1, from the upper left corner."""

Polygon = tuple[Point, ...]
"""At least three corners."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One camera's place.

    Attributes:
        name: letters, digits, hyphen.
        source: camera index, device, URL or file; may be overridden on the command line.
        roster: how many persons work there, where `PersonBound.ROSTER` is used.
        masks: what lies inside one of these is blanked before anything looks at the picture.
        keep: where given, everything outside of all of these is blanked too.
    """

    name: str
    source: str | None
    roster: int | None
    masks: tuple[Polygon, ...] = ()
    keep: tuple[Polygon, ...] = ()


LONGEST_LIFE = timedelta(days=3660)
"""What a policy may ask for at most: ten years, with their leap days. Longer is for ever."""


@dataclass(frozen=True, slots=True)
class Retention:
    """The longest that each tier may live. *At most*: nothing extends it.

    Attributes:
        records: sealed records.
        aggregates: released numbers of single buckets.
        access_log: who did what.
        daily: released numbers of whole local days.
    """

    records: timedelta
    aggregates: timedelta
    access_log: timedelta
    daily: timedelta = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class Release:
    """When numbers become visible, and which never do.

    Attributes:
        bucket: length of an aggregate's fixed time bucket.
        k: smallest number of persons behind a visible cell.
        bound: how persons are counted.
    """

    bucket: timedelta
    k: int
    bound: PersonBound


@dataclass(frozen=True, slots=True)
class Policy:
    """One site's rules.

    Attributes:
        site: name shown to people.
        purpose: one sentence, in the site's words, by language code.
        subjects: whose faces.
        jurisdiction: name of a profile in `policies/profiles/`.
        zones: at least one.
        heads: what may be computed; a head that isn't here isn't loaded.
        sampling_hz: frames a second that are looked at.
        flush: at most this much is lost when the power fails.
        release: aggregation.
        retention: lifetimes.
        contact: whom a person may ask.
        demo: whether the numbers come from a synthetic clip; pages say so.
        digest: SHA-256 (hex) of the policy file, bound into each segment.
        purpose_kind: what the purpose amounts to.
        timezone: IANA name; its clock rules the schedule and says where a day begins.
        schedule: when frames may be taken.
        written_release: each person signed a release before capture; the site's own word.
        informed_consent: each person was told and agreed before capture; the site's own word.
        evidence: where the proof of a duty is kept (a document's name or place), by the id that
            the profile gives it.
        operator: who answers for the camera, where that isn't the site's name; "" otherwise.
        notice_url: where the long form of the notice can be read; "" where there is none.
    """

    site: str
    purpose: dict[str, str]
    subjects: Subjects
    jurisdiction: str
    zones: tuple[Zone, ...]
    heads: frozenset[Head]
    sampling_hz: float
    flush: timedelta
    release: Release
    retention: Retention
    contact: str
    demo: bool
    digest: str
    purpose_kind: PurposeKind = PurposeKind.SERVICE
    timezone: str = "UTC"
    schedule: Schedule = field(default_factory=Schedule)
    written_release: bool = False
    informed_consent: bool = False
    evidence: Mapping[str, str] = field(default_factory=dict)
    operator: str = ""
    notice_url: str = ""


def spell_duration(length: timedelta) -> str:
    """Return a duration as a policy file spells it: `72h`, `90d`, `30s`."""
    seconds = int(length.total_seconds())
    for unit, size, fewest in (("d", 86_400, 4), ("h", 3_600, 1), ("m", 60, 1)):
        if seconds % size == 0 and seconds >= fewest * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def local_day(policy: Policy, instant: datetime) -> date:
    """Return the site's calendar day that an aware instant belongs to."""
    return instant.astimezone(ZoneInfo(policy.timezone)).date()
