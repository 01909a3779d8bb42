"""Before and after a day, or two periods: whether the movements differ, with intervals."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from agent.domain.aggregate import au_rate
from agent.domain.facs import AU_LABELS
from agent.errors import ConfigError
from dashboard import charts_compare, queries
from dashboard.charts import Words
from dashboard.compare import FEW_DAYS, LEAST_DAYS, Difference, Verdict
from dashboard.places import Somewhere, key_of, place_of
from dashboard.queries import Comparison, Days
from dashboard.views.beside import metric_name
from dashboard.views.common import plain, table

if TYPE_CHECKING:
    from agent.config.markers import Marker
    from agent.store.aggregates import Latest
    from dashboard.text import Text

LENGTHS = (7, 14, 28)
MOST_DAYS = 366
Sides = tuple[Days, Days]


def change(words: Text, place: Somewhere, latest: Latest, zone: str | None, timezone: str) -> None:
    """Ask what to compare, and say what may be said."""
    with st.container(border=True):
        st.markdown(f"## {words('change.title')}")
        st.caption(words("change.subtitle"))
        sides = _asked(words, place, queries.kept_days(place, latest, timezone))
        if sides is None:
            return
        if min(map(len, sides)) < LEAST_DAYS:
            st.info(words("change.short"), icon=":material/hourglass_top:")
            return
        found = _compared(key_of(place), latest, sides, zone, timezone)
        _answer(words, sides, found)


def _asked(words: Text, place: Somewhere, kept: Days) -> Sides | None:
    markers = _markers(words, place)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    modes = ("marker", "periods")
    mode = row.segmented_control(
        words("change.mode"),
        modes,
        default=modes[0] if markers else modes[1],
        format_func=lambda name: words(f"change.mode_{name}"),
        required=True,
        key="change_mode",
    )
    if mode == "periods":
        return _two_periods(words, row, kept)
    if not markers:
        st.info(words("change.no_markers"), icon=":material/flag:")
        return None
    return _around(words, row, markers, kept)


def _markers(words: Text, place: Somewhere) -> tuple[Marker, ...]:
    try:
        return queries.markers(place)
    except ConfigError as error:
        st.warning(
            f"**{words('change.broken_markers')}**: {plain(str(error))}. {plain(error.advice)}",
            icon=":material/flag:",
        )
        return ()


def _around(words: Text, row: Any, markers: tuple[Marker, ...], kept: Days) -> Sides:
    chosen = row.selectbox(
        words("change.marker"),
        markers[::-1],
        format_func=lambda m: words(
            "change.marker_line", day=m.day.isoformat(), text=m.told(words.language)
        ),
        key="change_marker",
        width=320,
    )
    length = row.selectbox(words("change.length"), LENGTHS, index=1, key="change_length", width=140)
    return around(chosen.day, length, kept)


def around(day: date, length: int, kept: Days) -> Sides:
    """Return the days before and after a day, itself left out, as far as numbers are kept."""
    one = timedelta(days=1)
    return (
        Days(max(kept.first, day - length * one), day - one),
        Days(day + one, min(kept.last, day + length * one)),
    )


def _two_periods(words: Text, row: Any, kept: Days) -> Sides | None:
    middle = kept.first + timedelta(days=len(kept) // 2)
    defaults = (
        (max(kept.first, middle - timedelta(days=28)), middle - timedelta(days=1)),
        (middle, min(kept.last, middle + timedelta(days=27))),
    )
    if len(kept) < 2 * LEAST_DAYS:
        st.info(words("change.short"), icon=":material/hourglass_top:")
        return None
    ranges = [
        row.date_input(
            words(f"change.{name}"),
            default,
            min_value=kept.first,
            max_value=kept.last,
            format="YYYY-MM-DD",
            key=f"change_{name}",
            width=250,
        )
        for name, default in zip(("first", "second"), defaults, strict=True)
    ]
    if any(len(chosen) != 2 for chosen in ranges):
        st.info(words("change.choose"), icon=":material/date_range:")
        return None
    first, second = (Days(*chosen) for chosen in ranges)
    if first.meets(second):
        st.warning(words("change.overlap"), icon=":material/date_range:")
        return None
    return first, second


def _answer(words: Text, sides: Sides, found: Comparison) -> None:
    named = [(label, found.differences.get(au_rate(label))) for label in AU_LABELS]
    there = [(label, one) for label, one in named if one is not None]
    if not there:
        st.markdown(words("change.nothing"))
        return
    for sentence in conclusion(words, there):
        st.markdown(sentence)
    st.altair_chart(
        charts_compare.differences(
            [(metric_name(words, au_rate(label)), one) for label, one in there],
            Words(
                words("change.points"), words("hidden.title"), words("movement.low"),
                words("movement.high"),
            ),
        ),
        width="stretch",
        alt=words("change.alt", n=len(there)),
        key="change_chart",
    )  # fmt: skip
    for warning in cautions(words, found):
        st.markdown(f":material/info: {warning}")
    names = [_span(side) for side in sides]
    notes = [words("change.sides", first=names[0], second=names[1],
                   days_first=found.days[0], days_second=found.days[1])]  # fmt: skip
    if sides[1].first - sides[0].last == timedelta(days=2):
        day = sides[0].last + timedelta(days=1)
        notes.append(words("change.without", day=day.isoformat()))
    st.caption(" ".join([*notes, words("change.chance", n=len(there))]))
    table(words, [_row(words, label, one) for label, one in there], words("change.title"))


def _span(side: Days) -> str:
    return f"{side.first.isoformat()} – {side.last.isoformat()}"


def conclusion(words: Text, found: list[tuple[str, Difference]]) -> list[str]:
    """Say which movements are higher or lower, by how much, and of which nothing can be said."""
    if all(one.verdict is Verdict.UNKNOWN for _, one in found):
        return [words("change.unknown")]
    said = []
    for verdict in (Verdict.HIGHER, Verdict.LOWER):
        parts = [_part(words, label, one) for label, one in found if one.verdict is verdict]
        if parts:
            joined = ("、" if words.language == "ja" else "; ").join(parts)
            said.append(words(f"change.{verdict.value}", parts=joined))
    rest = sum(one.verdict is Verdict.NONE for _, one in found)
    if not said:
        return [words("change.none", n=rest)]
    return [*said, words("change.rest", n=rest) if rest else words("change.rest_none")]


def _part(words: Text, label: str, one: Difference) -> str:
    assert one.low is not None
    assert one.high is not None
    ends = sorted((abs(one.low), abs(one.high)))
    low, high = (f"{100 * end:.1f}" for end in ends)
    return words("change.part", name=words(f"au.{label}"), low=low, high=high)


def cautions(words: Text, found: Comparison) -> list[str]:
    """Return what a reader should know before believing the difference."""
    said = []
    if not found.same_models:
        said.append(words("change.models"))
    if not found.same_policy:
        said.append(words("change.policy"))
    if min(found.days) < FEW_DAYS:
        said.append(words("change.few", n=FEW_DAYS))
    return said


def _row(words: Text, label: str, one: Difference) -> dict[str, Any]:
    first, second = one.first.estimate, one.second.estimate
    return {
        "AU": f"AU{int(label[2:])}",
        words("movement.name"): words(f"au.{label}"),
        words("change.col_first"): words.percent(first.value, 1),
        words("change.col_second"): words.percent(second.value, 1),
        words("change.col_difference"): f"{100 * one.value:+.1f}",
        words("movement.low"): "–" if one.low is None else f"{100 * one.low:+.1f}",
        words("movement.high"): "–" if one.high is None else f"{100 * one.high:+.1f}",
        words("change.col_said"): words(f"change.said_{one.verdict.value}"),
        words("change.col_samples"): f"{first.samples:,} / {second.samples:,}",
        words("change.col_visits"): f"{first.tracks:,} / {second.tracks:,}",
    }


# Shared between sessions on purpose: released numbers. The newest release is part of the key.
@st.cache_data(max_entries=32, ttl=3600, show_spinner=False)
def _compared(
    root: str, latest: Latest, sides: Sides, zone: str | None, timezone: str
) -> Comparison:
    del latest
    return queries.comparison(place_of(root), sides, zone, timezone)
