"""What the parts of a page have in common: local time, and the table twin of a chart."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dashboard.text import Text


def local(instant: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
    """Write an instant in the browser's time zone, UTC where the browser doesn't say."""
    name = st.context.timezone
    return instant.astimezone(ZoneInfo(name) if name else None).strftime(form)


def table(words: Text, rows: Sequence[dict[str, Any]], key: str) -> None:
    """Offer the rows of a chart as a table, closed at first."""
    with st.expander(words("control.table"), icon=":material/table:"):
        st.dataframe(rows, hide_index=True, width="stretch", key=key)


def legend(entries: Iterable[tuple[str, str]]) -> None:
    """Name the colours of a chart; unlike the chart's own legend this one wraps on a phone.

    Args:
        entries: (colour as #RRGGBB, name).
    """
    parts = (
        f'<span style="white-space:nowrap"><span style="color:{colour}">&#9632;</span> '
        f"{html.escape(name)}</span>"
        for colour, name in entries
    )
    st.html(f'<div style="font-size:0.875rem;line-height:1.7">{"&emsp;".join(parts)}</div>')
