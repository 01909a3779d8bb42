"""Windows, polygons and time zones as people write them; half of this is about refusing."""

from __future__ import annotations

from datetime import time

import pytest

from agent.cli.policy.check import spell_window
from agent.config.windows import parse_polygon, parse_timezone, parse_window


@pytest.mark.parametrize(
    ("text", "days", "start", "end"),
    [
        ("mon-fri 09:00-18:00", {0, 1, 2, 3, 4}, time(9), time(18)),
        ("sat,sun 10:00-24:00", {5, 6}, time(10), None),
        ("fri 20:00-02:00", {4}, time(20), time(2)),
        ("fri-mon 00:00-24:00", {4, 5, 6, 0}, time(0), None),
        (" MON,wed-thu  08:30-09:15 ", {0, 2, 3}, time(8, 30), time(9, 15)),
        ("tue 22:00-00:00", {1}, time(22), None),
    ],
)
def test_windows_are_read(text, days, start, end):
    """Weekdays, ranges of them, and hours; midnight has two spellings."""
    window = parse_window(text)

    assert days == window.days
    assert (start, end) == (window.start, window.end)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("09:00-18:00", "weekdays"),
        ("mon 9-18", "weekdays"),
        ("mon 09:00", "weekdays"),
        ("mo 09:00-18:00", "weekday"),
        ("mon- 09:00-18:00", "weekday"),
        (",mon 09:00-18:00", "weekday"),
        ("mon 24:01-25:00", "time of day"),
        ("mon 12:60-13:00", "time of day"),
        ("mon 09:00-09:00", "begins"),
        ("mon 24:00-02:00", "23:59"),
        (7, "weekdays"),
    ],
)
def test_other_windows_are_refused(text, why):
    """Nobody guesses what a half-written window means."""
    with pytest.raises(ValueError, match=why):
        parse_window(text)


@pytest.mark.parametrize(
    "text", ["mon-fri 09:00-18:00", "mon,wed,sat-sun 10:00-24:00", "fri 20:00-02:00"]
)
def test_windows_are_spelled_as_they_are_read(text):
    """Reading and spelling are each other's inverse."""
    assert text == spell_window(parse_window(text))


def test_a_polygon_is_read():
    """Corners are shares of the picture."""
    assert parse_polygon([[0, 0], [1, 0.5], [0.25, 1]]) == ((0, 0), (1, 0.5), (0.25, 1))


@pytest.mark.parametrize(
    ("corners", "why"),
    [
        ([[0, 0], [1, 1]], "3 to 64"),
        ([[0, 0]] * 65, "3 to 64"),
        ("all", "3 to 64"),
        ([[0, 0], [640, 0], [640, 480]], "not pixels"),
        ([[0, 0], [-0.1, 0], [0, 1]], "not pixels"),
        ([[0, 0], [1], [0, 1]], "two numbers"),
        ([[0, 0], [True, 0], [0, 1]], "two numbers"),
        ([[0, 0], ["1", 0], [0, 1]], "two numbers"),
        ([[0, 0], [float("nan"), 0], [0, 1]], "not pixels"),
        ([[0, 0], [0.5, 0.5], [1, 1]], "no area"),
    ],
)
def test_what_is_no_polygon_is_refused(corners, why):
    """A mask that would hide nothing is refused, not drawn."""
    with pytest.raises(ValueError, match=why):
        parse_polygon(corners)


@pytest.mark.parametrize("name", ["Asia/Tokyo", "Europe/Berlin", "UTC"])
def test_time_zones_are_known(name):
    """IANA names."""
    assert name == parse_timezone(name)


@pytest.mark.parametrize("name", ["Asia/Tokio", "JST+9", "", "../etc/passwd", "Asia", 9])
def test_other_time_zones_are_refused(name):
    """A clock that there isn't would move the hours."""
    with pytest.raises(ValueError, match="no such time zone"):
        parse_timezone(name)
