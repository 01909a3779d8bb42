"""Draw what `estimates` found, as Altair charts. Pure: numbers and words in, chart out.

Rules: gaps stay gaps (hidden is never drawn as zero); an interval is drawn wherever there is one;
colours come from one palette that keeps its order for colour-blind eyes and reads on light and on
dark; no meaning hangs on colour alone, since each chart has a legend or labels and a table twin.
Instants go in as milliseconds and are shown in the browser's own time zone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import altair as alt
from altair.utils import schemapi

from agent.domain.aggregate import Reason
from dashboard.estimates import Point

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.estimates import Cell, Estimate

# Holding ten charts against the schema takes longer than all their numbers; the tests do it once.
# Likewise each channel is made as an object here: for a bare "end:Q" the library walks its schema.
schemapi.disable_debug_mode()

Span = tuple[datetime, datetime]
"""First and last instant of a time axis."""
TEAL = "#2A9D9F"
QUIET = "#6F7C88"
"""Marks of what is absent or says nothing: 3 to 1 on both grounds. Too pale for text."""
INK = {"light": "#52606D", "dark": "#A9B4BF"}
"""Text in charts, by theme: at least 4.5 to 1. No grey is that on both grounds."""
_INK = alt.ExprRef(f"luminance(background) > 0.4 ? '{INK['light']}' : '{INK['dark']}'")
# The page server gives each chart its theme's background; its own greys for text are too pale, it
# pushes the first and the last label inwards, and it leaves a thumb's breadth below a chart. To a
# screen reader a chart is the sentence about it and the table below: each bar and axis by itself
# would be read out with its fields' names in English and nine decimals.
_CONFIG: dict[str, Any] = {
    "mark": {"aria": False},
    "axis": {"labelColor": _INK, "titleColor": _INK, "aria": False},
    "axisYPoint": {"labelFlush": False},
    "axisYBand": {"labelFlush": False},
    "legend": {"labelColor": _INK, "titleColor": _INK, "aria": False},
}
_PADDING = {"left": 0, "top": 4, "right": 4, "bottom": 4}
WHOLE_DAYS = 4
"""From here on an axis of time names days alone."""
LINES = (TEAL, "#D98A2B", "#8173C9")
STATUS_COLOURS = {
    "ok": TEAL,
    "no_face": "#A9D5D3",
    "too_dark": "#54608F",
    "blurred": "#8E7CC3",
    "frozen": "#D98A2B",
    "paused": "#B7A98A",
    "camera_lost": "#C8553D",
    "absent": "#C3CBD3",
}
CATEGORY_COLOURS = (
    "#B9C4CE", "#E3B23C", "#D98A2B", "#4F7CAC", "#C8553D", "#7DA453", "#8173C9", "#9A6A4F",
)  # fmt: skip
STATE_COLOURS = {
    "shown": TEAL,
    Reason.TOO_FEW_PERSONS.value: "#D9A441",
    Reason.DOMINATED.value: "#B0703C",
    Reason.TOO_FEW_SAMPLES.value: "#8E7CC3",
    Reason.COMPLEMENTARY.value: "#54608F",
    "absent": "#C3CBD3",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What a chart says in the page's language.

    Attributes:
        value: title of the value's axis.
        hidden: what a gap means.
        low: of an interval, for the tooltip.
        high: likewise.
    """

    value: str
    hidden: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a chart of rates: its label, its estimate and a note at its end."""

    label: str
    estimate: Estimate
    note: str


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def inline(values: Sequence[Mapping[str, object]]) -> alt.InlineData:
    """Put rows into a chart's own description; nothing is fetched."""
    return alt.InlineData(values=list(values))


class _Layers(alt.LayerChart):
    """A chart that isn't held against the schema each time it is drawn."""

    def to_dict(self, validate: bool = False, **options: Any) -> dict[str, Any]:
        return super().to_dict(validate, **options)


def layered(*parts: alt.Chart, height: int | alt.Step) -> alt.LayerChart:
    """Lay charts over each other, with text that reads in both themes."""
    return _Layers(layer=list(parts), height=height, padding=_PADDING, config=_CONFIG)


def inked(base: alt.Chart, **options: Any) -> alt.Chart:
    """Return a mark of text that reads in both themes, set to the right of its place."""
    written: alt.Chart = base.mark_text(align="left", color=_INK, fontSize=12, **options)
    return written


def shares(parts: Sequence[tuple[str, str, float]], share: str, status: str) -> alt.LayerChart:
    """Draw one stacked bar.

    Args:
        parts: (key in `STATUS_COLOURS`, name, share 0-1) in order.
        share: title of the share, for the tooltip.
        status: title of the name, for the tooltip.
    """
    values = []
    end = 0.0
    for key, name, part in parts:
        values.append({"key": key, "name": name, "share": part, "start": end, "end": end + part})
        end += part
    names = [name for _, name, _ in parts]
    base = alt.Chart(inline(values))
    bar = base.mark_bar(height=24).encode(
        x=alt.X("start:Q", axis=None, scale=alt.Scale(domain=[0, max(end, 1e-9)], nice=False)),
        x2=alt.X2("end:Q"),
        color=alt.Color(
            "name:N",
            scale=alt.Scale(domain=names, range=[STATUS_COLOURS[key] for key, _, _ in parts]),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("name:N", title=status),
            alt.Tooltip("share:Q", title=share, format=".1%"),
        ],
    )
    return layered(bar, height=32)


def rates(bars: Sequence[Bar], words: Words) -> alt.LayerChart:
    """Draw shares 0-1 with their intervals, one line each, in the given order."""
    values = [
        {
            "label": bar.label,
            "value": bar.estimate.value,
            "low": bar.estimate.low,
            "high": bar.estimate.high,
            "end": bar.estimate.high or bar.estimate.value,
            "note": bar.note,
        }
        for bar in bars
    ]
    highest = max((bar.estimate.high or bar.estimate.value for bar in bars), default=1.0)
    top = max(0.1, highest * 1.3)  # room for the note
    base = alt.Chart(inline(values)).encode(
        y=alt.Y(
            "label:N",
            sort=[bar.label for bar in bars],
            axis=alt.Axis(
                title=None,
                labelLimit=210,
                ticks=False,
                domain=False,
                labelPadding=8,
                labelOverlap=False,
            ),
        )
    )
    tooltip = [
        alt.Tooltip("label:N", title=" "),
        alt.Tooltip("value:Q", title=words.value, format=".1%"),
        alt.Tooltip("low:Q", title=words.low, format=".1%"),
        alt.Tooltip("high:Q", title=words.high, format=".1%"),
    ]
    x = alt.X(
        "value:Q",
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(title=words.value, format=".0%", tickCount=5, grid=True),
    )
    bar = base.mark_bar(color=TEAL, opacity=0.28, height=13, cornerRadiusEnd=3)
    rule = base.mark_rule(color=TEAL, strokeWidth=2.5)
    point = base.mark_point(color=TEAL, filled=True, size=46, opacity=1)
    note = inked(base, dx=8)
    return layered(
        bar.encode(x=x, tooltip=tooltip),
        rule.encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"), tooltip=tooltip),
        point.encode(x=x, tooltip=tooltip),
        note.encode(x=alt.X("end:Q"), text=alt.Text("note:N")),
        height=23 * len(bars) + 60,
    )


def lines(
    named: Mapping[str, Sequence[Point]],
    words: Words,
    *,
    span: Span,
    domain: tuple[float, float] | None = None,
    percent: bool = True,
    height: int = 430,
) -> alt.LayerChart:
    """Draw estimates over time with bands for their intervals and grey where all is hidden.

    Args:
        named: up to three series by their name.
        words: titles.
        span: first and last instant of the axis.
        domain: of the value's axis; from the data where None.
        percent: whether the values are shares.
        height: pixels.
    """
    values = _time_values(named)
    shown = alt.Chart(inline(values)).encode(
        x=_time_axis(span),
        color=alt.Color(
            "name:N",
            scale=alt.Scale(domain=list(named), range=list(LINES)),
            legend=alt.Legend(
                orient="bottom",
                title=None,
                labelLimit=240,
                columns=1,
                symbolType="stroke",
                symbolOpacity=1,
                symbolStrokeWidth=4,
            ),
        ),
    )
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=True)
    form = ".0%" if percent else ".1f"
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=words.value, format=form, tickCount=5))
    fine = ".1%" if percent else ".2f"
    tooltip = [
        alt.Tooltip("middle:T", title=" ", format="%m-%d %H:%M"),
        alt.Tooltip("name:N", title=" "),
        alt.Tooltip("value:Q", title=words.value, format=fine),
        alt.Tooltip("low:Q", title=words.low, format=fine),
        alt.Tooltip("high:Q", title=words.high, format=fine),
    ]
    return layered(
        _ends(span),
        *_gaps(named, words.hidden, span),
        shown.mark_area(opacity=0.12, interpolate="monotone").encode(
            y=alt.Y("low:Q", scale=scale, title=words.value), y2=alt.Y2("high:Q")
        ),
        shown.mark_line(strokeWidth=2.2, interpolate="monotone").encode(y=y),
        shown.mark_point(filled=True, size=26, opacity=0.9).encode(y=y, tooltip=tooltip),
        height=height,
    )


def stacked(
    named: Mapping[str, Sequence[Point]], words: Words, span: Span, height: int = 320
) -> alt.LayerChart:
    """Draw shares of a whole as one stacked bar for each step; hidden steps stay empty."""
    bars = (
        alt.Chart(inline(_piled(_time_values(named))))
        .mark_bar(stroke=None)
        .encode(
            x=_time_axis(span, "start"),
            x2=alt.X2("end:T"),
            y=alt.Y(
                "bottom:Q",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(title=words.value, format=".0%", tickCount=5),
            ),
            y2=alt.Y2("top:Q"),
            color=alt.Color(
                "name:N",
                scale=alt.Scale(domain=list(named), range=list(CATEGORY_COLOURS)),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("middle:T", title=" ", format="%m-%d %H:%M"),
                alt.Tooltip("name:N", title=" "),
                alt.Tooltip("value:Q", title=words.value, format=".1%"),
            ],
        )
    )
    return layered(_ends(span), *_gaps(named, words.hidden, span), bars, height=height)


def _piled(values: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Set each step's shares on top of each other, scaled to a whole."""
    whole: dict[int, float] = defaultdict(float)
    for value in values:
        whole[value["start"]] += value["value"] or 0.0
    reached: dict[int, float] = defaultdict(float)
    piled = []
    for value in values:
        start = value["start"]
        if value["value"] is None or not whole[start]:
            continue
        bottom = reached[start]
        reached[start] = bottom + value["value"] / whole[start]
        piled.append({**value, "bottom": bottom, "top": reached[start]})
    return piled


def timeline(cells: Sequence[Cell], states: Mapping[str, str], span: Span) -> alt.LayerChart:
    """Draw what is shown and hidden, one row for each zone.

    Args:
        cells: by zone and step.
        states: name of each key of `STATE_COLOURS`, in the page's language.
        span: first and last instant of the axis.
    """
    keys = [key for key in states if any(state_of(cell) == key for cell in cells)]
    values = [
        {
            "zone": cell.zone,
            "start": _milliseconds(cell.start),
            "end": _milliseconds(cell.end),
            "state": states[state_of(cell)],
        }
        for cell in cells
    ]
    rows = len({cell.zone for cell in cells})
    chart: alt.Chart = (
        alt.Chart(inline(values))
        .mark_rect(height=20)
        .encode(
            x=_time_axis(span, "start"),
            x2=alt.X2("end:T"),
            y=alt.Y(
                "zone:N",
                axis=alt.Axis(
                    title=None, ticks=False, domain=False, labelPadding=8, labelOverlap=False
                ),
            ),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(
                    domain=[states[key] for key in keys],
                    range=[STATE_COLOURS[key] for key in keys],
                ),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("start:T", title=" ", format="%m-%d %H:%M"),
                alt.Tooltip("zone:N", title=" "),
                alt.Tooltip("state:N", title=" "),
            ],
        )
    )
    return layered(chart, height=32 * rows + 40)


def state_of(cell: Cell) -> str:
    """Name a cell's state by its key in `STATE_COLOURS`."""
    if not cell.released:
        return "absent"
    return "shown" if cell.reason is None else cell.reason.value


def _time_axis(span: Span, field: str = "middle") -> alt.X:
    days = (span[1] - span[0]).total_seconds() / 86_400
    form = "%H:%M" if days <= 1 else "%m-%d %H:%M" if days <= WHOLE_DAYS else "%m-%d"
    return alt.X(
        f"{field}:T",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(
            title=None,
            format=form,
            labelOverlap=True,
            grid=False,
            tickCount=6,
        ),
    )


def _time_values(named: Mapping[str, Sequence[Point]]) -> list[dict[str, Any]]:
    """Return series as rows, with one row without a value where a stretch has no release at all."""
    return [
        {
            "name": name,
            "start": _milliseconds(point.start),
            "middle": (_milliseconds(point.start) + _milliseconds(point.end)) // 2,
            "end": _milliseconds(point.end),
            "value": None if point.estimate is None else point.estimate.value,
            "low": None if point.estimate is None else point.estimate.low,
            "high": None if point.estimate is None else point.estimate.high,
        }
        for name, points in named.items()
        for point in _with_breaks(points)
    ]


def _with_breaks(points: Sequence[Point]) -> list[Point]:
    """Put an empty point where the next one doesn't follow at once, so that no line bridges it."""
    whole: list[Point] = []
    for point in points:
        if whole and point.start > whole[-1].end:
            whole.append(Point(whole[-1].end, point.start, None, None))
        whole.append(point)
    return whole


def _ends(span: Span) -> alt.Chart:
    """Stretch the time axis over the whole period, also where its ends have no value.

    Two invisible marks do it; a domain given to the axis is refused by the browser as being in
    conflict with itself when several layers share it.
    """
    chart: alt.Chart = (
        alt.Chart(inline([{"middle": _milliseconds(end)} for end in span]))
        .mark_tick(opacity=0)
        .encode(x=_time_axis(span))
    )
    return chart


def _gaps(named: Mapping[str, Sequence[Point]], meaning: str, span: Span) -> list[alt.Chart]:
    """Shade the steps in which none of the series may be shown."""
    states: dict[tuple[int, int], bool] = {}
    for points in named.values():
        for point in points:
            ends = _milliseconds(point.start), _milliseconds(point.end)
            states[ends] = states.get(ends, True) and point.estimate is None
    values = [
        {"start": start, "end": end, "meaning": meaning}
        for (start, end), hidden in states.items()
        if hidden
    ]
    chart: alt.Chart = (
        alt.Chart(inline(values))
        .mark_rect(color=QUIET, opacity=0.16)
        .encode(
            x=_time_axis(span, "start"),
            x2=alt.X2("end:T"),
            tooltip=[alt.Tooltip("meaning:N", title=" ")],
        )
    )
    # A layer without any value has no extent, which the browser would complain about.
    return [chart] if values else []
