"""Tables as HTML: everything is text, numbers stand to the right, and each cell knows its name."""

from __future__ import annotations

import pytest

from dashboard.tables import table_html
from dashboard.text import Text


def test_nothing_in_a_table_is_markup() -> None:
    """Names and values from files and people are shown as they are written."""
    made = table_html([{"<b>name": "<script>x()</script>", 'a"b': '"><img src=x>'}], '"label<')

    assert "<script" not in made
    assert "<img" not in made
    assert "<b>" not in made
    assert 'aria-label="&quot;label&lt;"' in made


def test_each_cell_names_its_column() -> None:
    """A phone shows a row as a list, so the name must stand at the cell itself."""
    made = table_html([{"Place": "door", "Share": "12 %"}], "places")

    assert 'data-name="Place"' in made
    assert 'data-name="Share"' in made
    assert made.count('scope="col"') == 2


@pytest.mark.parametrize(
    ("values", "numeric"),
    [
        (["1,234", "–", "5"], True),
        ([3, None], True),
        (["12.3\u202f%", "<0.1\u202f%"], True),
        (["+0.3", "−1.2"], True),
        (["120 / 98"], True),
        (["12 %", "hidden"], False),
        (["2026-11-27 10:00"], False),
        (["", None], False),
    ],
)
def test_numbers_stand_to_the_right(values: list[object], numeric: bool) -> None:
    """A column is one of numbers only if all that it holds are numbers."""
    made = table_html([{"column": value} for value in values], "t")

    assert ("om-number" in made) is numeric


def test_a_long_table_can_be_scrolled_by_keys() -> None:
    """What scrolls takes the focus and has a name; what doesn't scroll takes none."""
    rows = [{"n": "x"}]

    assert 'tabindex="0" role="region" aria-label="t"' in table_html(rows, "t")
    assert "tabindex" not in table_html(rows, "t", tall=True)


def test_no_rows_make_no_table() -> None:
    """An empty frame would be a riddle."""
    assert table_html([], "t") == ""


@pytest.mark.parametrize(
    ("share", "decimals", "said"),
    [
        (0.0, 0, "0"), (0.004, 0, "<1"), (0.006, 0, "1"), (0.0004, 1, "<0.1"),
        (0.37, 0, "37"), (1.0, 0, "100"),
    ],
)  # fmt: skip
def test_a_small_share_is_not_called_nothing(share: float, decimals: int, said: str) -> None:
    """Zero is said of nothing only; what would round to it is below 1 %."""
    assert Text("en").percent(share, decimals) == f"{said}\u202f%"
