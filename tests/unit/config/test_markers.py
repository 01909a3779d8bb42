"""`markers.toml`: optional, small, and refused when it says anything else."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from agent.config.markers import FILE_NAME, load_markers, parse_markers
from agent.errors import ConfigError

GOOD = """
[[marker]]
date = 2026-03-03
text = { ja = "新しいレジ", en = "New checkout" }

[[marker]]
date = 2026-01-10
text = { ja = "照明を交換" }
"""


def test_markers_are_read_in_order(tmp_path: Path) -> None:
    """The oldest comes first, and a text that lacks a language is told in the other one."""
    (tmp_path / FILE_NAME).write_text(GOOD, encoding="utf-8")
    old, new = load_markers(tmp_path)

    assert (old.day, new.day) == (date(2026, 1, 10), date(2026, 3, 3))
    assert (new.told("en"), new.told("ja")) == ("New checkout", "新しいレジ")
    assert old.told("en") == "照明を交換"


def test_no_file_is_no_marker(tmp_path: Path) -> None:
    """The file is optional."""
    assert load_markers(tmp_path) == ()


@pytest.mark.parametrize(
    "content",
    [
        "not toml [",
        "other = 3",
        "marker = 3",
        "[[marker]]\ndate = 2026-03-03",
        '[[marker]]\ndate = "2026-03-03"\ntext = { en = "x" }',
        '[[marker]]\ndate = 2026-03-03T10:00:00\ntext = { en = "x" }',
        '[[marker]]\ndate = 2026-03-03\ntext = "x"',
        "[[marker]]\ndate = 2026-03-03\ntext = {}",
        '[[marker]]\ndate = 2026-03-03\ntext = { fr = "x" }',
        '[[marker]]\ndate = 2026-03-03\ntext = { en = "a\\nb" }',
        f'[[marker]]\ndate = 2026-03-03\ntext = {{ en = "{"x" * 81}" }}',
        '[[marker]]\ndate = 2026-03-03\ntext = { en = "x" }\ncolour = "red"',
        "#" * 70_000,
    ],
)
def test_anything_else_is_refused(content: str) -> None:
    """A file that isn't what it should be is named, with what to write instead."""
    with pytest.raises(ConfigError, match=FILE_NAME) as refused:
        parse_markers(content.encode())

    assert "[[marker]]" in refused.value.advice


def test_bytes_that_arent_text_are_refused() -> None:
    """A broken encoding isn't a crash."""
    with pytest.raises(ConfigError):
        parse_markers(b"\xff\xfe")
