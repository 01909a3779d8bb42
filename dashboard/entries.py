"""An entry of the access log in the words of a page. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.domain.segment import from_seconds
from dashboard.text import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.domain.access_entry import AccessEntry
    from dashboard.text import Text

MOST_OBJECTS = 4
_EMPTIED = "log_emptied"


def who(words: Text, entry: AccessEntry) -> str:
    """Return the actor's name, or that it was erased."""
    return words("who.erased") if entry.actor_erased else entry.event.actor


def purpose(words: Text, code: str) -> str:
    """Return a purpose; the program's own codes in words, a person's sentence as it is."""
    parts = [code.replace(" ", "-"), *code.split()] if code else []
    if parts and f"purpose_code.{parts[0]}" in catalogue():
        return words(f"purpose_code.{parts[0]}")
    if parts and all(f"purpose_code.{part}" in catalogue() for part in parts[1:]):
        return "; ".join(words(f"purpose_code.{part}") for part in parts[1:])
    return code


def counts(words: Text, found: Mapping[str, int]) -> str:
    """Return the numbers of an entry; zeros say nothing."""
    parts = [_count(words, name, n) for name, n in found.items() if n and name != _EMPTIED]
    if found.get(_EMPTIED) == 0:
        parts.append(words("count.log_kept"))
    return ", ".join(parts)


def _count(words: Text, name: str, number: int) -> str:
    key = f"count.{name}"
    if key in catalogue():
        return words(key, n=_number(words, name, number))
    return f"{name.replace('_', ' ')}: {number:,}"


def _number(words: Text, name: str, number: int) -> str:
    """Write a number by what it counts: an instant and a duration aren't amounts."""
    if name == "delete_by":
        return f"{from_seconds(number):%Y-%m-%d %H:%M} UTC"
    return words.duration(number) if name == "seconds" else f"{number:,}"


def objects(names: tuple[str, ...]) -> str:
    """Return what something was done to, the first few by name."""
    shown = ", ".join(names[:MOST_OBJECTS])
    left = len(names) - MOST_OBJECTS
    return f"{shown} +{left:,}" if left > 0 else shown


def note(words: Text, entry: AccessEntry) -> str:
    """Return the note, or that it was erased."""
    return words("who.erased") if entry.note_erased else entry.event.note


def policy_of(entry: AccessEntry) -> str:
    """Return the beginning of the digest that an entry names, "" if it names none."""
    found = (name.partition(":") for name in entry.event.objects)
    return next((rest for kind, _, rest in found if kind == "policy"), "")
