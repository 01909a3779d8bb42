"""On which line each key and value of a TOML text stands.

`tomllib` gives values without their places, and no kept library adds them (cpython issue 115516
and tomlkit issue 55 ask for it). This walks a text that `tomllib` has accepted, so it needn't
notice mistakes: it only skips over values. Paths are as pydantic reports them: names of keys,
numbers of array elements.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^\s,\]}#]+(?: [0-9][^\s,\]}#]*)?")
_DEEPEST = 64
"""Parts of one key; each part costs as much memory as all before it."""
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL),
    re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def locate(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every key, table and array element of a valid TOML text.

    Raises:
        RecursionError: it is nested too deeply.
    """
    return _Walker(text).walk()


def nearest(lines: Mapping[Path, int], path: Path) -> int | None:
    """Return the line of a path, or of what it would stand in; None where nothing is known."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


class _Walker:
    """Goes through a text once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}
        """How often each array of tables was begun."""

    def walk(self) -> dict[Path, int]:
        """Go through all statements."""
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self._lines

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None, "the text was accepted by tomllib"
        self._at = found.end()
        return found[0]

    def _header(self) -> Path:
        """Pass over `[a.b]` or `[[a.b]]`; returns the table's path."""
        many = self._text.startswith("[[", self._at)
        line = self._line()
        self._at += 2 if many else 1
        path = self._resolved(self._key())
        self._skip(_SPACE)
        self._at += 2 if many else 1
        if many:
            number = self._tables.get(path, -1) + 1
            self._tables[path] = number
            path = (*path, number)
        for length in range(1, len(path)):
            self._lines.setdefault(path[:length], line)
        self._note(path, line)
        return path

    def _resolved(self, key: tuple[str, ...]) -> Path:
        """Return a header's path with the number of the latest element of each array before it."""
        path: Path = ()
        for number, part in enumerate(key):
            path = (*path, part)
            if number < len(key) - 1 and path in self._tables:
                path = (*path, self._tables[path])
        return path

    def _pair(self, table: Path) -> None:
        """Pass over `key = value`."""
        line = self._line()
        path = (*table, *self._key())
        for length in range(len(table) + 1, len(path)):
            self._lines.setdefault(path[:length], line)
        self._note(path, line)
        self._skip(_SPACE)
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self) -> tuple[str, ...]:
        parts = []
        while True:
            self._skip(_SPACE)
            quoted = self._text[self._at] in "\"'"
            parts.append(self._quoted() if quoted else self._skip(_BARE))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return tuple(parts)
            if len(parts) == _DEEPEST:
                raise RecursionError("a key of too many parts")
            self._at += 1

    def _quoted(self) -> str:
        written = self._string()
        name: str = tomllib.loads(f"key = {written}")["key"]
        return name

    def _string(self) -> str:
        for pattern in _STRINGS:
            found = pattern.match(self._text, self._at)
            if found is not None:
                self._at = found.end()
                return found[0]
        raise AssertionError("the text was accepted by tomllib")

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        match self._text[self._at]:
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case '"' | "'":
                self._string()
            case _:
                self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self._at += 1
        number = 0
        self._skip(_BLANK)
        while self._text[self._at] != "]":
            self._note((*path, number), self._line())
            self._value((*path, number))
            number += 1
            self._next_item()
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != "}":
            self._pair(path)
            self._next_item()
        self._at += 1

    def _next_item(self) -> None:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _note(self, path: Path, line: int) -> None:
        self._lines[path] = line
