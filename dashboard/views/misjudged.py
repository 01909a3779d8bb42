"""Wrong labels by version of the models and by circumstance: parts of the page on quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agent.evaluation.agreement import FEWEST
from agent.evaluation.differences import Said
from dashboard import charts_quality
from dashboard.report.sentences import named, not_noted, spread
from dashboard.views.common import local, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.evaluation.agreement import Rate
    from agent.evaluation.bias import Errors, Group
    from agent.evaluation.differences import Compared
    from agent.evaluation.versions import Version
    from dashboard.text import Text


def choice(words: Text, found: Sequence[Version]) -> int:
    """Let the reader choose a version, the newest at first; return its place."""
    if len(found) < 2:
        return 0
    chosen = st.selectbox(
        words("version.choose"),
        range(len(found)),
        format_func=lambda place: label(words, found[place], newest=place == 0),
        key="evaluation.version",
        help=words("version.help"),
    )
    return chosen or 0


def label(words: Text, version: Version, *, newest: bool) -> str:
    """Name a version by the time of its clips: people don't know models by their digests."""
    return words(
        "version.newest" if newest else "version.older",
        since=_day(version.since),
        until=_day(version.until),
        n=version.reviews,
    )


def models(words: Text, version: Version) -> None:
    """Name the models and the calibration of a version."""
    names = words("evaluation.comma").join(f"`{name}`" for name in version.models)
    st.caption(words("version.models", names=names))


def by_version(words: Text, found: Sequence[Version], compared: Compared) -> None:
    """Show what became of the share of wrong labels from version to version."""
    if len(found) < 2:
        return
    with st.container(border=True):
        st.markdown(f"#### {words('version.title')}")
        st.markdown(words(
            f"version.{compared.said.value}", chance=words.percent(compared.chance, 1),
            points=f"{100 * (compared.noticeable or 0):.0f}", least=FEWEST,
        ))  # fmt: skip
        old_first = list(reversed(found))
        names = [
            words("version.short", since=_day(one.since), until=_day(one.until))
            for one in old_first
        ]
        _chart(words, names, [one.misjudged for one in old_first], "version.alt")
        rows = [
            {
                words("version.version"): name,
                words("version.names"): " ".join(one.models),
                words("evaluation.share"): words.percent(one.misjudged.value),
                words("bias.column.interval"): _interval(
                    words, one.misjudged.low, one.misjudged.high
                ),
                words("evaluation.random"): f"{one.misjudged.clips:,}",
            }
            for name, one in zip(names, old_first, strict=True)
        ]
        table(words, rows, words("version.title"))


def by_circumstance(words: Text, groups: Sequence[Group], errors: Sequence[Errors]) -> None:
    """Show how the share of wrong labels differs by place, hour, distance, light and turn."""
    if not groups:
        return
    with st.container(border=True):
        st.markdown(f"#### {words('errors.title')}")
        st.markdown(words("errors.about", least=FEWEST))
        lines = [
            ("**{}**" if one.said is Said.DIFFERENT else "{}").format(spread(words, one))
            for one in errors
        ]
        st.markdown("\n".join(f"- {line}" for line in lines))
        if missing := not_noted(words, errors):
            st.info(missing, icon=":material/info:")
        st.caption(words("errors.caution"))
        names = [named(words, one.kind, one.name) for one in groups]
        _chart(words, names, groups, "errors.alt")
        rows = [
            {
                words("bias.column.group"): name,
                words("evaluation.share"): (
                    words("errors.few") if one.value is None else words.percent(one.value)
                ),
                words("bias.column.interval"): _interval(words, one.low, one.high),
                words("evaluation.clips"): f"{one.samples:,}",
            }
            for name, one in zip(names, groups, strict=True)
        ]
        table(words, rows, words("errors.title"))


def _day(at: datetime) -> str:
    return local(at, "%Y-%m-%d")


def _chart(words: Text, names: Sequence[str], shares: Sequence[Rate | Group], alt: str) -> None:
    points = [
        (name, one.value, one.low or 0.0, one.high or 0.0)
        for name, one in zip(names, shares, strict=True)
        if one.value is not None
    ]
    if points:
        st.altair_chart(
            charts_quality.shares(points, words("evaluation.share")),
            alt=words(alt),
            width="stretch",
            key=f"evaluation.{alt}",
        )


def _interval(words: Text, low: float | None, high: float | None) -> str:
    return "–" if low is None else f"{words.percent(low)} – {words.percent(high)}"
