"""Wrapping for terminals in which Japanese takes two columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.wide import printable, width, wrap

TEXTS = st.text(
    alphabet=st.sampled_from("abc XYZ 12 表情の統計をとる、。（）「」ーッ-./“”\n"), max_size=120
)
MARKS = "、。）」ーッ"


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("表情", 4), ("AU12の強さ", 10), ("ｱ", 1), ("e\u0301", 1), ("", 0)],
)
def test_width_counts_columns(text: str, columns: int) -> None:
    """Wide characters take two, half-width kana one, combining marks none."""
    assert columns == width(text)


@given(TEXTS, st.integers(8, 60))
def test_no_line_is_wider_than_asked(text: str, columns: int) -> None:
    """Neither Latin words nor Japanese run over the edge."""
    assert all(width(line) <= columns for line in wrap(text, columns, first="- ", rest="  "))


@given(TEXTS, st.integers(8, 60))
def test_nothing_is_lost(text: str, columns: int) -> None:
    """All that isn't white space comes out again, in order."""
    assert "".join(text.split()) == "".join("".join(wrap(text, columns)).split())


def test_latin_words_stay_whole() -> None:
    """A line ends between words."""
    assert ["- one two", "  three"] == wrap("one two three", 10, first="- ", rest="  ")


def test_no_line_begins_with_a_closing_mark() -> None:
    """Kinsoku: a full stop, comma or closing bracket goes along with what it follows."""
    text = "映像は残しません。（記録は、消えます）「動き」だけを数えるデータ。"

    for columns in range(8, 40):
        assert all(line[:1] not in MARKS for line in wrap(text, columns))


def test_no_line_ends_with_an_opening_bracket() -> None:
    """An opening bracket goes along with what follows."""
    text = "記録（数値）と「動き」と（強さ）を残す"

    for columns in range(8, 30):
        assert all(line[-1:] not in "（「" for line in wrap(text, columns))


def test_a_word_wider_than_a_line_is_cut() -> None:
    """Better cut than over the edge."""
    assert ["0123456789", "abcdef"] == wrap("0123456789abcdef", 10)


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    """A policy's text can't move the cursor or colour the screen."""
    assert "\x1b" not in printable("\x1b[31mred\x07")
    assert "\x1b" not in "".join(wrap("\x1b]0;title\x07 text", 40))
