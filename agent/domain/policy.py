"""What a site may capture, keep and show; parsed from `policies/*.toml` by `agent.config`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Subjects(StrEnum):
    """Whose faces the camera sees; mixed counts as workers wherever the law is stricter."""

    CUSTOMERS = "customers"
    WORKERS = "workers"
    MIXED = "mixed"
    SYNTHETIC = "synthetic"


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


@dataclass(frozen=True, slots=True)
class Zone:
    """One camera's place.

    Attributes:
        name: letters, digits, hyphen.
        source: camera index, device, URL or file; may be overridden on the command line.
        roster: how many persons work there, where `PersonBound.ROSTER` is used.
    """

    name: str
    source: str | None
    roster: int | None


@dataclass(frozen=True, slots=True)
class Retention:
    """The longest that each tier may live. *At most*: nothing extends it."""

    records: timedelta
    aggregates: timedelta
    access_log: timedelta


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
