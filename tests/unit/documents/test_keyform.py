"""The paper of the key ceremony: public values printed, the rest written by hand."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from agent.cli.keys.form import as_json
from agent.crypto.paper import PaperForm
from agent.domain.words import LANGUAGES
from agent.errors import ConfigError
from dashboard.documents.keyform import build_key_form, parse_facts
from dashboard.documents.model import Fields, Table
from tests.papers import FACTS

BOTH = pytest.mark.parametrize("language", LANGUAGES)


def values() -> dict[str, object]:
    """Return the form's values as JSON knows them."""
    return json.loads(json.dumps(asdict(FACTS), default=lambda instant: instant.isoformat()))


@BOTH
def test_public_values_are_printed(language: str) -> None:
    """Site, device, fingerprint, periods and dates stand on the form."""
    document = build_key_form(FACTS, language)
    printed = next(block for block in document.blocks if isinstance(block, Fields))
    text = " ".join(value for _, value in printed.entries)

    for part in (FACTS.site, FACTS.device, FACTS.fingerprint, FACTS.first_epoch, "26"):
        assert part in text
    assert "2027-05-24" in text or "2027年5月24日" in text


@BOTH
def test_what_people_write_is_left_blank(language: str) -> None:
    """No name, signature or place is made up."""
    document = build_key_form(FACTS, language)
    tables = [block for block in document.blocks if isinstance(block, Table)]

    assert all(not any(row[1:]) for table in tables for row in table.rows)
    assert all(table.row_height_mm >= 9 for table in tables)


@pytest.mark.parametrize(("persons", "rows"), [(1, 2), (2, 3)])
def test_as_many_lines_as_persons_and_a_witness(persons: int, rows: int) -> None:
    """Two reviewers sign where two are needed; somebody else always watches."""
    document = build_key_form(replace(FACTS, persons=persons), "en")
    people = next(block for block in document.blocks if isinstance(block, Table))

    assert rows == len(people.rows)


@BOTH
def test_the_form_warns_against_writing_a_passphrase(language: str) -> None:
    """It says so before anybody takes a pen."""
    first = build_key_form(FACTS, language).blocks[0]

    assert "passphrase" in first.text or "パスフレーズそのものは、決して書かない" in first.text


def test_what_the_command_sends_is_what_the_form_reads() -> None:
    """The public side's values arrive unchanged."""
    told = {k: v for k, v in asdict(FACTS).items() if k != "site"}

    assert FACTS == parse_facts(as_json(PaperForm(**told), FACTS.site))


@pytest.mark.parametrize("name", sorted(asdict(FACTS)))
def test_a_missing_value_is_refused(name: str) -> None:
    """A form with a hole where the fingerprint should be is worse than none."""
    told = values()
    del told[name]

    with pytest.raises(ConfigError, match=name):
        parse_facts(json.dumps(told))


@pytest.mark.parametrize("raw", ["", "{}", "[]", "null", '{"site": 3}'])
def test_something_else_is_refused(raw: str) -> None:
    """Neither nothing nor another shape makes a form."""
    with pytest.raises(ConfigError):
        parse_facts(raw)


def test_an_instant_without_zone_is_refused() -> None:
    """A form that is wrong by nine hours helps nobody."""
    with pytest.raises(ConfigError, match="valid_until"):
        parse_facts(json.dumps({**values(), "valid_until": "2027-05-24T00:00:00"}))
