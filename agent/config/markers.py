"""`markers.toml`: days on which something changed at a site, for comparing before and after.

    [[marker]]
    date = 2026-03-03
    text = { ja = "新しいレジ", en = "New checkout" }

The file is optional and changes nothing but what a page offers for comparison.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from agent.domain.words import LANGUAGES
from agent.errors import ConfigError

FILE_NAME = "markers.toml"
LONGEST_TEXT = 80
MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Marker:
    """One day.

    Attributes:
        day: by the site's clock.
        text: what happened, by language; at least one.
    """

    day: date
    text: Mapping[str, str]

    def told(self, language: str) -> str:
        """Return the text in a language, or in the other one."""
        return self.text.get(language) or next(iter(self.text.values()))


def load_markers(root: Path) -> tuple[Marker, ...]:
    """Return a site's markers, oldest first; none where there is no file.

    Args:
        root: the site's folder.

    Raises:
        ConfigError: the file can't be read, or says something else than markers.
    """
    try:
        content = (root / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(
            f"can't read {FILE_NAME}: {error.strerror}", advice="Check who may read the file."
        ) from error
    return parse_markers(content)


def parse_markers(content: bytes) -> tuple[Marker, ...]:
    """Return what a file says. Raises as `load_markers`."""
    if len(content) > MOST_BYTES:
        raise _wrong(f"is larger than {MOST_BYTES} bytes")
    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # TOML, UTF-8, long numbers, nesting
        raise _wrong(f"isn't TOML: {error}") from error
    entries = table.pop("marker", [])
    if table or not isinstance(entries, list):
        raise _wrong("may hold [[marker]] tables and nothing else")
    return tuple(sorted((_marker(i, e) for i, e in enumerate(entries, 1)), key=lambda m: m.day))


def _marker(number: int, entry: object) -> Marker:
    if not isinstance(entry, dict) or set(entry) != {"date", "text"}:
        raise _wrong(f"marker {number} needs exactly a date and a text")
    day, text = entry["date"], entry["text"]
    if not isinstance(day, date) or isinstance(day, datetime):
        raise _wrong(f"marker {number}: date is a day like 2026-03-03, without quotes")
    named = isinstance(text, dict) and bool(text) and set(text) <= set(LANGUAGES)
    if not named or not all(isinstance(t, str) and _fits(t) for t in text.values()):
        raise _wrong(
            f"marker {number}: text is a table of {' and '.join(LANGUAGES)}, each one line of at "
            f"most {LONGEST_TEXT} characters"
        )
    return Marker(day, text)


def _fits(text: str) -> bool:
    return 0 < len(text.strip()) <= LONGEST_TEXT and text.isprintable()


def _wrong(why: str) -> ConfigError:
    return ConfigError(
        f"{FILE_NAME} {why}", advice='Write: [[marker]], date = 2026-03-03, text = { en = "..." }.'
    )
