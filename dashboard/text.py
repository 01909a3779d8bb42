"""The words of the pages, in two languages, from `text.toml` and from one file a page in `text/`.

Each entry holds both languages side by side, so that a sentence can't be changed in one alone. No
two files may have the same entry.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

LANGUAGES: dict[str, str] = {"en": "English", "ja": "日本語"}
"""Language codes and their names in their own language."""

_PATH = Path(__file__).with_name("text.toml")
_FOLDER = Path(__file__).with_name("text")


@functools.cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return all entries: dotted key to language code to text."""
    entries: dict[str, dict[str, str]] = {}
    for path in (_PATH, *sorted(_FOLDER.glob("*.toml"))):
        found = _flatten(tomllib.loads(path.read_text(encoding="utf-8")), "")
        assert not entries.keys() & found.keys(), f"{path.name} repeats an entry of another file"
        entries |= found
    return entries


def _flatten(table: dict[str, object], prefix: str) -> dict[str, dict[str, str]]:
    entries: dict[str, dict[str, str]] = {}
    texts = {key: value for key, value in table.items() if isinstance(value, str)}
    if texts:
        entries[prefix] = texts
    for key, value in table.items():
        if isinstance(value, dict):
            entries |= _flatten(value, f"{prefix}.{key}" if prefix else key)
    return entries


def preferred(locale: str | None) -> str:
    """Choose a language for a browser's locale, for example `ja-JP`; English where unsure."""
    return "ja" if locale and locale.lower().startswith("ja") else "en"


@dataclass(frozen=True, slots=True)
class Text:
    """One language's words.

    Attributes:
        language: a key of `LANGUAGES`.
    """

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """Return the entry's text with its `{placeholders}` filled in."""
        return catalogue()[key][self.language].format(**values)

    def percent(self, share: float | None, decimals: int = 0) -> str:
        """Write a share 0-1 as a percentage; a dash where there is none.

        What is there but would round to nothing is "<1": "0 %" is kept for nothing at all.
        """
        if share is None:
            return "–"
        least = 10.0**-decimals
        small = share > 0 and 100 * share < least / 2
        said = f"<{least:.{decimals}f}" if small else f"{100 * share:.{decimals}f}"
        return f"{said}\N{NARROW NO-BREAK SPACE}%"

    def duration(self, seconds: float) -> str:
        """Write a duration in its two largest units, from seconds to days."""
        whole = round(seconds)
        if whole < 60:
            return self("unit.seconds", n=whole)
        minutes = round(whole / 60)
        if minutes < 60:
            return self("unit.minutes", n=minutes)
        hours, rest = divmod(minutes, 60)
        if hours < 24:
            text = self("unit.hours", n=hours)
            return f"{text} {self('unit.minutes', n=rest)}" if rest else text
        days, hours = divmod(hours, 24)
        text = self("unit.days", n=days)
        return f"{text} {self('unit.hours', n=hours)}" if hours else text
