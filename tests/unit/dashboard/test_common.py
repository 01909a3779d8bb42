"""Texts from files and people on a page."""

from __future__ import annotations

import pytest

from dashboard.text import Text
from dashboard.views.common import plain


@pytest.mark.parametrize("text", ["*a*", "[a](http://b)", "$x$", ":red[a]", "<b>", "# a", "`a`"])
def test_nothing_is_markup(text: str) -> None:
    """Each character that would mean something is written as itself."""
    assert all(
        plain(text)[at - 1] == "\\"
        for at, letter in enumerate(plain(text))
        if letter in "*[]$:<>#`"
    )


@pytest.mark.parametrize("text", ["a\nb", "a\n\n# b", " a \t b\r\n", "a\u2028b", "a\x85b"])
def test_a_text_stays_on_its_line(text: str) -> None:
    """No line break of a file begins a heading or a list."""
    assert plain(text).split(" ")[0] == "a"
    assert not set(plain(text)) & set("\n\r\t\u2028\x85")


def test_a_number_keeps_its_unit() -> None:
    """What holds "59.4" and "%" together on one line isn't taken for a gap."""
    share = Text("en").percent(0.594, 1)

    assert plain(f"misjudged {share}, the others") == f"misjudged {share}, the others"
