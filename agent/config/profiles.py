"""Read jurisdiction profiles, `policies/profiles/NAME.toml`; unknown keys are refused.

A profile is data with its sources and the day on which they were looked up. It can only forbid,
bound and ask: there is no key that would allow what another one forbids.
"""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from agent.config.durations import Duration
from agent.domain.policy import Head, PersonBound, PurposeKind, Subjects
from agent.domain.profile import (
    CEILING_KEYS,
    REQUIRED_KEYS,
    Basis,
    Ceiling,
    EvidenceItem,
    Limit,
    Profile,
    Prohibition,
    Requirement,
    Scope,
    Source,
)
from agent.errors import PolicyError
from agent.shipped import shipped

PROFILES = shipped("policies/profiles")
NAMES = ("strict", "jp", "eu", "us-il", "us-tx")
"""In the order in which they are listed to people."""

_ID = r"^[a-z0-9][a-z0-9-]{0,47}$"


def _both_languages(text: object) -> object:
    if not isinstance(text, dict) or set(text) != {"en", "ja"}:
        raise ValueError("write it in both languages: en and ja")
    return text


Text = Annotated[dict[str, str], BeforeValidator(_both_languages)]
Sentences = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_both_languages)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Source(_Part):
    id: str = Field(pattern=_ID)
    title: str = Field(min_length=1)
    article: str = ""
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")


class _Rule(_Part):
    subjects: frozenset[Subjects] = frozenset()
    purposes: frozenset[PurposeKind] = frozenset()
    heads: frozenset[Head] = frozenset()
    bounds: frozenset[PersonBound] = frozenset()
    basis: Basis
    source: str | None = None
    because: Text

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if Subjects.SYNTHETIC in self.subjects:
            raise ValueError("no rule is about synthetic subjects")
        if (Subjects.WORKERS in self.subjects) != (Subjects.MIXED in self.subjects):
            raise ValueError("mixed subjects include workers: name both")
        if self.basis is not Basis.HOUSE and self.source is None:
            raise ValueError("a rule of law or guidance names its source")
        return self

    def scope(self, *, heads: bool = True) -> Scope:
        """Return to which policies the rule applies."""
        asked = self.heads if heads else frozenset()
        return Scope(self.subjects, self.purposes, asked, self.bounds)


class _Ceiling(_Rule):
    key: str
    longest: Duration | None = None
    shortest: Duration | None = None
    most: float | None = None
    least: float | None = None
    one_of: frozenset[str] | None = None

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        if self.key not in CEILING_KEYS:
            raise ValueError(f"a ceiling is about one of {', '.join(CEILING_KEYS)}")
        given = [name for name in _BOUNDS if getattr(self, name) is not None]
        fits = _fitting(self.key)
        if len(given) != 1 or given[0] not in fits:
            raise ValueError(f"{self.key} takes exactly one of {', '.join(fits)}")
        return self

    def bound(self) -> tuple[Limit, timedelta | float | frozenset[str]]:
        """Return direction and value."""
        name = next(name for name in _BOUNDS if getattr(self, name) is not None)
        return _BOUNDS[name], getattr(self, name)


_BOUNDS = {
    "longest": Limit.MOST,
    "shortest": Limit.LEAST,
    "most": Limit.MOST,
    "least": Limit.LEAST,
    "one_of": Limit.ONE_OF,
}


def _fitting(key: str) -> tuple[str, ...]:
    if key == "release.bound":
        return ("one_of",)
    return ("most", "least") if key in {"release.k", "capture.sampling_hz"} else _TIMES


_TIMES = ("longest", "shortest")


class _Prohibition(_Rule):
    heads: frozenset[Head] = Field(min_length=1)


class _Requirement(_Rule):
    key: str

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.key not in REQUIRED_KEYS:
            raise ValueError(f"only these can be required: {', '.join(REQUIRED_KEYS)}")
        return self


class _Evidence(_Rule):
    id: str = Field(pattern=_ID)
    group: str
    text: Text
    required: bool = False


class _File(_Part):
    title: Text
    about: Sentences
    verified_on: date
    timezone: str | None = None
    source: tuple[_Source, ...] = Field(min_length=1)
    ceiling: tuple[_Ceiling, ...] = ()
    prohibit: tuple[_Prohibition, ...] = ()
    require: tuple[_Requirement, ...] = ()
    group: dict[str, Text] = Field(default_factory=dict)
    evidence: tuple[_Evidence, ...] = ()

    @model_validator(mode="after")
    def _refers_to_itself(self) -> Self:
        sources = [source.id for source in self.source]
        items = [item.id for item in self.evidence]
        if len(set(sources)) != len(sources) or len(set(items)) != len(items):
            raise ValueError("two sources, or two lines of evidence, have the same id")
        rules: tuple[_Rule, ...] = (*self.ceiling, *self.prohibit, *self.require, *self.evidence)
        for rule in rules:
            if rule.source is not None and rule.source not in sources:
                raise ValueError(f"there is no source {rule.source}")
        for item in self.evidence:
            if item.group not in self.group:
                raise ValueError(f"there is no group {item.group}")
        return self


@cache
def load_profile(name: str, folder: Path = PROFILES) -> Profile:
    """Return a jurisdiction's profile.

    Raises:
        PolicyError: there is no such profile, or its file is damaged.
    """
    if name not in NAMES:
        raise PolicyError(f"there is no profile {name}", advice=f"Use one of {', '.join(NAMES)}.")
    try:
        raw = (folder / f"{name}.toml").read_bytes()
    except OSError as error:
        raise PolicyError(
            f"can't read the profile {name}: {error.strerror}",
            advice="Reinstall Omokage, or restore the policies folder from its release.",
        ) from error
    return parse_profile(raw, name)


def parse_profile(raw: bytes, name: str) -> Profile:
    """Check a profile's bytes; `name` is its file's, without the suffix.

    Raises:
        PolicyError: with the places that are wrong.
    """
    try:
        file = _File.model_validate(tomllib.loads(raw.decode()))
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise PolicyError(f"profile {name}: {places}") from error
    except (ValueError, RecursionError) as error:  # TOML, UTF-8, long numbers, nesting
        raise PolicyError(f"profile {name} isn't valid TOML: {error}") from error
    return _to_domain(file, name, hashlib.sha256(raw).hexdigest())


def _to_domain(file: _File, name: str, digest: str) -> Profile:
    sources = {s.id: Source(s.id, s.title, s.article, s.url) for s in file.source}

    def common(rule: _Rule, *, heads: bool = True) -> dict[str, Any]:
        source = sources[rule.source] if rule.source else None
        return {
            "scope": rule.scope(heads=heads),
            "basis": rule.basis,
            "source": source,
            "because": rule.because,
        }

    return Profile(
        name=name,
        title=file.title,
        about=file.about,
        verified_on=file.verified_on,
        timezone=file.timezone,
        sources=sources,
        ceilings=tuple(
            Ceiling(**common(rule), key=rule.key, limit=rule.bound()[0], value=rule.bound()[1])
            for rule in file.ceiling
        ),
        # A prohibition's heads are what it forbids, not a condition on the policy.
        prohibitions=tuple(
            Prohibition(**common(rule, heads=False), heads=rule.heads) for rule in file.prohibit
        ),
        requirements=tuple(Requirement(**common(rule), key=rule.key) for rule in file.require),
        groups=file.group,
        evidence=tuple(
            EvidenceItem(
                **common(item),
                id=item.id,
                group=item.group,
                text=item.text,
                required=item.required,
            )
            for item in file.evidence
        ),
        digest=digest,
    )
