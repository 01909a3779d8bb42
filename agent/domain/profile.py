"""What a jurisdiction allows a site: ceilings, heads that mustn't be loaded, duties, evidence.

Parsed from `policies/profiles/*.toml` by `agent.config.profiles`. Rules:
- Where several ceilings on one key apply, the strictest counts; prohibitions add up.
- Nothing here applies to `synthetic` subjects: nobody is seen. That real cameras aren't pointed at
  people under that word is refused where sources are opened.
- A rule says on what it rests: the law's own words, an authority's guidance, or this project's
  caution (`house`), which no law asks for.
None of it is legal advice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby

from agent.domain.policy import Head, PersonBound, Policy, PurposeKind, Subjects, spell_duration

Text = Mapping[str, str]
"""One sentence by language code, `en` and `ja`."""

Limited = timedelta | float | str

CEILING_KEYS: Mapping[str, Callable[[Policy], Limited]] = {
    "retention.records": lambda policy: policy.retention.records,
    "retention.aggregates": lambda policy: policy.retention.aggregates,
    "retention.daily": lambda policy: policy.retention.daily,
    "retention.access_log": lambda policy: policy.retention.access_log,
    "release.k": lambda policy: policy.release.k,
    "release.bucket": lambda policy: policy.release.bucket,
    "release.bound": lambda policy: policy.release.bound,
    "capture.sampling_hz": lambda policy: policy.sampling_hz,
}
"""What a ceiling may speak about, and where a policy says it."""

REQUIRED_KEYS: Mapping[str, Callable[[Policy], bool]] = {
    "site.purpose.en": lambda policy: bool(policy.purpose.get("en", "").strip()),
    "site.purpose.ja": lambda policy: bool(policy.purpose.get("ja", "").strip()),
    "site.contact": lambda policy: bool(policy.contact.strip()),
    "site.written_release": lambda policy: policy.written_release,
    "site.informed_consent": lambda policy: policy.informed_consent,
}
"""What a profile may require beside evidence, and whether a policy has it."""


class Basis(StrEnum):
    """On what a rule rests."""

    LAW = "law"
    GUIDANCE = "guidance"
    HOUSE = "house"


class Limit(StrEnum):
    """In which direction a ceiling binds."""

    MOST = "most"
    LEAST = "least"
    ONE_OF = "one_of"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule can be read.

    Attributes:
        id: short, unique in its profile.
        title: of the law or guidance.
        article: the place in it.
        url: an address, or "" for a citation alone.
    """

    id: str
    title: str
    article: str
    url: str

    def __str__(self) -> str:
        """Return title and place, as one cites them."""
        return f"{self.title}, {self.article}" if self.article else self.title


@dataclass(frozen=True, slots=True)
class Scope:
    """To which policies a rule applies; an empty set is no condition.

    Attributes:
        subjects: whose faces.
        purposes: what for.
        heads: applies where one of these is asked for.
        bounds: how persons are counted.
    """

    subjects: frozenset[Subjects] = frozenset()
    purposes: frozenset[PurposeKind] = frozenset()
    heads: frozenset[Head] = frozenset()
    bounds: frozenset[PersonBound] = frozenset()

    def applies(self, policy: Policy) -> bool:
        """Say whether a rule of this scope binds a policy."""
        return (
            policy.subjects is not Subjects.SYNTHETIC
            and (not self.subjects or policy.subjects in self.subjects)
            and (not self.purposes or policy.purpose_kind in self.purposes)
            and (not self.heads or bool(self.heads & policy.heads))
            and (not self.bounds or policy.release.bound in self.bounds)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What every rule has.

    Attributes:
        scope: which policies it binds.
        basis: on what it rests.
        source: where to read it; None for `house` rules without one.
        because: why, one sentence a language.
    """

    scope: Scope
    basis: Basis
    source: Source | None
    because: Text


@dataclass(frozen=True, slots=True)
class Ceiling(Rule):
    """A bound on one number of the policy.

    Attributes:
        key: one of `CEILING_KEYS`.
        limit: direction.
        value: the bound; a frozen set of words for `ONE_OF`.
    """

    key: str
    limit: Limit
    value: timedelta | float | frozenset[str]

    def allows(self, asked: Limited) -> bool:
        """Say whether a value keeps within this ceiling."""
        if isinstance(self.value, frozenset):
            return asked in self.value
        assert not isinstance(asked, str), "only ONE_OF speaks about words"
        number, bound = _plain(asked), _plain(self.value)
        return number <= bound if self.limit is Limit.MOST else number >= bound

    def stricter(self) -> float:
        """Return a number that is smaller for a stricter ceiling of the same key and direction."""
        if isinstance(self.value, frozenset):
            return float(len(self.value))
        return _plain(self.value) if self.limit is Limit.MOST else -_plain(self.value)


@dataclass(frozen=True, slots=True)
class Prohibition(Rule):
    """Heads that mustn't be loaded.

    Attributes:
        heads: which.
    """

    heads: frozenset[Head]


@dataclass(frozen=True, slots=True)
class Requirement(Rule):
    """Something that the policy must state.

    Attributes:
        key: one of `REQUIRED_KEYS`.
    """

    key: str


@dataclass(frozen=True, slots=True)
class EvidenceItem(Rule):
    """One line of a checklist: something that somebody must be able to show.

    Attributes:
        id: unique in its profile; the key under `[evidence]` of a policy.
        group: which checklist it belongs to, a key of `Profile.groups`.
        text: what has to be shown, by language.
        required: the agent doesn't start without it where the scope applies; otherwise it is a
            line to be thought about.
    """

    id: str
    group: str
    text: Text
    required: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """One jurisdiction, as data.

    Attributes:
        name: of its file.
        title: by language.
        about: plain sentences, by language.
        verified_on: when the facts were last looked up.
        timezone: IANA name where the whole jurisdiction has one clock, else None.
        sources: by id.
        ceilings: bounds on numbers.
        prohibitions: heads that mustn't be loaded.
        requirements: what the policy must state.
        groups: titles of the checklists, by id and language.
        evidence: lines of the checklists.
        digest: SHA-256 (hex) of the file.
    """

    name: str
    title: Text
    about: Mapping[str, tuple[str, ...]]
    verified_on: date
    timezone: str | None
    sources: Mapping[str, Source]
    ceilings: tuple[Ceiling, ...]
    prohibitions: tuple[Prohibition, ...]
    requirements: tuple[Requirement, ...]
    groups: Mapping[str, Text]
    evidence: tuple[EvidenceItem, ...]
    digest: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Breach:
    """Something in a policy that its profile doesn't allow.

    Attributes:
        key: dotted name of the place in the policy file.
        message: what is wrong, without the place.
        advice: what to change.
        rule: which rule says so.
    """

    key: str
    message: str
    advice: str
    rule: Rule


def _plain(value: timedelta | float) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value


def allowed_heads(policy: Policy, profile: Profile) -> frozenset[Head]:
    """Return the heads that may be loaded: asked for, and not prohibited for these subjects."""
    banned = {
        head for rule in profile.prohibitions if rule.scope.applies(policy) for head in rule.heads
    }
    return policy.heads - banned


def ceilings_in_force(policy: Policy, profile: Profile) -> tuple[Ceiling, ...]:
    """Return the strictest ceiling of each key and direction that binds a policy, by key."""
    binding = [ceiling for ceiling in profile.ceilings if ceiling.scope.applies(policy)]
    order = list(CEILING_KEYS)
    binding.sort(key=lambda ceiling: (order.index(ceiling.key), ceiling.limit, ceiling.stricter()))
    grouped = groupby(binding, key=lambda ceiling: (ceiling.key, ceiling.limit))
    return tuple(next(group) for _, group in grouped)


def breaches(policy: Policy, profile: Profile) -> tuple[Breach, ...]:
    """Return everything that a profile doesn't allow in a policy, or misses in it."""
    return (
        *_prohibited(policy, profile),
        *_exceeded(policy, profile),
        *_missing(policy, profile),
    )


def spell(value: Limited | frozenset[str]) -> str:
    """Return a value as a policy file spells it."""
    if isinstance(value, timedelta):
        return spell_duration(value)
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _prohibited(policy: Policy, profile: Profile) -> Iterator[Breach]:
    for rule in profile.prohibitions:
        for head in sorted(rule.heads & policy.heads) if rule.scope.applies(policy) else ():
            what = f"{policy.subjects}, {policy.purpose_kind}"
            left = ", ".join(sorted(policy.heads - rule.heads)) or "another head"
            yield Breach(
                "capture.heads",
                f"profile {profile.name} doesn't allow {head} for these subjects and purpose "
                f"({what})",
                f"Take `{head}` out of capture.heads; {left} may stay.",
                rule,
            )


_WORDS = {
    (Limit.MOST, True): "is longer than profile {name} allows ({limit})",
    (Limit.LEAST, True): "is shorter than profile {name} asks for ({limit})",
    (Limit.MOST, False): "is more than profile {name} allows ({limit})",
    (Limit.LEAST, False): "is less than profile {name} asks for ({limit})",
    (Limit.ONE_OF, False): "isn't among what profile {name} allows ({limit})",
}
_ADVICE = {
    Limit.MOST: "Set {key} to {limit} or less.",
    Limit.LEAST: "Set {key} to {limit} or more.",
    Limit.ONE_OF: "Set {key} to one of: {limit}.",
}


def _exceeded(policy: Policy, profile: Profile) -> Iterator[Breach]:
    for ceiling in ceilings_in_force(policy, profile):
        asked = CEILING_KEYS[ceiling.key](policy)
        if not ceiling.allows(asked):
            limit = spell(ceiling.value)
            words = _WORDS[ceiling.limit, isinstance(ceiling.value, timedelta)]
            yield Breach(
                ceiling.key,
                f"{spell(asked)} {words.format(name=profile.name, limit=limit)}",
                _ADVICE[ceiling.limit].format(key=ceiling.key, limit=limit),
                ceiling,
            )


def _missing(policy: Policy, profile: Profile) -> Iterator[Breach]:
    for rule in profile.requirements:
        if rule.scope.applies(policy) and not REQUIRED_KEYS[rule.key](policy):
            flag = rule.key in {"site.written_release", "site.informed_consent"}
            value = "true" if flag else '"..."'
            yield Breach(
                rule.key,
                f"profile {profile.name} asks for it",
                f"{'Once it is so, set' if flag else 'Set'} {rule.key} = {value}.",
                rule,
            )
    for item in profile.evidence:
        asked = item.required and item.scope.applies(policy)
        if asked and not policy.evidence.get(item.id, "").strip():
            yield Breach(
                f"evidence.{item.id}",
                f"profile {profile.name} asks where this is kept: {item.text['en']}",
                f'Say where, under [evidence]: {item.id} = "...".',
                item,
            )
