"""The paper form of the key ceremony. Its printed values come in as JSON; it reads no key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from agent.config.words import load_words
from agent.domain.words import Words
from agent.errors import ConfigError
from dashboard.documents.model import (
    Block,
    Bullets,
    Document,
    Fields,
    Heading,
    Paragraph,
    Table,
)

TEXTS = Path(__file__).with_name("keyform.toml")
_STEPS = ("compare", "passphrase", "verify", "vault", "lost", "sign")
_DESTROYED_ROWS = 18


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What is printed on the form.

    Attributes:
        site: name shown to people.
        device: its id.
        fingerprint: of the root key, in groups.
        serial: of the signed key file.
        persons: how many are needed to open records, 1 or 2.
        made_at: aware.
        first_epoch: id of the first key period.
        last_epoch: id of the last one.
        epochs: how many.
        valid_until: when the last one ends, aware.
        extend_by: when new ones must be there, aware.
    """

    site: str
    device: str
    fingerprint: str
    serial: int
    persons: int
    made_at: AwareDatetime
    first_epoch: str
    last_epoch: str
    epochs: int
    valid_until: AwareDatetime
    extend_by: AwareDatetime


_FACTS = TypeAdapter(KeyFacts)


def parse_facts(raw: str) -> KeyFacts:
    """Read the values that the caller found in the public key file.

    Raises:
        ConfigError: something is missing or of the wrong kind.
    """
    try:
        return _FACTS.validate_json(raw)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the input"
        raise ConfigError(
            f"the form's values can't be used: {where}",
            advice="Make the form with `omokage keys`, which knows them.",
        ) from error


def build_key_form(facts: KeyFacts, language: str) -> Document:
    """Return the form with what is known printed and the rest left to be written."""
    words = load_words(language, TEXTS)
    steps = tuple(words(f"form.step_{name}") for name in _STEPS)
    places = tuple((words(f"form.{name}"), "") for name in ("vault_at", "copies", "paper_at"))
    blocks: tuple[Block, ...] = (
        Paragraph(words("form.about")),
        Heading(words("form.keys")),
        Fields(_printed(facts, words)),
        Heading(words("form.steps")),
        Bullets(steps),
        Heading(words("form.people")),
        _people(facts, words),
        Heading(words("form.places")),
        Fields(places),
        Heading(words("form.destroyed"), new_page=True),
        Paragraph(words("form.destroyed_about"), note=True),
        _destroyed(words),
    )
    footer = words(
        "form.footer", site=facts.site, device=facts.device, fingerprint=facts.fingerprint
    )
    subtitle = words("form.subtitle", site=facts.site)
    issued = facts.made_at.date()
    return Document(language, words("form.title"), subtitle, issued, footer, blocks)


def _printed(facts: KeyFacts, words: Words) -> tuple[tuple[str, str], ...]:
    span = words(
        "form.epochs_value", first=facts.first_epoch, last=facts.last_epoch, n=facts.epochs
    )
    values = {
        "site": facts.site,
        "device": facts.device,
        "fingerprint": facts.fingerprint,
        "serial": str(facts.serial),
        "epochs": span,
        "valid_until": words.date(facts.valid_until.date()),
        "extend_by": words.date(facts.extend_by.date()),
        "persons": str(facts.persons),
        "made_at": words.date(facts.made_at.date()),
    }
    return tuple((words(f"form.{name}"), value) for name, value in values.items())


def _people(facts: KeyFacts, words: Words) -> Table:
    header = ("person", "name", "signature", "passphrase_kept", "date")
    who = ("first", "second", "witness") if facts.persons > 1 else ("first", "witness")
    rows = tuple((words(f"form.{name}"), "", "", "", "") for name in who)
    names = tuple(words(f"form.{name}") for name in header)
    return Table(names, rows, widths=(3, 4, 4, 5, 2.6), row_height_mm=13)


def _destroyed(words: Words) -> Table:
    names = tuple(words(f"form.{name}") for name in ("date", "period", "copies_gone", "by"))
    rows = (("", "", "", ""),) * _DESTROYED_ROWS
    return Table(names, rows, widths=(2.6, 4, 4, 6), row_height_mm=9)
