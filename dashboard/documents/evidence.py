"""Checklists that a site fills in to show that it keeps to a norm. Pure apart from reading texts.

What the policy knows is filled in by the same sentences that `omokage policy show` prints; what
only people know is left as lines to write on. A checklist claims nothing by itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.config.words import load_words
from agent.domain.policy import Policy
from agent.domain.profile import EvidenceItem, Profile
from agent.domain.sentences import sentences
from agent.domain.words import Words
from dashboard.documents.model import (
    Block,
    Document,
    Fields,
    Heading,
    Item,
    Paragraph,
    Table,
)
from dashboard.documents.notice import grouped, short_digest

TEXTS = Path(__file__).with_name("evidence.toml")
_CHECKED = ("checked_by", "checked_on")

Text = Mapping[str, str]


class Kind(StrEnum):
    """Which norm a checklist is about."""

    GUIDEBOOK = "guidebook"
    DPIA = "dpia"


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that a norm asks for.

    Attributes:
        part: id of the chapter.
        asks: by language.
        source: where, by language.
        found: ids of the sections of sentences that answer it.
        evidence: ids of the profile's evidence that belong to it.
        notes: what the program does about it, by language.
        proofs: commands.
        blanks: keys of what people write.
    """

    part: str
    asks: Text
    source: Text
    found: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    notes: tuple[Text, ...] = ()
    proofs: tuple[str, ...] = ()
    blanks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checklist:
    """A norm's points.

    Attributes:
        profile: name of the profile that knows the same norm.
        title: by language.
        subtitle: the norm, by language.
        about: how to read the list, by language.
        parts: chapters' titles by id, in order.
        points: in order.
    """

    profile: str
    title: Text
    subtitle: Text
    about: Text
    parts: Mapping[str, Text]
    points: tuple[Point, ...]


def load_checklist(kind: Kind) -> Checklist:
    """Return a checklist from its file."""
    table = tomllib.loads(Path(__file__).with_name(f"{kind}.toml").read_text(encoding="utf-8"))
    points = tuple(_point(item) for item in table["item"])
    parts = {part["id"]: part["title"] for part in table["part"]}
    return Checklist(
        table["profile"], table["title"], table["subtitle"], table["about"], parts, points
    )


def _point(item: dict[str, Any]) -> Point:
    lists = ("found", "evidence", "notes", "proofs", "blanks")
    assert set(item) <= {"part", "asks", "source", *lists}, "an unknown key would be lost"
    answers = {name: tuple(item.get(name, ())) for name in lists}
    return Point(item["part"], item["asks"], item["source"], **answers)


def build_evidence(
    policy: Policy, profile: Profile, kind: Kind, language: str, issued: date
) -> Document:
    """Return a checklist, filled in as far as the policy knows."""
    words = load_words(language, TEXTS)
    checklist = load_checklist(kind)
    filler = _Filler(policy, profile, words)
    blocks: list[Block] = [
        Fields(filler.head(issued)),
        Paragraph(checklist.about[language]),
        Paragraph(words("evidence.caution"), note=True),
    ]
    if profile.name != checklist.profile:
        told = words("evidence.other_profile", name=profile.name, wanted=checklist.profile)
        blocks.append(Paragraph(told))
    blocks += filler.points(checklist)
    blocks += [Heading(words("evidence.signed")), _signatures(words)]
    digest = short_digest(policy.digest)
    footer = words("evidence.footer", site=policy.site, digest=digest, date=words.date(issued))
    norm = words("evidence.subtitle", site=policy.site, norm=checklist.subtitle[language])
    return Document(language, checklist.title[language], norm, issued, footer, tuple(blocks))


def _signatures(words: Words) -> Table:
    header = tuple(words(f"evidence.sign_{name}") for name in ("role", "name", "date"))
    roles = (words(f"evidence.sign_{name}") for name in ("operator", "privacy", "people"))
    rows = tuple((role, "", "") for role in roles)
    return Table(header, rows, widths=(3, 5, 2), row_height_mm=13)


@dataclass(frozen=True, slots=True)
class _Filler:
    policy: Policy
    profile: Profile
    words: Words

    def head(self, issued: date) -> tuple[tuple[str, str], ...]:
        """Return what the checklist is about."""
        policy, profile, words = self.policy, self.profile, self.words
        told = words(
            "evidence.profile_value",
            title=profile.title[words.language],
            name=profile.name,
            date=words.date(profile.verified_on),
        )
        return (
            (words("evidence.site"), policy.site),
            (words("evidence.operator"), policy.operator or policy.site),
            (words("evidence.profile"), told),
            (words("evidence.policy"), grouped(policy.digest)),
            (words("evidence.issued"), words.date(issued)),
        )

    def points(self, checklist: Checklist) -> Iterator[Block]:
        """Yield the chapters with their items, and what else the profile asks for."""
        language = self.words.language
        told = {s.id: s.sentences for s in sentences(self.policy, self.profile, self.words)}
        number = 0
        for part, title in checklist.parts.items():
            yield Heading(title[language])
            for point in (p for p in checklist.points if p.part == part):
                number += 1
                found = [sentence for section in point.found for sentence in told[section]]
                found += [note[language] for note in point.notes]
                many = len(point.evidence) > 1
                named = self._named(point.evidence)
                found += [self._reference(item, tell=many) for item in named]
                yield self._item(number, point, tuple(found))
        cited = {name for point in checklist.points for name in point.evidence}
        yield from self._rest(cited, number)

    def _item(self, number: int, point: Point, found: tuple[str, ...]) -> Item:
        words = self.words
        return Item(
            number=f"{number}.",
            asks=point.asks[words.language],
            source=point.source[words.language],
            found_title=words("evidence.found"),
            found=found,
            proof_title=words("evidence.proof"),
            proofs=point.proofs,
            blanks=tuple(words(f"blank.{name}") for name in point.blanks),
            signed=tuple(words(f"blank.{name}") for name in _CHECKED),
        )

    def _named(self, ids: tuple[str, ...]) -> Iterator[EvidenceItem]:
        for item in self.profile.evidence:
            if item.id in ids and item.scope.applies(self.policy):
                yield item

    def _reference(self, item: EvidenceItem, *, tell: bool = False) -> str:
        """Say where a proof is kept; `tell` of what, where a point asks for several."""
        where = self.policy.evidence.get(item.id, "").strip()
        key = f"evidence.{'kept_at' if where else 'missing'}{'_of' if tell else ''}"
        text = item.text[self.words.language].rstrip(".。")
        return self.words(key, where=where, id=item.id, text=text)

    def _rest(self, cited: set[str], number: int) -> Iterator[Block]:
        """Yield what the profile asks for beyond the checklist, in the profile's own groups."""
        words = self.words
        group = ""
        for item in self.profile.evidence:
            if item.id in cited or not item.scope.applies(self.policy):
                continue
            if item.group != group:
                group = item.group
                yield Heading(self.profile.groups[group][words.language])
            number += 1
            yield Item(
                number=f"{number}.",
                asks=item.text[words.language],
                source=str(item.source) if item.source else words("law.basis.house"),
                found_title=words("evidence.found"),
                found=(self._reference(item),),
                signed=tuple(words(f"blank.{name}") for name in _CHECKED),
            )
