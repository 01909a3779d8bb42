"""Text can be read: at least 4.5 to 1 (WCAG 2.2, 1.4.3) in both themes, also inside charts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import dashboard
from dashboard import charts, charts_compare, charts_quality
from dashboard.charts import INK, QUIET, Bar, Words
from dashboard.estimates import Estimate, Point
from dashboard.queries import Place

FOLDER = Path(dashboard.__file__).parent
THEMES = ("light", "dark")
TEXT, GRAPHIC = 4.5, 3.0
WORDS = Words("share", "hidden", "from", "to")
NOW = datetime(2026, 11, 2, 1, tzinfo=UTC)
SOME = Estimate(0.4, 0.3, 0.5, 50, 9)


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb, 0-1."""
    shares = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def grounds(theme: str) -> list[str]:
    """Return the colours on which a theme's text stands."""
    settings = tomllib.loads((FOLDER / "settings.toml").read_text("utf-8"))
    found = settings["theme"][theme]
    return [found["backgroundColor"], found["secondaryBackgroundColor"]]


def pairs(sheet: str) -> list[tuple[str, str]]:
    """Return the colours of text that a style sheet gives for light and dark."""
    text = (FOLDER / sheet).read_text("utf-8")
    return re.findall(r"(?<![-\w])color:\s*light-dark\((#\w{6}),\s*(#\w{6})\)", text)


def drawn() -> Iterator[dict[str, Any]]:
    """Yield charts of every kind that has text of its own, as the browser gets them."""
    point = Point(NOW, NOW + timedelta(hours=1), SOME, None)
    span = (NOW, NOW + timedelta(hours=1))
    yield charts.rates([Bar("a", SOME, "40 % A")], WORDS).to_dict()
    yield charts.lines({"a": [point]}, WORDS, span=span).to_dict()
    yield charts.stacked({"a": [point]}, WORDS, span).to_dict()
    yield charts.shares([("ok", "a", 1.0)], "share", "status").to_dict()
    found = [Place("a", SOME, None, 1, 1), Place("b", None, None, 0, 1)]
    yield charts_compare.places(found, WORDS, {"b": "hidden"}).to_dict()
    yield charts_quality.agreement([("a", 0.5, 0.6)], ("kappa", "PABAK")).to_dict()
    yield charts_quality.confusion([[3]], ["a"], ("person", "model")).to_dict()
    yield charts_quality.calibration([(0.5, 0.6, 0.4, 0.7, 9)], ("a", "b", "c")).to_dict()
    yield charts_quality.weekly([("2026-11-02", 0.2, 0.1, 0.3)], "share").to_dict()


def test_known_contrasts_come_out() -> None:
    """Black on white is 21 to 1, a colour on itself 1; the greys that were too pale are found."""
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#123456", "#123456") == 1
    assert ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert ratio("#808495", "#ffffff") < TEXT


@pytest.mark.parametrize("theme", THEMES)
def test_text_in_charts_can_be_read(theme: str) -> None:
    """Labels, titles and notes stand out from the theme's ground."""
    assert min(ratio(INK[theme], ground) for ground in grounds(theme)) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
def test_marks_can_be_told_from_the_ground(theme: str) -> None:
    """Lines, points and crosses have the 3 to 1 that is asked of graphics."""
    colours = (QUIET, charts.TEAL, charts_compare.HIDDEN)

    assert min(ratio(colour, grounds(theme)[0]) for colour in colours) >= GRAPHIC


def test_no_chart_leaves_its_text_to_the_page_server() -> None:
    """Each chart sets the ink of its axes and legends, and each note in it is that ink or white."""
    ink = {"expr": f"luminance(background) > 0.4 ? '{INK['light']}' : '{INK['dark']}'"}
    notes = []
    for chart in drawn():
        config = chart["config"]
        assert {config[part][name] == ink for part in ("axis", "legend")
                for name in ("labelColor", "titleColor")} == {True}  # fmt: skip
        notes += [one["mark"]["color"] for one in chart["layer"] if one["mark"]["type"] == "text"]

    assert len(notes) == 3
    assert notes.count(ink) == 2
    assert ratio("#ffffff", charts_quality.DEEP) >= TEXT  # numbers in circles


@pytest.mark.parametrize("index", [0, 1])
def test_the_pages_small_print_can_be_read(index: int) -> None:
    """Every colour of text in the pages' sheet stands out from both grounds of its theme."""
    found = pairs("pages.css")
    pale = [pair for pair in found for ground in grounds(THEMES[index])
            if ratio(pair[index], ground) < TEXT]  # fmt: skip

    assert len(found) >= 5
    assert pale == []


def test_the_primary_colour_carries_white() -> None:
    """A main button's white label can be read in both themes."""
    settings = tomllib.loads((FOLDER / "settings.toml").read_text("utf-8"))["theme"]

    assert min(ratio("#ffffff", settings[theme]["primaryColor"]) for theme in THEMES) >= TEXT
