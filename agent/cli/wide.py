"""Wrap text for a terminal in which a Japanese character takes two columns. Pure.

Latin words stay whole; Japanese may break anywhere except before a closing mark or a small kana,
and after an opening bracket.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_NOT_FIRST = frozenset(
    "、。，．・：；？！）」』】〉》〕］｝ー々〜ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ,.:;?!)]}”’"
)
_NOT_LAST = frozenset("（「『【〈《〔［｛([{“‘")
_PIECES = re.compile(r"\s+|[!-~À-ɏ–—‘’“”]+|.", re.DOTALL)


def width(text: str) -> int:
    """Return how many terminal columns a text takes."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Cc"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def printable(text: str) -> str:
    """Return a text without control characters: no escape sequence reaches the terminal."""
    return "".join(c if c == "\n" or unicodedata.category(c) != "Cc" else " " for c in text)


def wrap(text: str, columns: int, *, first: str = "", rest: str = "") -> list[str]:
    """Break a text into lines of at most so many columns, with prefixes of their own.

    A single word that is wider than a line is cut.
    """
    lines: list[str] = []
    line, prefix = "", first
    for piece in _unbreakable(printable(text)):
        room = columns - width(prefix)
        if line and width(line) + width(piece.rstrip()) > room:
            lines.append(prefix + line.rstrip())
            line, prefix = "", rest
            room = columns - width(prefix)
        left = piece if line else piece.lstrip()
        while width(left.rstrip()) > room > 1:
            head = _head(left, room)
            lines.append(prefix + head)
            left, prefix = left[len(head) :], rest
        line += left
    return [*lines, prefix + line.rstrip()]


def _head(text: str, columns: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += _columns(character)
        if taken > columns:
            return text[: max(index, 1)]
    return text


def _unbreakable(text: str) -> Iterator[str]:
    """Yield the parts between which a line may end."""
    held = ""
    for piece in _PIECES.findall(text):
        glued = held and (piece[0] in _NOT_FIRST or held[-1] in _NOT_LAST or piece.isspace())
        if held and not glued:
            yield held
            held = ""
        held += " " if piece.isspace() else piece
    if held:
        yield held
