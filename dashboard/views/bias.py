"""What the daily comparison of places, hours and circumstances found; a part of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agent import bias_check
from agent.evaluation.bias import Measure
from dashboard.report.sentences import named, number, sentence
from dashboard.views.common import local, plain, table

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.evaluation.bias import Bias, Group
    from dashboard.text import Text


def section(words: Text, place: Site) -> None:
    """Draw it: when it was made, what stands out, and everything that was compared."""
    found = bias_check.read(place.bias)
    with st.container(border=True):
        st.markdown(f"#### {words('bias.title')}")
        st.markdown(words("bias.about"))
        if found is None:
            st.info(words("bias.none"), icon=":material/hourglass_top:")
            return
        _said(words, found)
        # Mistakes stand in a part of their own, over all reviews and not 28 days alone.
        rows = [row(words, g) for g in found.groups if g.measure is not Measure.MISJUDGED]
        if rows:
            table(words, rows, words("bias.title"))


def _said(words: Text, found: Bias) -> None:
    at, since = local(found.at), local(found.since, "%Y-%m-%d")
    if not found.signs:
        st.success(
            words("bias.fine", at=at, since=since, n=len(found.groups)), icon=":material/check:"
        )
        return
    lines = "\n".join(f"- {plain(sentence(words, sign))}" for sign in found.signs)
    title = words("bias.signs", at=at, since=since, n=len(found.signs))
    st.warning(f"{title}\n\n{lines}\n\n{words('bias.meaning')}", icon=":material/balance:")


def row(words: Text, one: Group) -> dict[str, str]:
    """Return a group as a row of the table."""
    low, high = number(words, one.measure, one.low), number(words, one.measure, one.high)
    return {
        words("bias.column.group"): named(words, one.kind, one.name),
        words("bias.column.measure"): words(f"bias.measure.{one.measure.value}"),
        words("bias.column.value"): number(words, one.measure, one.value),
        words("bias.column.interval"): "–" if one.low is None else f"{low} – {high}",
        words("bias.column.samples"): f"{one.samples:,}",
    }
