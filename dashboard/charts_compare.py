"""Charts that set things side by side: hours of the week, places, two periods. Pure.

The rules of `charts` hold here too; what is hidden has a shape of its own, never the colour of 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import altair as alt

from dashboard.charts import QUIET, TEAL, Words, inked, inline, layered
from dashboard.compare import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.compare import Difference
    from dashboard.hours import Hour
    from dashboard.queries import Place

PALE, DEEP = "#CFE9E6", "#0B4F5A"
HIDDEN = "#B27A14"
LEAST_RANGE = 0.1
"""Of the colours, as a share, where no hour has an interval."""
CHANGE = {Verdict.HIGHER: TEAL, Verdict.LOWER: "#D98A2B"}


@dataclass(frozen=True, slots=True)
class HourWords:
    """What the picture by weekday and hour says.

    Attributes:
        value: title of the value.
        weekdays: seven names from Monday on.
        hour: title of the hour.
        states: what each of the 168 cells is, in words; from Monday 0:00 on.
    """

    value: str
    weekdays: Sequence[str]
    hour: str
    states: Sequence[str]


def by_hour(hours: Sequence[Hour], words: HourWords) -> alt.LayerChart:
    """Draw a week: a colour where there is a number, a cross where it is hidden."""
    open_hours = sorted({cell.hour for cell in hours if cell.cells})
    first, last = (open_hours[0], open_hours[-1]) if open_hours else (0, 23)
    values = [
        {
            "weekday": words.weekdays[cell.weekday],
            "hour": cell.hour,
            "value": None if cell.estimate is None else cell.estimate.value,
            "hidden": cell.estimate is None and cell.cells > 0,
            "state": state,
        }
        for cell, state in zip(hours, words.states, strict=True)
        if first <= cell.hour <= last
    ]
    low, high = colour_range(hours)
    base = alt.Chart(inline(values)).encode(
        x=alt.X(
            "hour:O",
            axis=alt.Axis(title=words.hour, labelAngle=0, ticks=False, domain=False),
        ),
        y=alt.Y(
            "weekday:N",
            sort=list(words.weekdays),
            axis=alt.Axis(title=None, ticks=False, domain=False, labelPadding=8),
        ),
        tooltip=[
            alt.Tooltip("weekday:N", title=" "),
            alt.Tooltip("hour:O", title=words.hour),
            alt.Tooltip("state:N", title=words.value),
        ],
    )
    shown = base.transform_filter("isValid(datum.value)").mark_rect(cornerRadius=2)
    hidden = base.transform_filter("datum.hidden")
    # A layer without any mark would be an image without a name to a screen reader.
    crosses = [
        hidden.mark_point(shape="cross", angle=45, size=60, color=HIDDEN, filled=True, opacity=1)
    ]
    return layered(
        base.mark_rect(color=QUIET, opacity=0.10, cornerRadius=2),
        shown.encode(
            color=alt.Color(
                "value:Q",
                scale=alt.Scale(domain=[low, high], range=[PALE, DEEP], nice=False),
                legend=alt.Legend(
                    title=words.value, format=".0%", orient="bottom", gradientLength=180,
                    gradientThickness=10, titleLimit=320,
                ),
            )
        ),
        *(crosses if any(value["hidden"] for value in values) else []),
        height=alt.Step(30),
    )  # fmt: skip


def colour_range(hours: Sequence[Hour]) -> tuple[float, float]:
    """Return the shares, 0-1, of the palest and of the deepest colour.

    They lie at least as far apart as a typical hour's interval is wide, so that the picture doesn't
    draw chance as a contrast.
    """
    found = [cell.estimate for cell in hours if cell.estimate is not None]
    if not found:
        return 0.0, 1.0
    low, high = min(one.value for one in found), max(one.value for one in found)
    widths = [one.high - one.low for one in found if one.low is not None and one.high is not None]
    lacking = max(0.0, (median(widths) if widths else LEAST_RANGE) - (high - low))
    low = max(0.0, low - lacking / 2)
    return low, min(1.0, max(high + lacking / 2, low + 1e-3))


def places(found: Sequence[Place], words: Words, hidden: Mapping[str, str]) -> alt.LayerChart:
    """Draw one number for each place with its interval, in the order that is given.

    Args:
        found: by place.
        words: titles.
        hidden: why a place shows nothing, by its name.
    """
    values = [
        {
            "zone": place.zone,
            "value": None if place.estimate is None else place.estimate.value,
            "low": None if place.estimate is None else place.estimate.low,
            "high": None if place.estimate is None else place.estimate.high,
            "hidden": hidden.get(place.zone, ""),
        }
        for place in found
    ]
    shown_ones = [place.estimate for place in found if place.estimate is not None]
    highest = max((one.high or one.value for one in shown_ones), default=0.0)
    scale = alt.Scale(domain=[0, max(0.1, highest * 1.15)], nice=False)
    base = alt.Chart(inline(values)).encode(
        y=alt.Y(
            "zone:N",
            sort=[place.zone for place in found],
            axis=alt.Axis(title=None, labelLimit=180, ticks=False, domain=False, labelPadding=8),
        )
    )
    tooltip = [
        alt.Tooltip("zone:N", title=" "),
        alt.Tooltip("value:Q", title=words.value, format=".1%"),
        alt.Tooltip("low:Q", title=words.low, format=".1%"),
        alt.Tooltip("high:Q", title=words.high, format=".1%"),
    ]
    shown = base.transform_filter("isValid(datum.value)")
    x = alt.X("value:Q", scale=scale, axis=alt.Axis(title=words.value, format=".0%", tickCount=5))
    parts = [
        shown.mark_rule(color=TEAL, strokeWidth=3).encode(
            x=alt.X("low:Q", scale=scale, title=words.value), x2=alt.X2("high:Q"), tooltip=tooltip
        ),
        shown.mark_point(color=TEAL, filled=True, size=70, opacity=1).encode(x=x, tooltip=tooltip),
    ]
    if any(place.estimate is None for place in found):
        missing = base.transform_filter("!isValid(datum.value)")
        parts.append(inked(missing, dx=6).encode(x=alt.value(0), text=alt.Text("hidden:N")))
    return layered(*parts, height=34 * len(found) + 50)


def differences(named: Sequence[tuple[str, Difference]], words: Words) -> alt.LayerChart:
    """Draw differences with their intervals around a line at zero, in the given order.

    The colour says what the interval says: clear of zero to one side, to the other, or neither.
    """
    values = [
        {
            "label": label,
            "value": one.value * 100,
            "low": None if one.low is None else one.low * 100,
            "high": None if one.high is None else one.high * 100,
            "colour": CHANGE.get(one.verdict, QUIET),
        }
        for label, one in named
    ]
    base = alt.Chart(inline(values)).encode(
        y=alt.Y(
            "label:N",
            sort=[label for label, _ in named],
            axis=alt.Axis(
                title=None, labelLimit=210, ticks=False, domain=False, labelPadding=8,
                labelOverlap=False,
            ),
        ),
        color=alt.Color("colour:N", scale=None, legend=None),
    )  # fmt: skip
    tooltip = [
        alt.Tooltip("label:N", title=" "),
        alt.Tooltip("value:Q", title=words.value, format="+.1f"),
        alt.Tooltip("low:Q", title=words.low, format="+.1f"),
        alt.Tooltip("high:Q", title=words.high, format="+.1f"),
    ]
    zero_is_zero = "datum.value == 0 ? '0' : datum.label"
    axis = alt.Axis(title=words.value, format="+.0f", tickCount=6, labelExpr=zero_is_zero)
    zero = alt.Chart(inline([{"value": 0}])).mark_rule(color=QUIET, strokeDash=[4, 3])
    return layered(
        zero.encode(x=alt.X("value:Q", axis=axis)),
        base.mark_rule(strokeWidth=2.5).encode(
            x=alt.X("low:Q", title=words.value), x2=alt.X2("high:Q"), tooltip=tooltip
        ),
        base.mark_point(filled=True, size=52, opacity=1).encode(
            x=alt.X("value:Q", axis=axis), tooltip=tooltip
        ),
        height=22 * len(named) + 60,
    )
