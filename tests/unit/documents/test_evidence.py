"""Checklists: what the policy knows is filled in, what it doesn't is left to people."""

from __future__ import annotations

import shlex
from dataclasses import replace

import click
import pytest

from agent.cli.main import main
from agent.config.words import load_words
from agent.domain.policy import Subjects
from agent.domain.sentences import SECTIONS
from agent.domain.words import LANGUAGES
from dashboard.documents.evidence import TEXTS, Kind, build_evidence, load_checklist
from dashboard.documents.markdown import document_markdown
from dashboard.documents.model import Item, Paragraph
from tests.papers import HOSTILE, ISSUED, european, shop

BOTH = pytest.mark.parametrize("language", LANGUAGES)
KINDS = pytest.mark.parametrize("kind", list(Kind))


def items(document) -> list[Item]:
    """Return a checklist's items."""
    return [block for block in document.blocks if isinstance(block, Item)]


@KINDS
def test_every_text_is_there_in_both_languages(kind: Kind) -> None:
    """No point lacks a language, a chapter, or the words of its blanks."""
    checklist = load_checklist(kind)
    words = load_words("en", TEXTS)
    texts = [checklist.title, checklist.subtitle, checklist.about, *checklist.parts.values()]

    for point in checklist.points:
        texts += [point.asks, point.source, *point.notes]
        assert point.part in checklist.parts
        assert set(point.found) <= set(SECTIONS)
        assert all(f"blank.{name}" in words for name in point.blanks)
    assert all(set(text) == set(LANGUAGES) and all(text.values()) for text in texts)


@KINDS
def test_every_reference_is_one_of_the_profile(kind: Kind) -> None:
    """A checklist names no evidence that the profile of its norm doesn't know."""
    from agent.config.profiles import load_profile

    checklist = load_checklist(kind)
    known = {item.id for item in load_profile(checklist.profile).evidence}
    named = {name for point in checklist.points for name in point.evidence}

    assert named <= known


def test_every_blank_is_used() -> None:
    """No text is kept that no list shows."""
    used = {name for kind in Kind for point in load_checklist(kind).points for name in point.blanks}
    entries = load_words("en", TEXTS).entries
    known = {key.removeprefix("blank.") for key in entries if key.startswith("blank.")}

    assert known == used | {"checked_by", "checked_on"}


@KINDS
def test_commands_that_prove_something_exist(kind: Kind) -> None:
    """Each command is one of the program's, with its options."""
    for point in load_checklist(kind).points:
        for proof in point.proofs:
            name, *rest = shlex.split(proof)
            assert "omokage" == name
            command: click.Command = main
            context = click.Context(main)
            while isinstance(command, click.Group):
                found = command.get_command(context, rest.pop(0))
                assert found is not None, proof
                command = found
            known = {option for p in command.params for option in p.opts}
            assert {word for word in rest if word.startswith("--")} <= known


@BOTH
def test_what_the_policy_knows_is_filled_in(language: str) -> None:
    """Purpose, retention and contact stand under the points that ask for them."""
    policy, profile = shop(evidence='operator = "Binder 4, office"')

    found = [text for item in items(build_evidence(policy, profile, Kind.GUIDEBOOK, language,
                                                   ISSUED)) for text in item.found]  # fmt: skip

    assert policy.purpose[language] in found
    assert any("48" in text for text in found)
    assert any(policy.contact in text for text in found)
    assert any("Binder 4, office" in text for text in found)


@BOTH
def test_what_the_policy_doesnt_know_is_said_to_be_missing(language: str) -> None:
    """A proof without a place isn't passed over: the key to write it under is named."""
    words = load_words(language, TEXTS)
    document = build_evidence(*shop(), Kind.GUIDEBOOK, language, ISSUED)

    found = [text for item in items(document) for text in item.found]

    assert words("evidence.missing", id="operator") in found


@BOTH
def test_workers_bring_the_points_of_the_commission(language: str) -> None:
    """The profile's further groups follow, where their scope applies."""
    keys = ("purpose", "responsible", "rules", "check")
    told = "\n".join(f'monitoring-{key} = "rule book {key}"' for key in keys)
    for_customers = build_evidence(*shop(), Kind.GUIDEBOOK, language, ISSUED)
    for_workers = build_evidence(
        *shop(subjects="workers", evidence=told), Kind.GUIDEBOOK, language, ISSUED
    )

    assert len(items(for_customers)) + 5 == len(items(for_workers))
    assert any("rule book responsible" in t for item in items(for_workers) for t in item.found)


@BOTH
def test_every_item_has_lines_for_who_checked_it(language: str) -> None:
    """A box without a name proves nothing."""
    for kind in Kind:
        assert all(2 == len(item.signed) for item in items(
            build_evidence(*european(), kind, language, ISSUED)))  # fmt: skip


@BOTH
@KINDS
def test_a_checklist_says_that_it_is_no_advice(kind: Kind, language: str) -> None:
    """At the top and at the foot of each page."""
    document = build_evidence(*shop(), kind, language, ISSUED)
    caution = load_words(language, TEXTS)("evidence.caution")

    assert any(isinstance(b, Paragraph) and caution == b.text for b in document.blocks)
    assert "not legal advice" in document.footer or "法的助言ではありません" in document.footer


def test_a_site_under_another_profile_is_told_so() -> None:
    """The GDPR's list for a Japanese site says that its references are missing."""
    other = build_evidence(*shop(), Kind.DPIA, "en", ISSUED)
    own = build_evidence(*european(), Kind.DPIA, "en", ISSUED)

    def told(document):
        return any("keeps to the profile" in getattr(b, "text", "") for b in document.blocks)

    assert told(other)
    assert not told(own)


def test_emotion_is_on_the_list_only_where_it_is_computed() -> None:
    """The notice of Art. 50(3) is asked of who computes categories, not of others."""
    policy, profile = european()
    plain = replace(policy, heads=frozenset({next(iter(shop()[0].heads))}))

    def asked(rules):
        document = build_evidence(rules, profile, Kind.DPIA, "en", ISSUED)
        return any("50(3)" in item.source for item in items(document))

    assert asked(policy)
    assert not asked(plain)
    assert not asked(replace(policy, subjects=Subjects.SYNTHETIC))


def test_markdown_shows_texts_as_they_are() -> None:
    """A policy's text is neither HTML nor Markdown, nor does it break out of its line."""
    policy, profile = shop()
    policy = replace(policy, site=HOSTILE, contact=f"# top\n{HOSTILE}")

    page = document_markdown([build_evidence(policy, profile, Kind.GUIDEBOOK, "en", ISSUED)])

    assert "<script" not in page.replace("\\<script", "")
    assert "\n# top" not in page
    assert "- [ ] **1." in page
    assert "`omokage policy check`" in page
