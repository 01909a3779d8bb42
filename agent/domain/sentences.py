"""Say what a policy means, in plain sentences. Pure: texts come in as `Words`.

Rules:
- Every number of the policy appears in some sentence; nothing is rounded.
- The words are of movements that were observed, never of feelings.
- What a person may read on the notice is said by the same sentences that an auditor reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import time, timedelta

from agent.domain.policy import Head, Policy, Subjects, Zone
from agent.domain.profile import Ceiling, Limit, Profile, allowed_heads, ceilings_in_force
from agent.domain.schedule import Schedule, Window
from agent.domain.words import Words


@dataclass(frozen=True, slots=True)
class Section:
    """Sentences on one question.

    Attributes:
        id: a key of `SECTIONS`.
        title: of the section.
        sentences: each is whole in itself.
    """

    id: str
    title: str
    sentences: tuple[str, ...]


def sentences(policy: Policy, profile: Profile, words: Words) -> tuple[Section, ...]:
    """Return everything that a policy says, in the order in which people ask."""
    return tuple(
        Section(name, words(f"title.{name}"), tuple(say(policy, profile, words)))
        for name, say in SECTIONS.items()
    )


def _purpose(policy: Policy, _profile: Profile, words: Words) -> Iterator[str]:
    if policy.demo:
        yield words("purpose.demo")
    if words.language in policy.purpose:
        yield words("purpose.text", purpose=policy.purpose[words.language])
    else:
        for code, purpose in policy.purpose.items():
            yield words("purpose.other_language", code=code, purpose=purpose)
    yield words("purpose.kind", kind=words(f"purpose_kind.{policy.purpose_kind}"))


def _people(policy: Policy, _profile: Profile, words: Words) -> Iterator[str]:
    yield words(f"people.{policy.subjects}")
    yield words("people.unknown")
    if policy.written_release:
        yield words("people.release")
    if policy.informed_consent:
        yield words("people.consent")


def _places(policy: Policy, _profile: Profile, words: Words) -> Iterator[str]:
    names = words.listed([zone.name for zone in policy.zones])
    yield words.counted("places.count", len(policy.zones), names=names)
    for zone in policy.zones:
        yield from zone_sentences(zone, words)


def zone_sentences(zone: Zone, words: Words) -> Iterator[str]:
    """Yield what is blanked at a place, and how many work there."""
    if zone.keep:
        yield words.counted("places.keep", len(zone.keep), zone=zone.name)
    if zone.masks:
        yield words.counted("places.masks", len(zone.masks), zone=zone.name)
    if zone.roster is not None:
        yield words.counted("places.roster", zone.roster, zone=zone.name)


def _times(policy: Policy, _profile: Profile, words: Words) -> Iterator[str]:
    schedule = policy.schedule
    if schedule.windows:
        told = windows_told(schedule, words)
        yield words("times.windows", timezone=policy.timezone, windows=told)
    else:
        yield words("times.always")
        yield words("times.zone_day", timezone=policy.timezone)
    if schedule.closed:
        days = [words.date(day) for day in sorted(schedule.closed)]
        yield words.counted("times.closed", len(days), days=words.listed(days))
    rate = "one" if policy.sampling_hz == 1 else "many"
    yield words(f"times.sampling.{rate}", n=f"{policy.sampling_hz:g}")


def windows_told(schedule: Schedule, words: Words) -> str:
    """Return the windows of a schedule, as one reads opening hours."""
    return words("list.semicolon").join(_window(window, words) for window in schedule.windows)


def _window(window: Window, words: Words) -> str:
    end = "24:00" if window.end is None else _clock(window.end)
    if window.over_midnight:
        end = words("times.next_day", time=end)
    return words("times.window", days=_days(window, words), start=_clock(window.start), end=end)


def _clock(at: time) -> str:
    return at.isoformat("minutes" if at.second == 0 else "seconds")


def _days(window: Window, words: Words) -> str:
    if len(window.days) == 7:
        return words("times.every_day")
    runs: list[list[int]] = []
    for day in sorted(window.days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts: list[str] = []
    for run in runs:
        names = [words(f"weekday.{day}") for day in run]
        ends = {"first": names[0], "last": names[-1]}
        parts += [words("times.day_range", **ends)] if len(run) > 2 else names
    return words("list.comma").join(parts)


def _measured(policy: Policy, profile: Profile, words: Words) -> Iterator[str]:
    loaded = allowed_heads(policy, profile)
    if Head.AU in loaded:
        yield words("measured.au")
    yield words("measured.pose")
    yield words("measured.gaze" if Head.GAZE in loaded else "measured.no_gaze")
    yield words("measured.emotion" if Head.EMOTION in loaded else "measured.no_emotion")
    barred = sorted(policy.heads - loaded)
    if barred:
        names = words.listed([words(f"head.{head}") for head in barred])
        yield words("measured.barred", heads=names)
    yield words("measured.no_feelings")


def _never(_policy: Policy, _profile: Profile, words: Words) -> Iterator[str]:
    for name in ("pictures", "sound", "identity", "traits"):
        yield words(f"never.{name}")


def _kept(policy: Policy, _profile: Profile, words: Words) -> Iterator[str]:
    kept = policy.retention
    yield words("kept.records", duration=words.duration(kept.records))
    yield words("kept.flush", duration=words.duration(policy.flush))
    bucket = words.duration(policy.release.bucket)
    yield words("kept.aggregates", duration=words.duration(kept.aggregates), bucket=bucket)
    yield words("kept.daily", duration=words.duration(kept.daily))
    yield words("kept.access_log", duration=words.duration(kept.access_log))
    yield words("kept.at_most")


def _shown(policy: Policy, _profile: Profile, words: Words) -> Iterator[str]:
    release = policy.release
    yield words("shown.bucket", duration=words.duration(release.bucket))
    yield words.counted("shown.k", release.k, bound=words(f"shown.bound_{release.bound}"))
    yield words("shown.hidden")


def _access(_policy: Policy, _profile: Profile, words: Words) -> Iterator[str]:
    for name in ("managers", "reviewers", "log"):
        yield words(f"access.{name}")


def _contact(policy: Policy, _profile: Profile, words: Words) -> Iterator[str]:
    yield words("contact.operator", operator=policy.operator or policy.site)
    yield words("contact.ask", contact=policy.contact)
    if policy.notice_url:
        yield words("contact.url", url=policy.notice_url)


def _law(policy: Policy, profile: Profile, words: Words) -> Iterator[str]:
    language = words.language
    date = words.date(profile.verified_on)
    yield words("law.profile", title=profile.title[language], name=profile.name, date=date)
    yield from profile.about[language]
    if policy.subjects is not Subjects.SYNTHETIC:
        for ceiling in ceilings_in_force(policy, profile):
            yield _ceiling(ceiling, words)
    yield words("law.digest", digest=policy.digest)


def _ceiling(ceiling: Ceiling, words: Words) -> str:
    limit = ceiling.limit.value
    if isinstance(ceiling.value, timedelta):
        value, limit = words.duration(ceiling.value), f"{limit}_time"
    elif isinstance(ceiling.value, frozenset):
        names = [words(f"law.bound.{bound}") for bound in sorted(ceiling.value)]
        value = words.listed(names)
        assert ceiling.limit is Limit.ONE_OF
    else:
        value = f"{ceiling.value:g}"
    source = "" if ceiling.source is None else str(ceiling.source)
    return words(
        "law.rule",
        key=words(f"law.key.{ceiling.key}"),
        limit=words(f"law.{limit}", value=value),
        basis=words(f"law.basis.{ceiling.basis}", source=source),
    )


SECTIONS: dict[str, Callable[[Policy, Profile, Words], Iterator[str]]] = {
    "purpose": _purpose,
    "people": _people,
    "places": _places,
    "times": _times,
    "measured": _measured,
    "never": _never,
    "kept": _kept,
    "shown": _shown,
    "access": _access,
    "contact": _contact,
    "law": _law,
}
"""What is said, by section; each function yields whole sentences."""
