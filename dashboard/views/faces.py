"""What the faces showed: movements, expression categories, derived scores; charts and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agent.domain.aggregate import (
    AROUSAL,
    ATTENTION,
    BLINK_RATE,
    EXPRESSIVENESS,
    VALENCE,
    au_intensity,
    au_rate,
    emotion_share,
)
from agent.domain.facs import ACTION_UNITS, AU_LABELS
from agent.domain.observation import EMOTIONS
from dashboard import charts, queries
from dashboard.charts import Bar, Words
from dashboard.views.common import legend, local, table

if TYPE_CHECKING:
    from datetime import datetime

    from dashboard.estimates import Estimate, Point
    from dashboard.queries import Overview
    from dashboard.text import Text

MOST_LINES = 3
"""Lines that can be told apart in one chart."""


def movement(words: Text, page: Overview) -> None:
    """Show AU rates with their intervals, and how chosen ones went over time."""
    with st.container(border=True):
        st.markdown(f"## {words('movement.title')}")
        if au_rate(AU_LABELS[0]) not in page.lines:
            st.markdown(words("movement.not_computed"))
            return
        rates = {a: page.whole[au_rate(a)] for a in AU_LABELS if au_rate(a) in page.whole}
        if not rates:
            st.markdown(words("movement.none"))
            return
        st.caption(words("movement.subtitle"))
        left, right = st.columns([6, 5], gap="large")
        with left:
            _rates(words, page, rates)
        with right:
            _rate_lines(words, page, rates)
        known = set(queries.grades().values()) != {queries.UNKNOWN_GRADE}
        st.caption(words("movement.grade_note" if known else "movement.no_grade"))


def _au_name(words: Text, label: str) -> str:
    return f"{words(f'au.{label}')} · {_short(label)}"


def _short(label: str) -> str:
    return f"AU{int(label[2:])}"


def _words(words: Text, value: str) -> Words:
    return Words(value, words("hidden.title"), words("movement.low"), words("movement.high"))


def _rates(words: Text, page: Overview, rates: dict[str, Estimate]) -> None:
    grades = queries.grades()
    order = sorted(rates, key=lambda label: -rates[label].value)
    bars = [
        Bar(_au_name(words, label), rates[label], _note(words, rates[label], grades[label]))
        for label in order
    ]
    said = ", ".join(f"{bar.label} {words.percent(bar.estimate.value)}" for bar in bars[:5])
    st.altair_chart(
        charts.rates(bars, _words(words, words("movement.rate"))),
        width="stretch",
        alt=words("movement.alt_rates", parts=said),
        key="rates_chart",
    )
    facs = {unit.label: unit.name for unit in ACTION_UNITS}
    rows = []
    for label in order:
        intensity = page.whole.get(au_intensity(label))
        rows.append(
            {
                "AU": _short(label),
                words("movement.name"): words(f"au.{label}"),
                words("movement.facs"): facs[label],
                **_numbers(words, words("movement.rate"), rates[label]),
                words("movement.intensity"): "–" if intensity is None else f"{intensity.value:.2f}",
                words("movement.grade"): grades[label],
                words("movement.samples"): rates[label].samples,
                words("movement.tracks"): rates[label].tracks,
            }
        )
    table(words, rows, words("movement.title"))


def _note(words: Text, estimate: Estimate, grade: str) -> str:
    share = words.percent(estimate.value)
    return share if grade == queries.UNKNOWN_GRADE else f"{share}  {grade}"


def _numbers(words: Text, title: str, estimate: Estimate | None) -> dict[str, str]:
    """Write an estimated share and its interval as cells of a table."""
    return {
        title: words.percent(estimate.value if estimate else None, 1),
        words("movement.low"): words.percent(estimate.low if estimate else None, 1),
        words("movement.high"): words.percent(estimate.high if estimate else None, 1),
    }


def _rate_lines(words: Text, page: Overview, rates: dict[str, Estimate]) -> None:
    st.markdown(f"**{words('movement.over_time')}**")
    first = sorted(rates, key=lambda label: -rates[label].value)[:MOST_LINES]
    chosen = st.multiselect(
        words("movement.choose"),
        list(AU_LABELS),
        default=first,
        max_selections=MOST_LINES,
        format_func=lambda label: _au_name(words, label),
        key="lines_of",
    )
    named = {_au_name(words, label): page.lines[au_rate(label)] for label in chosen}
    if not named:
        return
    st.altair_chart(
        charts.lines(named, _words(words, words("movement.rate")), span=(page.since, page.until)),
        width="stretch",
        alt=words("movement.alt_lines", parts=", ".join(named)),
        key="lines_chart",
    )
    table(words, _over_time(words, named), words("movement.over_time"))


def _over_time(
    words: Text, named: dict[str, list[Point]], *, share: bool = True
) -> list[dict[str, str]]:
    """Lay series out as a table, newest first; a hidden step says so instead of a number."""
    steps: dict[datetime, dict[str, str]] = {}
    for name, points in named.items():
        for point in points:
            row = steps.setdefault(point.start, {words("movement.when"): local(point.start)})
            row[name] = _value(words, point, share)
    return [steps[start] for start in sorted(steps, reverse=True)]


def _value(words: Text, point: Point, share: bool) -> str:
    if point.estimate is not None:
        value = point.estimate.value
        return words.percent(value, 1) if share else _score(words, value, "valence")
    return words(f"hidden.{point.reason.value}") if point.reason else "–"


def emotion(words: Text, page: Overview) -> None:
    """Show expression categories under their caveat, then the derived scores."""
    with st.container(border=True):
        st.markdown(f"## {words('emotion.title')}")
        names = {name: words(f"emotion.{name}") for name in EMOTIONS}
        if emotion_share(EMOTIONS[0]) not in page.lines:
            st.markdown(words("emotion.not_computed"))
            _scores(words, page)
            return
        st.markdown(f":material/info: {words('emotion.caveat')}")
        shown = {n: page.whole[emotion_share(n)] for n in names if emotion_share(n) in page.whole}
        if not shown:
            st.markdown(words("emotion.none"))
            return
        left, right = st.columns([5, 6], gap="large")
        with left:
            _categories(words, names, shown)
        with right:
            _category_lines(words, page, {names[n]: page.lines[emotion_share(n)] for n in names})
        _scores(words, page)


def _categories(words: Text, names: dict[str, str], shown: dict[str, Estimate]) -> None:
    bars = [
        Bar(names[name], estimate, words.percent(estimate.value))
        for name, estimate in shown.items()
    ]
    said = ", ".join(f"{bar.label} {words.percent(bar.estimate.value)}" for bar in bars)
    st.altair_chart(
        charts.rates(bars, _words(words, words("emotion.share"))),
        width="stretch",
        alt=words("emotion.alt_shares", parts=said),
        key="categories_chart",
    )
    rows = [
        {
            words("emotion.category"): names[name],
            **_numbers(words, words("emotion.share"), estimate),
            words("movement.samples"): estimate.samples,
            words("movement.tracks"): estimate.tracks,
        }
        for name, estimate in shown.items()
    ]
    table(words, rows, words("emotion.title"))


def _category_lines(words: Text, page: Overview, named: dict[str, list[Point]]) -> None:
    st.altair_chart(
        charts.stacked(named, _words(words, words("emotion.share")), (page.since, page.until)),
        width="stretch",
        alt=words("emotion.alt_lines"),
        key="category_lines_chart",
    )
    legend(zip(charts.CATEGORY_COLOURS, named, strict=True))
    table(words, _over_time(words, named), words("emotion.over_time"))


def _scores(words: Text, page: Overview) -> None:
    """Show the derived scores as figures; small, since they say least."""
    keys = {
        "expressiveness": EXPRESSIVENESS,
        "attention": ATTENTION,
        "blinks": BLINK_RATE,
        "valence": VALENCE,
        "arousal": AROUSAL,
    }
    found = {key: page.whole[metric] for key, metric in keys.items() if metric in page.whole}
    if not found:
        return
    st.markdown(f"**{words('derived.title')}**")
    row = st.container(horizontal=True, gap="small")
    for key, estimate in found.items():
        row.metric(
            words(f"derived.{key}"),
            _score(words, estimate.value, key),
            delta=_interval(words, estimate, key),
            delta_color="off",
            delta_arrow="off",
            width=172,
        )
    if "blinks" in found:
        st.caption(words("derived.blinks_note"))
    if "valence" not in found:
        return
    named = {words(f"derived.{key}"): page.lines[keys[key]] for key in ("valence", "arousal")}
    st.altair_chart(
        charts.lines(
            named,
            _words(words, words("derived.value")),
            span=(page.since, page.until),
            domain=(-1, 1),
            percent=False,
            height=240,
        ),
        width="stretch",
        alt=words("derived.alt_lines"),
        key="scores_chart",
    )
    table(words, _over_time(words, named, share=False), words("derived.title"))
    st.caption(words("derived.note"))


def _score(words: Text, value: float, key: str) -> str:
    if key in {"expressiveness", "attention"}:
        return words.percent(value)
    if key == "blinks":
        return f"{value:.1f}"
    return f"{value:+.2f}".replace("-", "−") if abs(value) >= 0.005 else "0.00"


def _interval(words: Text, estimate: Estimate, key: str) -> str:
    if estimate.low is None or estimate.high is None:
        return words("derived.no_interval")
    low, high = (_score(words, end, key) for end in (estimate.low, estimate.high))
    return words("derived.interval", low=low, high=high)
