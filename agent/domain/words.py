"""Texts in two languages with their placeholders, and how numbers read inside a sentence. Pure.

The texts themselves are data (`policies/text/*.toml`, read by `agent.config.words`); both
languages of an entry stand side by side, so that one can't be changed alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

LANGUAGES: Mapping[str, str] = {"ja": "日本語", "en": "English"}
"""Language codes and their names in their own language."""

Entries = Mapping[str, Mapping[str, str]]
"""Dotted key to language code to text."""

_UNITS = (("days", 86_400, 4), ("hours", 3_600, 1), ("minutes", 60, 1))
_YEAR = 365


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words.

    Attributes:
        language: a key of `LANGUAGES`.
        entries: all texts, in every language.
    """

    language: str
    entries: Entries

    def __call__(self, key: str, /, **values: object) -> str:
        """Return an entry's text with its `{placeholders}` filled in."""
        return self.entries[key][self.language].format(**values)

    def __contains__(self, key: str) -> bool:
        """Say whether there is such an entry."""
        return key in self.entries

    def listed(self, items: Sequence[str]) -> str:
        """Join items as one says them: `a, b and c`."""
        if len(items) < 2:
            return "".join(items)
        return self("list.last", head=self("list.comma").join(items[:-1]), last=items[-1])

    def counted(self, key: str, count: int, **values: object) -> str:
        """Return the entry's `one` or `many` text with its `{n}`."""
        return self(f"{key}.{'one' if count == 1 else 'many'}", n=count, **values)

    def duration(self, length: timedelta) -> str:
        """Write a duration in the unit that a policy file would use, and in a larger one if whole.

        The first number is the one that `spell_duration` writes.
        """
        seconds = int(length.total_seconds())
        unit, size = "seconds", 1
        for name, step, fewest in _UNITS:
            if seconds % step == 0 and seconds >= fewest * step:
                unit, size = name, step
                break
        count = seconds // size
        spelled = self.counted(f"unit.{unit}", count)
        larger = self._larger(unit, count)
        return self("unit.also", first=spelled, second=larger) if larger else spelled

    def _larger(self, unit: str, count: int) -> str:
        if unit == "hours" and count > 24 and count % 24 == 0:
            return self.counted("unit.days", count // 24)
        if unit == "days" and count % _YEAR == 0:
            return self.counted("unit.years", count // _YEAR)
        return ""

    def date(self, day: date) -> str:
        """Write a calendar day in full."""
        return self("unit.date", year=day.year, month=day.month, day=day.day, iso=day.isoformat())
