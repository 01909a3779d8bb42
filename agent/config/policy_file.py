"""Read a policy file; refuse what is unknown, endless, empty, contradictory or forbidden.

The file's shape is checked by pydantic with unknown keys forbidden, then its parts against each
other and against the jurisdiction's profile. Everything that is wrong is reported at once, each
with its line: a broken value is set aside, and the rest is judged without it. The result is the
domain's `Policy`, which knows no TOML.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.config.durations import Duration, parse_duration
from agent.config.mending import read_shape
from agent.config.policy_checks import contradictions, forbidden
from agent.config.policy_shape import PolicyFile as _File
from agent.config.policy_shape import ZoneSection
from agent.config.positions import locate, nearest
from agent.config.problems import Kind, Problem
from agent.config.profiles import load_profile
from agent.domain.policy import Policy, Release, Retention, Subjects, Zone
from agent.domain.profile import Limit, Profile
from agent.domain.schedule import Schedule
from agent.errors import PolicyEmpty, PolicyError, PolicyForbids, PolicyWouldKeepForever

__all__ = ["Duration", "Examination", "examine", "load_policy", "parse_duration", "parse_policy"]

DAILY = timedelta(days=730)
"""How long daily numbers live where a policy doesn't say; a profile's ceiling may shorten it."""

LARGEST = 256 * 1024
"""Bytes of a policy file; ours have about one or two thousand."""

_LONG_KEY = re.compile(r"(?:[^\s=.]{1,99}[ \t]*\.[ \t]*){65}")
"""A key of so many parts costs tomllib memory by the square of their number."""


_LONG_NUMBER = re.compile(r"[0-9A-Fa-f_]{1000}")
"""Python refuses to read numbers of some thousand digits, and no setting or name is so long."""


class _TooLong(Exception):
    """A number, or a name, without end; carries its line."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in a policy file.

    Attributes:
        name: the file's, for messages.
        digest: SHA-256 (hex) of its bytes.
        policy: the rules, where nothing is wrong.
        profile: its jurisdiction's, where that could be told.
        problems: everything that is wrong, by line.
    """

    name: str
    digest: str
    policy: Policy | None
    profile: Profile | None
    problems: tuple[Problem, ...]

    def refusal(self) -> PolicyError:
        """Return the error that says all problems."""
        lines = [line for problem in self.problems for line in problem.lines(self.name)]
        kinds = {problem.kind for problem in self.problems}
        kind = next(k for k in _REFUSALS if k in kinds)
        if len(self.problems) == 1:
            only = self.problems[0]
            why = [f"    Why: {only.why()}"] if only.why() else []
            message = "\n".join([only.place(self.name), *why])
            return _REFUSALS[kind](message, advice=only.advice or None)
        count = f"{self.name} can't be used: {len(self.problems)} problems"
        return _REFUSALS[kind](
            "\n".join([count, *lines]), advice="Correct these places, then check the file again."
        )


_REFUSALS: dict[Kind, type[PolicyError]] = {
    Kind.EMPTY: PolicyEmpty,
    Kind.FOREVER: PolicyWouldKeepForever,
    Kind.FORBIDDEN: PolicyForbids,
    Kind.WRONG: PolicyError,
}
"""The gravest first."""


def load_policy(path: Path) -> Policy:
    """Read and check a policy file.

    Raises:
        PolicyEmpty: the file is missing, or says nothing.
        PolicyWouldKeepForever: a retention is missing or longer than ten years.
        PolicyForbids: the jurisdiction's profile doesn't allow it.
        PolicyError: anything else that is wrong, with its line.
    """
    return parse_policy(read_policy(path), path.name)


def read_policy(path: Path) -> bytes:
    """Return a policy file's bytes.

    Raises:
        PolicyEmpty: it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise PolicyEmpty(
            f"can't read the policy {path}: {error.strerror}",
            advice="Name the site's folder with --site; a new site begins with a copy of "
            "docs/examples/shop.toml, each line answered by yourself.",
        ) from error


def parse_policy(raw: bytes, name: str) -> Policy:
    """Check a policy's bytes; `name` stands in the messages. Raises as `load_policy`."""
    found = examine(raw, name)
    if found.policy is None:
        raise found.refusal()
    return found.policy


def examine(raw: bytes, name: str) -> Examination:
    """Check a policy's bytes and report everything that is wrong, never only the first.

    Raises:
        PolicyError: the profile that it names is damaged.
    """
    digest = hashlib.sha256(raw).hexdigest()
    problem: Problem
    try:
        if len(raw) > LARGEST:
            problem = Problem((), f"is larger than {LARGEST // 1024} KiB", line=1)
        else:
            # Some editors put a mark before the first letter; it means nothing.
            text = raw.decode("utf-8-sig")
            table = _parse_toml(text)
            if table:
                return _judge(table, text, name, digest)
            problem = Problem((), "the policy is empty", kind=Kind.EMPTY, line=1)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Problem((), "isn't UTF-8 text", "Save the file as UTF-8.", line=line)
    except tomllib.TOMLDecodeError as error:
        problem = _broken_toml(str(error), raw.decode("utf-8-sig"))
    except RecursionError:
        problem = Problem((), "is nested too deeply", line=1)
    except _TooLong as error:
        problem = Problem((), "holds a number or a name without end", line=error.args[0])
    return Examination(name, digest, None, None, (problem,))


def _parse_toml(text: str) -> dict[str, Any]:
    if _LONG_KEY.search(text):
        raise RecursionError
    if (found := _LONG_NUMBER.search(text)) is not None:
        raise _TooLong(text.count("\n", 0, found.start()) + 1)
    return tomllib.loads(text)


def _broken_toml(message: str, text: str) -> Problem:
    """Say where TOML's grammar is broken; its own words say how."""
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    words = message.replace(found[0], "") if found else message
    last = max(1, len(text.splitlines()))
    line = int(found[1]) if found and found[1] else last
    column = f" (column {found[2]})" if found and found[2] else ""
    return Problem(
        (),
        f"isn't valid TOML: {words[:1].lower()}{words[1:]}{column}",
        "Text stands in quotes, lists in [ ], and each key stands once.",
        line=line,
    )


def _judge(table: dict[str, Any], text: str, name: str, digest: str) -> Examination:
    lines = locate(text)
    file, problems = read_shape(table)
    policy = profile = None
    if file is not None:
        broken = {problem.key for problem in problems}
        jurisdiction = "site.jurisdiction" not in broken and "site" not in broken
        profile = load_profile(file.site.jurisdiction) if jurisdiction else None
        clock = _timezone(file, profile)
        if clock is None and "site.timezone" not in broken:
            problems.append(_no_clock(file))
        policy = _to_domain(file, profile, clock or "UTC", digest)
        problems += _contradictions(policy, profile, broken)
    last = max(1, len(text.splitlines()))
    placed = (replace(p, line=nearest(lines, p.path) or last) for p in problems)
    ordered = tuple(sorted(placed, key=lambda problem: (problem.line, problem.key)))
    return Examination(name, digest, None if ordered else policy, profile, ordered)


def _contradictions(policy: Policy, profile: Profile | None, broken: set[str]) -> Iterator[Problem]:
    findings = [*contradictions(policy), *(forbidden(policy, profile) if profile else ())]
    for finding in findings:
        if not any(_touches(key, bad) for key in finding.read for bad in broken):
            yield finding.problem


def _touches(key: str, broken: str) -> bool:
    """Say whether a key is broken itself, or stands in a section that is."""
    return key == broken or key.startswith(f"{broken}.")


def _timezone(file: _File, profile: Profile | None) -> str | None:
    """Return the site's clock: its own word, else the jurisdiction's only one, else None."""
    if file.site.timezone is not None:
        return file.site.timezone
    if profile is not None and profile.timezone is not None:
        return profile.timezone
    return "UTC" if file.site.subjects is Subjects.SYNTHETIC or profile is None else None


def _no_clock(file: _File) -> Problem:
    return Problem(
        ("site", "timezone"),
        f"is missing; profile {file.site.jurisdiction} has more than one clock",
        'Add the site\'s time zone, for example timezone = "Europe/Berlin".',
    )


def _daily(file: _File, profile: Profile | None) -> timedelta:
    if file.retention.daily is not None:
        return file.retention.daily
    ceilings = profile.ceilings if profile is not None else ()
    bounds = [
        ceiling.value
        for ceiling in ceilings
        if ceiling.key == "retention.daily" and ceiling.limit is Limit.MOST
    ]
    return min([DAILY, *(bound for bound in bounds if isinstance(bound, timedelta))])


def _zone(zone: ZoneSection) -> Zone:
    return Zone(zone.name, zone.source, zone.roster, tuple(zone.masks), tuple(zone.keep))


def _to_domain(file: _File, profile: Profile | None, clock: str, digest: str) -> Policy:
    kept = file.retention
    times = file.capture.schedule
    return Policy(
        site=file.site.name,
        purpose=dict(file.site.purpose),
        subjects=file.site.subjects,
        jurisdiction=file.site.jurisdiction,
        zones=tuple(_zone(zone) for zone in file.capture.zones),
        heads=file.capture.heads,
        sampling_hz=file.capture.sampling_hz,
        flush=kept.flush,
        release=Release(file.release.bucket, file.release.k, file.release.bound),
        retention=Retention(kept.records, kept.aggregates, kept.access_log, _daily(file, profile)),
        contact=file.site.contact,
        operator=file.site.operator,
        notice_url=file.site.notice_url,
        demo=file.site.demo,
        digest=digest,
        purpose_kind=file.site.purpose_kind,
        timezone=clock,
        schedule=Schedule(ZoneInfo(clock), tuple(times.windows), frozenset(times.closed)),
        written_release=file.site.written_release,
        informed_consent=file.site.informed_consent,
        evidence=dict(file.evidence),
    )
