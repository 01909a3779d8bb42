"""What the charts draw, and what they leave open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agent.domain.aggregate import Reason
from dashboard.charts import Words, lines
from dashboard.estimates import Estimate, Point

START = datetime(2026, 11, 2, 1, tzinfo=UTC)
STEP = timedelta(hours=1)
WORDS = Words("share", "hidden", "from", "to")


def point(step: int, value: float | None) -> Point:
    """Return an hour's point."""
    estimate = None if value is None else Estimate(value, value - 0.1, value + 0.1, 50, 9)
    reason = None if estimate else Reason.TOO_FEW_PERSONS
    return Point(START + step * STEP, START + (step + 1) * STEP, estimate, reason)


def drawn(*points: Point) -> list[float | None]:
    """Return the values of the line that a chart of one series draws, in order."""
    span = (points[0].start, points[-1].end)
    chart = lines({"a": points}, WORDS, span=span).to_dict()
    line = next(one for one in chart["layer"] if one["mark"]["type"] == "line")
    return [row["value"] for row in chart["datasets"][line["data"]["name"]]]


def test_a_line_does_not_bridge_a_time_without_an_agent() -> None:
    """Between two releases that don't follow each other there is a point without a value."""
    assert drawn(point(0, 0.4), point(1, 0.5), point(4, 0.2)) == [0.4, 0.5, None, 0.2]


def test_a_line_does_not_bridge_a_hidden_hour() -> None:
    """A hidden hour is a gap and never a zero."""
    assert drawn(point(0, 0.4), point(1, None), point(2, 0.2)) == [0.4, None, 0.2]


def test_a_chart_is_read_out_as_one_sentence() -> None:
    """No bar, axis or legend is read out by itself, with its fields' names and nine decimals."""
    config = lines({"a": [point(0, 0.4)]}, WORDS, span=(START, START + STEP)).to_dict()["config"]

    assert [config[part]["aria"] for part in ("mark", "axis", "legend")] == [False] * 3


def test_a_whole_line_stays_whole() -> None:
    """Hours that follow each other at once get nothing between them."""
    assert drawn(point(0, 0.4), point(1, 0.5)) == [0.4, 0.5]
