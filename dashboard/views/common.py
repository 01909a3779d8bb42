"""What the parts of a page have in common: local time, and the table twin of a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Sequence
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
