"""Draw agreement, calibration and drift as Altair charts. Pure; same rules as `charts`."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from dashboard.charts import LINES, QUIET, TEAL, inline, layered

SHAPES = ("circle", "diamond")
DEEP = "#14707a"
"""Dark enough for white numbers on it, in both themes."""


def agreement(
    bars: Sequence[tuple[str, float | None, float]], names: tuple[str, str]
) -> alt.LayerChart:
    """Draw kappa and PABAK of each movement, on one line each.

    Args:
        bars: (label, kappa or None where it is undefined, PABAK), in order.
        names: of the two measures, in the page's language.
    """
    values: list[dict[str, object]] = []
    lowest = -0.2
    for label, chance_corrected, adjusted in bars:
        for name, value in zip(names, (chance_corrected, adjusted), strict=True):
            if value is not None:
                values.append({"label": label, "name": name, "value": value})
                lowest = min(lowest, value)
    y = alt.Y(
        "label:N",
        sort=[label for label, *_ in bars],
        axis=alt.Axis(
            title=None, labelLimit=230, ticks=False, domain=False, labelPadding=8,
            labelOverlap=False,
        ),
    )  # fmt: skip
    points = (
        alt.Chart(inline(values))
        .mark_point(filled=True, size=80, opacity=1)
        .encode(
            x=alt.X(
                "value:Q",
                scale=alt.Scale(domain=[lowest, 1], nice=False),
                axis=alt.Axis(title=None, format=".1f", tickCount=6),
            ),
            y=y,
            color=_by_name("color", names),
            shape=_by_name("shape", names),
            tooltip=[
                alt.Tooltip("label:N", title=" "),
                alt.Tooltip("name:N", title=" "),
                alt.Tooltip("value:Q", title=" ", format=".2f"),
            ],
        )
    )
    chance = (
        alt.Chart(inline([{"value": 0}]))
        .mark_rule(color=QUIET, strokeDash=[4, 3])
        .encode(x=alt.X("value:Q"))
    )
    return layered(chance, points, height=23 * len(bars) + 70)


def confusion(
    counts: Sequence[Sequence[int]], names: Sequence[str], axes: tuple[str, str]
) -> alt.LayerChart:
    """Draw who was taken for what: numbers of clips, darker where there are more.

    Args:
        counts: row = the person's class, column = the model's.
        names: of the classes, in order.
        axes: names of the person's and of the model's axis.
    """
    values = [
        {"person": names[i], "model": names[j], "clips": count}
        for i, row in enumerate(counts)
        for j, count in enumerate(row)
        if count
    ]
    order = list(names)
    scale = alt.Scale(domain=order)
    x, y = (
        alt.Axis(
            title=title, labelAngle=angle, labelLimit=120, labelOverlap=False, grid=True,
            ticks=False, domain=False,
        )
        for title, angle in ((axes[1], -60), (axes[0], 0))
    )  # fmt: skip
    base = alt.Chart(inline(values)).encode(
        x=alt.X("model:N", sort=order, scale=scale, axis=x),
        y=alt.Y("person:N", sort=order, scale=scale, axis=y),
        tooltip=[
            alt.Tooltip("person:N", title=axes[0]),
            alt.Tooltip("model:N", title=axes[1]),
            alt.Tooltip("clips:Q", title=" "),
        ],
    )
    most = max((count for row in counts for count in row), default=1)
    sizes = alt.Scale(domain=[0, max(most, 1)], range=[220, 900])
    boxes = base.mark_circle(color=DEEP, opacity=1).encode(
        size=alt.Size("clips:Q", scale=sizes, legend=None)
    )
    text = base.mark_text(fontSize=12, color="white").encode(text=alt.Text("clips:Q"))
    return layered(boxes, text, height=380)


def calibration(
    points: Sequence[tuple[float, float, float, float, int]], names: tuple[str, str, str]
) -> alt.LayerChart:
    """Draw how often the class was right against how sure the model was.

    Args:
        points: (mean probability, share right, ends of its 95 % interval, clips).
        names: of the three, in the page's language.
    """
    names_of = ("stated", "right", "low", "high", "clips")
    values = [dict(zip(names_of, point, strict=True)) for point in points]
    scale = alt.Scale(domain=[0, 1])
    line = (
        alt.Chart(inline([{"stated": 0, "right": 0}, {"stated": 1, "right": 1}]))
        .mark_line(color=QUIET, strokeDash=[4, 3])
        .encode(x=alt.X("stated:Q", scale=scale), y=alt.Y("right:Q", scale=scale))
    )
    marks = (
        alt.Chart(inline(values))
        .mark_point(filled=True, color=TEAL, size=110, opacity=1)
        .encode(
            x=alt.X(
                "stated:Q",
                scale=scale,
                axis=alt.Axis(title=names[0], format=".0%", tickCount=6),
            ),
            y=alt.Y("right:Q", scale=scale, axis=alt.Axis(title=names[1], format=".0%")),
            tooltip=[
                alt.Tooltip("stated:Q", title=names[0], format=".0%"),
                alt.Tooltip("right:Q", title=names[1], format=".0%"),
                alt.Tooltip("low:Q", title="95 %", format=".0%"),
                alt.Tooltip("high:Q", title="95 %", format=".0%"),
                alt.Tooltip("clips:Q", title=names[2]),
            ],
        )
    )
    ends = (
        alt.Chart(inline(values))
        .mark_rule(color=TEAL, strokeWidth=2.5)
        .encode(
            x=alt.X("stated:Q", scale=scale),
            y=alt.Y("low:Q", scale=scale, title=names[1]),
            y2=alt.Y2("high:Q"),
        )
    )
    return layered(line, ends, marks, height=300)


def shares(points: Sequence[tuple[str, float, float, float]], name: str) -> alt.LayerChart:
    """Draw a share of each group with its interval, one line each.

    Args:
        points: (group, share, low, high), in order.
        name: of the share.
    """
    values = [{"group": g, "share": s, "low": lo, "high": hi} for g, s, lo, hi in points]
    scale = alt.Scale(domain=[0, max((high for *_, high in points), default=1.0)], nice=True)
    axis = alt.Axis(title=name, format=".0%", tickCount=5)
    base = alt.Chart(inline(values)).encode(
        y=alt.Y(
            "group:N",
            sort=[group for group, *_ in points],
            axis=alt.Axis(
                title=None, labelLimit=190, ticks=False, domain=False, labelPadding=8,
                labelOverlap=False,
            ),
        ),
        tooltip=[
            alt.Tooltip("group:N", title=" "),
            alt.Tooltip("share:Q", title=name, format=".0%"),
            alt.Tooltip("low:Q", title="95 %", format=".0%"),
            alt.Tooltip("high:Q", title="95 %", format=".0%"),
        ],
    )  # fmt: skip
    return layered(
        base.mark_rule(color=TEAL, strokeWidth=2.5).encode(
            x=alt.X("low:Q", scale=scale, axis=axis), x2=alt.X2("high:Q")
        ),
        base.mark_point(color=TEAL, filled=True, size=70, opacity=1).encode(
            x=alt.X("share:Q", scale=scale, axis=axis)
        ),
        height=27 * len(points) + 90,
    )


def weekly(points: Sequence[tuple[str, float, float, float]], name: str) -> alt.LayerChart:
    """Draw a share by week with its interval.

    Args:
        points: (Monday, share, low, high), oldest first.
        name: of the share.
    """
    values = [{"week": w, "share": s, "low": lo, "high": hi} for w, s, lo, hi in points]
    base = alt.Chart(inline(values)).encode(
        x=alt.X("week:O", axis=alt.Axis(title=None, labelAngle=0)),
        tooltip=[
            alt.Tooltip("week:O", title=" "),
            alt.Tooltip("share:Q", title=name, format=".0%"),
            alt.Tooltip("low:Q", title="95 %", format=".0%"),
            alt.Tooltip("high:Q", title="95 %", format=".0%"),
        ],
    )
    scale = alt.Scale(domain=[0, 1])
    y = alt.Y("share:Q", scale=scale, axis=alt.Axis(title=name, format=".0%"))
    return layered(
        base.mark_rule(color=TEAL, strokeWidth=2.5).encode(
            y=alt.Y("low:Q", scale=scale, title=name), y2=alt.Y2("high:Q")
        ),
        base.mark_point(color=TEAL, filled=True, size=70, opacity=1).encode(y=y),
        height=260,
    )


def _by_name(channel: str, names: tuple[str, str]) -> alt.Color | alt.Shape:
    legend = alt.Legend(orient="top", title=None)
    if channel == "color":
        scale = alt.Scale(domain=list(names), range=list(LINES[:2]))
        return alt.Color("name:N", scale=scale, legend=legend)
    scale = alt.Scale(domain=list(names), range=list(SHAPES))
    return alt.Shape("name:N", scale=scale, legend=legend)
