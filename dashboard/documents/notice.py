"""What stands on the notice that hangs where a camera looks. Pure; drawing it is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from agent.config.words import load_words
from agent.domain.policy import Head, Policy
from agent.domain.profile import Profile, allowed_heads
from agent.domain.sentences import windows_told
from agent.domain.words import LANGUAGES, Words
from agent.errors import PolicyError
from dashboard.documents.qr import qr_svg

TEXTS = Path(__file__).with_name("notice.toml")
PICTOGRAM = Path(__file__).with_name("pictogram.svg")
_GAP = {"ja": "", "en": " "}
"""What stands for a line's break where there is none."""


@dataclass(frozen=True, slots=True)
class Line:
    """A thing and what is said about it."""

    what: str
    about: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One poster in one language.

    Attributes:
        language: of the words.
        document: title of the file.
        title: what the camera does; the largest line.
        other_language: of the next one.
        other_title: the same, for who reads the other language.
        pictogram: what the drawing shows, for who can't see it.
        lead: what happens, sentence by sentence.
        purpose: heading and the site's own sentence.
        never: heading and lines: what isn't kept, and why one can believe it.
        kept: heading and lines: what is kept, and how long at most.
        facts: where, when, about how few.
        rights: a sentence, or "".
        operator: heading and name.
        contact: heading and how to ask.
        small: date and digest.
        qr: SVG of a QR code, or "".
        qr_label: heading of the code.
        qr_alt: the code in words.
        url: the code's address, or "".
    """

    language: str
    document: str
    title: str
    other_language: str
    other_title: str
    pictogram: str
    lead: tuple[str, ...]
    purpose: Line
    never: tuple[str, tuple[Line, ...]]
    kept: tuple[str, tuple[Line, ...]]
    facts: tuple[Line, ...]
    rights: str
    operator: Line
    contact: Line
    small: tuple[str, ...]
    qr: str
    qr_label: str
    qr_alt: str
    url: str


def build_notice(policy: Policy, profile: Profile, language: str, issued: date) -> Notice:
    """Return what a policy's notice says.

    Raises:
        PolicyError: the policy doesn't say its purpose in this language.
    """
    words = load_words(language, TEXTS)
    if language not in policy.purpose:
        raise PolicyError(
            f"the policy has no purpose in {LANGUAGES[language]}",
            advice=f'Add `{language} = "..."` under [site.purpose], then make the notice.',
        )
    other = next(code for code in LANGUAGES if code != language)
    return Notice(
        language=language,
        document=words("notice.document", site=policy.site),
        title=words("notice.title"),
        other_language=other,
        other_title=load_words(other, TEXTS)("notice.title").replace("\n", _GAP[other]),
        pictogram=words("notice.pictogram"),
        lead=_lead(policy, profile, words),
        purpose=Line(words("notice.purpose"), policy.purpose[language]),
        never=(words("notice.never"), _never(words)),
        kept=(words("notice.kept"), _kept(policy, words)),
        facts=_facts(policy, words),
        rights=words("notice.rights") if profile.name == "eu" else "",
        operator=Line(words("notice.operator"), _operator(policy)),
        contact=Line(words("notice.contact"), policy.contact),
        small=(
            f"{words('notice.issued')} {words.date(issued)}",
            f"{words('notice.policy')} {short_digest(policy.digest)}",
        ),
        qr=qr_svg(policy.notice_url) if policy.notice_url else "",
        qr_label=words("notice.qr"),
        qr_alt=words("notice.qr_alt", url=policy.notice_url),
        url=policy.notice_url,
    )


def _operator(policy: Policy) -> str:
    if policy.operator in {"", policy.site}:
        return policy.site
    return f"{policy.operator}\n{policy.site}"


def short_digest(digest: str) -> str:
    """Return the first 16 hexadecimal digits in groups, to be compared by eye."""
    return grouped(digest[:16])


def grouped(digest: str) -> str:
    """Return hexadecimal digits in groups of four."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))


def _lead(policy: Policy, profile: Profile, words: Words) -> tuple[str, ...]:
    lines = [words("notice.demo")] if policy.demo else []
    lines.append(words("notice.lead"))
    if Head.EMOTION in allowed_heads(policy, profile):
        lines.append(words("notice.emotion"))
        if profile.name == "eu":
            lines.append(words("notice.ai_act"))
    return tuple(lines)


def _never(words: Words) -> tuple[Line, ...]:
    names = ("pictures", "identity", "traits")
    return tuple(
        Line(words(f"notice.never_{name}"), words(f"notice.never_{name}_note")) for name in names
    )


def _kept(policy: Policy, words: Words) -> tuple[Line, ...]:
    kept = policy.retention
    bucket = words.duration(policy.release.bucket)
    lives = {
        "records": kept.records,
        "aggregates": kept.aggregates,
        "daily": kept.daily,
        "access_log": kept.access_log,
    }
    return tuple(
        Line(
            words(f"notice.kept_{name}", bucket=bucket),
            words("notice.at_most", duration=words.duration(life)),
        )
        for name, life in lives.items()
    )


def _facts(policy: Policy, words: Words) -> tuple[Line, ...]:
    places = [words("list.comma").join(zone.name for zone in policy.zones)]
    masked = [zone.name for zone in policy.zones if zone.masks or zone.keep]
    if len(masked) == len(policy.zones):
        places.append(words("notice.masked_all"))
    elif masked:
        places.append(words("notice.masked", names=words.listed(masked)))
    schedule = policy.schedule
    times = [windows_told(schedule, words) if schedule.windows else words("notice.always")]
    if schedule.closed:
        times.append(words.counted("notice.closed", len(schedule.closed)))
    return (
        Line(words("notice.places"), "\n".join(places)),
        Line(words("notice.times"), "\n".join(times)),
        Line(words("notice.shown"), words.counted("notice.few", policy.release.k)),
    )
