"""What sets numbers side by side: hours of the week, places, and the file to take away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from agent.domain.aggregate import au_rate
from agent.domain.facs import AU_LABELS
from dashboard import charts_compare, export, queries
from dashboard.charts import Words
from dashboard.charts_compare import HourWords
from dashboard.hours import HOUR_SECONDS, Hour
from dashboard.places import Somewhere, key_of, place_of
from dashboard.views.common import local, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from agent.store.aggregates import Latest
    from dashboard.queries import Overview, Period, Place
    from dashboard.text import Text

FILE_KINDS = {
    "csv": ("text/csv", export.to_csv),
    "parquet": ("application/vnd.apache.parquet", export.to_parquet),
}


def metric_name(words: Text, metric: str) -> str:
    """Return a metric's name in the page's language."""
    kind, name, *_ = metric.split(".")
    if kind == "au":
        return f"{words(f'au.{name}')} · AU{int(name[2:])}"
    return words(f"emotion.{name}" if kind == "emotion" else "derived.attention")


def chosen_metric(words: Text, page: Overview) -> str | None:
    """Ask for what is looked at by hour and by place; None where the policy computes nothing."""
    there = [metric for metric in queries.SELECTABLE if metric in page.lines]
    if not there:
        return None
    rates = [au_rate(a) for a in AU_LABELS if a != "AU45" and au_rate(a) in page.whole]
    first = max(rates, key=lambda metric: page.whole[metric].value) if rates else there[0]
    return st.selectbox(
        words("compare.metric"),
        there,
        index=there.index(first),
        format_func=lambda metric: metric_name(words, metric),
        key="beside_metric",
        width=420,
    )


def by_hour(
    words: Text, place: Somewhere, latest: Latest, zone: str | None, metric: str, timezone: str
) -> None:
    """Show one metric by weekday and hour."""
    with st.container(border=True):
        st.markdown(f"## {words('byhour.title')}")
        if latest.bucket_seconds > HOUR_SECONDS:
            st.markdown(words("byhour.too_long"))
            return
        since, hours = _hours(key_of(place), latest, metric, zone, timezone)
        st.caption(words("byhour.subtitle", since=local(since, "%Y-%m-%d"), timezone=timezone))
        shown = [hour for hour in hours if hour.estimate is not None]
        if not shown:
            st.markdown(words("byhour.none"))
        hidden = [hour for hour in hours if hour.estimate is None and hour.cells]
        if not shown and not hidden:
            return
        name = metric_name(words, metric)
        weekdays = words("compare.weekdays").split(" ")
        states = [_state(words, hour) for hour in hours]
        st.altair_chart(
            charts_compare.by_hour(hours, HourWords(name, weekdays, words("compare.hour"), states)),
            width="stretch",
            alt=words("byhour.alt", name=name, shown=len(shown), hidden=len(hidden)),
            key="byhour_chart",
        )
        if hidden:
            reasons = dict.fromkeys(words(f"hidden.{h.reason.value}") for h in hidden if h.reason)
            st.caption(words("byhour.hidden", reasons=" / ".join(reasons)))
        table(words, _hour_rows(words, hours, states, weekdays), words("byhour.title"))


def _state(words: Text, hour: Hour) -> str:
    if hour.estimate is not None:
        low, high = (words.percent(x, 1) for x in (hour.estimate.low, hour.estimate.high))
        return f"{words.percent(hour.estimate.value, 1)} ({low} – {high})"
    if not hour.cells:
        return words("compare.no_data")
    return words(f"hidden.{hour.reason.value}") if hour.reason else "–"


def _hour_rows(
    words: Text, hours: list[Hour], states: list[str], weekdays: list[str]
) -> list[dict[str, Any]]:
    return [
        {
            words("compare.weekday"): weekdays[hour.weekday],
            words("compare.hour"): hour.hour,
            words("movement.rate"): state,
            words("compare.buckets"): _of(words, hour),
            words("movement.samples"): hour.estimate.samples if hour.estimate else None,
        }
        for hour, state in zip(hours, states, strict=True)
        if hour.cells
    ]


def _of(words: Text, found: Hour | Place) -> str:
    return words("compare.of_buckets", shown=found.shown, cells=found.cells)


def places(
    words: Text, place: Somewhere, latest: Latest, period: Period, metric: str, timezone: str
) -> None:
    """Show one metric for each place, by name; nothing where there is one place only."""
    found = _places(key_of(place), latest, period, metric, timezone)
    if len(found) < 2:
        return
    with st.container(border=True):
        st.markdown(f"## {words('places.title')}")
        st.caption(words("places.subtitle"))
        name = metric_name(words, metric)
        said = ", ".join(f"{one.zone} {_place_value(words, one)}" for one in found)
        st.altair_chart(
            charts_compare.places(
                found,
                Words(name, words("hidden.title"), words("movement.low"), words("movement.high")),
                {one.zone: _place_value(words, one) for one in found if one.estimate is None},
            ),
            width="stretch",
            alt=words("places.alt", name=name, parts=said),
            key="places_chart",
        )
        rows = [
            {
                words("places.place"): one.zone,
                words("movement.rate"): _place_value(words, one),
                words("movement.low"): words.percent(one.estimate.low if one.estimate else None, 1),
                words("movement.high"): words.percent(
                    one.estimate.high if one.estimate else None, 1
                ),
                words("movement.samples"): one.estimate.samples if one.estimate else None,
                words("movement.tracks"): one.estimate.tracks if one.estimate else None,
                words("compare.buckets"): _of(words, one),
            }
            for one in found
        ]
        table(words, rows, words("places.title"))


def _place_value(words: Text, one: Place) -> str:
    if one.estimate is not None:
        return words.percent(one.estimate.value, 1)
    return words(f"hidden.{one.reason.value}") if one.reason else words("compare.no_data")


def download(
    words: Text, place: Somewhere, latest: Latest, period: Period, zone: str | None, timezone: str
) -> None:
    """Offer the released numbers of the page's period as a file; made only when asked for."""
    part = queries.stretch(place, latest, period, timezone)
    length = words.duration(latest.bucket_seconds)
    unit = (
        words("download.unit_day") if part.by_day else words("download.unit_bucket", bucket=length)
    )
    with st.expander(words("download.title"), icon=":material/download:"):
        st.caption(words("download.note", unit=unit))
        row = st.container(horizontal=True)
        for kind, (mime, write) in FILE_KINDS.items():
            row.download_button(
                words(f"download.{kind}"),
                data=partial(_file, write, place, part, zone),
                file_name=f"omokage-{part.since:%Y%m%d}-{part.until:%Y%m%d}.{kind}",
                mime=mime,
                on_click="ignore",
                key=f"download_{kind}",
            )


def _file(
    write: Callable[[list[dict[str, Any]]], bytes],
    place: Somewhere,
    part: queries.Stretch,
    zone: str | None,
) -> bytes:
    return write(queries.released(place, part, zone))


# Shared between sessions on purpose, as on the rest of the page: released numbers.
@st.cache_data(max_entries=32, ttl=3600, show_spinner=False)
def _hours(
    root: str, latest: Latest, metric: str, zone: str | None, timezone: str
) -> tuple[datetime, list[Hour]]:
    return queries.hours(place_of(root), latest, metric, zone, timezone)


@st.cache_data(max_entries=32, ttl=3600, show_spinner=False)
def _places(root: str, latest: Latest, period: Period, metric: str, timezone: str) -> list[Place]:
    return queries.places(place_of(root), latest, period, metric, timezone)
