"""Read a policy file; refuse what is unknown, endless or empty.

The file's shape is checked by pydantic with unknown keys forbidden; each problem is reported
with the place where it stands. The result is the domain's `Policy`, which knows no TOML.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agent.domain.policy import Head, PersonBound, Policy, Release, Retention, Subjects, Zone
from agent.errors import PolicyEmpty, PolicyError, PolicyForbids, PolicyWouldKeepForever

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3660)

Jurisdiction = Literal["jp", "eu", "us-il", "us-tx", "strict"]
"""Profiles by name; a misspelt one is refused, because it would switch its rules off."""


def parse_duration(text: object) -> timedelta:
    """Read `30s`, `15m`, `72h` or `90d`.

    Raises:
        ValueError: for anything else; endless and zero durations have no spelling.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", str(text))
    if found is None:
        raise ValueError("write a duration as a whole number and s, m, h or d, for example 72h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Zone(_Section):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    source: str | None = None
    roster: int | None = Field(default=None, ge=1, le=10_000)


class _Capture(_Section):
    sampling_hz: float = Field(gt=0, le=60)
    heads: frozenset[Head] = Field(min_length=1)
    zones: list[_Zone] = Field(min_length=1)


class _Keep(_Section):
    records: Duration
    aggregates: Duration
    access_log: Duration
    flush: Duration = timedelta(seconds=5)


class _Release(_Section):
    bucket: Duration
    k: int = Field(ge=1, le=1000)
    bound: PersonBound


class _Site(_Section):
    name: str = Field(min_length=1, max_length=80)
    purpose: dict[str, str] = Field(min_length=1)
    subjects: Subjects
    jurisdiction: Jurisdiction
    contact: str = Field(min_length=1)
    demo: bool = False


class _File(_Section):
    site: _Site
    capture: _Capture
    retention: _Keep
    release: _Release


def load_policy(path: Path) -> Policy:
    """Read and check a policy file.

    Raises:
        PolicyEmpty: the file is missing, or says nothing.
        PolicyWouldKeepForever: a retention is missing or longer than ten years.
        PolicyForbids: the jurisdiction doesn't allow a head for these subjects.
        PolicyError: anything else that is wrong, with its place in the file.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PolicyEmpty(f"can't read the policy {path.name}: {error.strerror}") from error
    return parse_policy(raw, path.name)


def parse_policy(raw: bytes, name: str) -> Policy:
    """Check a policy's bytes; `name` stands in the messages. Raises as `load_policy`."""
    try:
        table = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{name} isn't valid TOML: {error}") from error
    if not table:
        raise PolicyEmpty(f"{name} is empty")
    if "retention" not in table:
        raise PolicyWouldKeepForever(f"{name} has no [retention]: nothing would ever be deleted")
    try:
        file = _File.model_validate(table)
    except ValidationError as error:
        raise PolicyError(f"{name}: {_places(error)}") from error
    policy = _to_domain(file, hashlib.sha256(raw).hexdigest())
    _refuse_contradictions(policy, name)
    return policy


def _places(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )


def _to_domain(file: _File, digest: str) -> Policy:
    return Policy(
        site=file.site.name,
        purpose=dict(file.site.purpose),
        subjects=file.site.subjects,
        jurisdiction=file.site.jurisdiction,
        zones=tuple(Zone(z.name, z.source, z.roster) for z in file.capture.zones),
        heads=file.capture.heads,
        sampling_hz=file.capture.sampling_hz,
        flush=file.retention.flush,
        release=Release(file.release.bucket, file.release.k, file.release.bound),
        retention=Retention(
            file.retention.records, file.retention.aggregates, file.retention.access_log
        ),
        contact=file.site.contact,
        demo=file.site.demo,
        digest=digest,
    )


def _refuse_contradictions(policy: Policy, name: str) -> None:
    names = [zone.name for zone in policy.zones]
    if len(set(names)) != len(names):
        raise PolicyError(f"{name}: two zones have the same name")
    kept = policy.retention
    if max(kept.records, kept.aggregates, kept.access_log) > _LONGEST:
        raise PolicyWouldKeepForever(f"{name}: a retention is longer than ten years")
    if policy.release.k < 3 and not policy.demo:
        raise PolicyError(f"{name}: release.k below 3 is for demo = true only")
    bucket = policy.release.bucket
    if timedelta(days=1) % bucket != timedelta(0):
        raise PolicyError(f"{name}: release.bucket must divide a day")
    if policy.flush > bucket:
        raise PolicyError(f"{name}: retention.flush is longer than release.bucket")
    if policy.release.bound is PersonBound.ROSTER and any(z.roster is None for z in policy.zones):
        raise PolicyError(f"{name}: release.bound = roster needs a roster for each zone")
    _refuse_workers_emotion(policy, name)


def _refuse_workers_emotion(policy: Policy, name: str) -> None:
    # EU AI Act, Art. 5(1)(f), in force since 2025-02-02; mixed subjects include workers.
    workers = policy.subjects in {Subjects.WORKERS, Subjects.MIXED}
    if policy.jurisdiction in {"eu", "strict"} and workers and Head.EMOTION in policy.heads:
        raise PolicyForbids(
            f"{name}: profile {policy.jurisdiction} doesn't allow emotion for workers",
            advice="Take `emotion` out of capture.heads; Action Units may stay.",
        )
