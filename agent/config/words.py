"""Read texts in two languages from TOML; an entry that lacks one of them is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from agent.domain.words import LANGUAGES, Words
from agent.errors import ConfigError
from agent.shipped import shipped

TEXTS = shipped("policies/text")
SENTENCES = TEXTS / "sentences.toml"
"""What a policy means, and how numbers read."""
RETENTION = TEXTS / "retention.toml"
"""What deletion says: plan, reasons, refusals, doubts, receipt."""


def load_words(language: str, *files: Path) -> Words:
    """Return one language's words from the sentences' file and from others beside it.

    Raises:
        ConfigError: a file is missing or damaged, or one language lacks an entry.
    """
    entries: dict[str, dict[str, str]] = {}
    for path in (SENTENCES, *files):
        entries |= _entries(path)
    return Words(language, entries)


@cache
def _entries(path: Path) -> dict[str, dict[str, str]]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"can't read the texts in {path.name}: {why}",
            advice="Reinstall Omokage, or restore the file from its release.",
        ) from error
    return dict(_flat(table, "", path.name))


def _flat(table: dict[str, object], prefix: str, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    texts = {key: value for key, value in table.items() if isinstance(value, str)}
    if texts:
        if set(texts) != set(LANGUAGES) or not all(text.strip() for text in texts.values()):
            raise ConfigError(
                f"{name}: {prefix or 'the top'} needs exactly {' and '.join(LANGUAGES)}",
                advice="Write the entry in both languages.",
            )
        yield prefix, texts
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}.{key}" if prefix else key, name)
