"""The shape of a policy file: its sections, keys, types and bounds. Unknown keys are refused."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from agent.config.durations import Duration
from agent.config.windows import PolygonList, WindowText, ZoneName
from agent.domain.policy import Head, PersonBound, PurposeKind, Subjects

Jurisdiction = Literal["jp", "eu", "us-il", "us-tx", "strict"]
"""Profiles by name; a misspelt one is refused, because it would switch its rules off."""


def _language(code: object) -> object:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", str(code)):
        raise ValueError("write a language code such as en or ja")
    return code


Language = Annotated[str, BeforeValidator(_language)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Flag = Annotated[bool, Field(strict=True)]
"""`true` or `false`; "yes" is no answer where a duty hangs on it."""


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ZoneSection(Section):
    """One `[[capture.zones]]`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    source: str | None = None
    roster: int | None = Field(default=None, ge=1, le=10_000, strict=True)
    masks: list[PolygonList] = Field(default_factory=list, max_length=32)
    keep: list[PolygonList] = Field(default_factory=list, max_length=32)


class ScheduleSection(Section):
    """`[capture.schedule]`."""

    windows: list[WindowText] = Field(default_factory=list, max_length=64)
    closed: list[date] = Field(default_factory=list, max_length=400)


class CaptureSection(Section):
    """`[capture]`."""

    sampling_hz: float = Field(gt=0, le=60, strict=True)
    heads: frozenset[Head] = Field(min_length=1)
    zones: list[ZoneSection] = Field(min_length=1)
    schedule: ScheduleSection = ScheduleSection()


class RetentionSection(Section):
    """`[retention]`."""

    records: Duration
    aggregates: Duration
    daily: Duration | None = None
    access_log: Duration
    flush: Duration = timedelta(seconds=5)


class ReleaseSection(Section):
    """`[release]`."""

    bucket: Duration
    k: int = Field(ge=1, le=1000, strict=True)
    bound: PersonBound


class SiteSection(Section):
    """`[site]`."""

    name: str = Field(min_length=1, max_length=80)
    purpose: dict[Language, Sentence] = Field(min_length=1)
    purpose_kind: PurposeKind = PurposeKind.SERVICE
    subjects: Subjects
    jurisdiction: Jurisdiction
    timezone: ZoneName | None = None
    contact: str = Field(min_length=1)
    operator: str = Field(default="", max_length=120)
    notice_url: str = Field(default="", max_length=500, pattern=r"^(https?://[^\s<>\"]+)?$")
    written_release: Flag = False
    informed_consent: Flag = False
    demo: Flag = False


class PolicyFile(Section):
    """The whole file."""

    site: SiteSection
    capture: CaptureSection
    retention: RetentionSection
    release: ReleaseSection
    evidence: dict[str, Reference] = Field(default_factory=dict)
