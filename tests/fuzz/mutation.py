"""Break files in the ways that break parsers: by bytes, by tokens, by size and by depth.

Deterministic: the same seed gives the same files, so that a finding can be repeated.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

TOKENS = (
    b"", b"\0", b"\xff", b"\xed\xa0\x80", "㍻".encode(), b"-0", b"1e999", b"nan", b"-inf", b"inf",
    b"9" * 30, b"9" * 5000, b"0x" + b"f" * 4000, b"-1", b"1_000", b"null", b"true", b"NaN",
    b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"1970-01-01", b"12:00:00",
    b"9999-12-31T23:59:59.999999Z", b'"0001-01-01T00:00:00+23:59"', b'"9999-12-31T23:59:59-23:59"',
    b"[" * 3000, b"{" * 3000, b"[" * 3000 + b"]" * 3000, b'{"a":' * 3000, b"a." * 3000 + b"a = 1",
    b"[]", b"{}", b'""', b"''", b'"\\ud800"', b'"""', b"'''", b"\r\n", b"\n\n", b"#", b" = ",
    b"[[x]]\n", b"[x]\n", b"AAAA", b"=", b"==", b"\xe2\x80\x94 ", b"x" * 300, b"x" * 70_000,
    b"18446744073709551616", b"-9223372036854775809", b"1e400", b"0" * 5000, b"\t", b"\\",
)  # fmt: skip
"""What somebody's parser has stumbled over once."""

_VALUE = re.compile(rb"(?<=[=:\[,])\s*(\"[^\"\n]*\"|'[^'\n]*'|[^\s,\]\}#]+)")


def mutations(seeds: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Yield broken files without end; the seeds themselves come first.

    Args:
        seeds: whole files.
        seed: of the random numbers.
    """
    yield from seeds
    drawn = random.Random(seed)
    while True:
        yield mutate(drawn.choice(seeds), drawn, seeds)


def mutate(content: bytes, drawn: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a file broken in one to eight ways, at most 1 MiB of it.

    Args:
        content: the whole file.
        drawn: random numbers.
        seeds: whole files, to take parts from.
    """
    for _ in range(drawn.choice((1, 1, 1, 2, 4, 8))):
        content = drawn.choice(_WAYS)(content, drawn, seeds)
    return content[: 1 << 20]


def _flip(content: bytes, drawn: random.Random, _: Sequence[bytes]) -> bytes:
    if not content:
        return b"\0"
    place = drawn.randrange(len(content))
    changed = content[place] ^ (1 << drawn.randrange(8))
    return content[:place] + bytes([changed]) + content[place + 1 :]


def _insert(content: bytes, drawn: random.Random, _: Sequence[bytes]) -> bytes:
    place = drawn.randrange(len(content) + 1)
    return content[:place] + drawn.choice(TOKENS) + content[place:]


def _overwrite(content: bytes, drawn: random.Random, _: Sequence[bytes]) -> bytes:
    start, end = _span(content, drawn)
    return content[:start] + drawn.choice(TOKENS) + content[end:]


def _delete(content: bytes, drawn: random.Random, _: Sequence[bytes]) -> bytes:
    start, end = _span(content, drawn)
    return content[:start] + content[end:]


def _cut(content: bytes, drawn: random.Random, _: Sequence[bytes]) -> bytes:
    return content[: drawn.randrange(len(content) + 1)]


def _repeat(content: bytes, drawn: random.Random, _: Sequence[bytes]) -> bytes:
    start, end = _span(content, drawn)
    return content[:end] + content[start:end] * drawn.choice((1, 1, 2, 100)) + content[end:]


def _splice(content: bytes, drawn: random.Random, seeds: Sequence[bytes]) -> bytes:
    other = drawn.choice(seeds)
    start, end = _span(other, drawn)
    place = drawn.randrange(len(content) + 1)
    return content[:place] + other[start:end] + content[place:]


def _exchange(content: bytes, drawn: random.Random, _: Sequence[bytes]) -> bytes:
    """Put a token, or another value of the same file, in place of one value."""
    values = list(_VALUE.finditer(content))
    if not values:
        return _overwrite(content, drawn, ())
    chosen = drawn.choice(values)
    new = drawn.choice(TOKENS) if drawn.random() < 0.7 else drawn.choice(values)[1]
    return content[: chosen.start(1)] + new + content[chosen.end(1) :]


def _lines(content: bytes, drawn: random.Random, _: Sequence[bytes]) -> bytes:
    """Move, repeat or leave out one line."""
    lines = content.split(b"\n")
    line = lines.pop(drawn.randrange(len(lines)))
    for _again in range(drawn.choice((0, 1, 2))):
        lines.insert(drawn.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def _span(content: bytes, drawn: random.Random) -> tuple[int, int]:
    start = drawn.randrange(len(content) + 1)
    return start, min(len(content), start + drawn.choice((1, 2, 4, 16, 64, 1024)))


_WAYS = (_flip, _insert, _overwrite, _delete, _cut, _repeat, _splice, _exchange, _exchange, _lines)
