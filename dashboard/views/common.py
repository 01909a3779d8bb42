"""What the parts of a page have in common: local time, table twins, lists of facts, trouble."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard.tables import table_html
from dashboard.troubles import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from agent.errors import CentralError, StoreError
    from dashboard.text import Text


def local(instant: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
    """Write an instant in the browser's time zone, UTC where the browser doesn't say."""
    name = st.context.timezone
    return instant.astimezone(ZoneInfo(name) if name else None).strftime(form)


def moment(instant: datetime, now: datetime) -> str:
    """Write an instant by the browser's clock, without its date where that is today's."""
    same = local(instant, "%Y-%m-%d") == local(now, "%Y-%m-%d")
    return local(instant, "%H:%M" if same else "%Y-%m-%d %H:%M")


def grid(rows: Sequence[Mapping[str, object]], label: str, *, tall: bool = False) -> None:
    """Show rows as a table that wraps, and that becomes a list on a phone.

    Args:
        rows: by column's name.
        label: what it is about, for screen readers.
        tall: as long as its rows are.
    """
    st.html(table_html(rows, label, tall=tall))


def table(words: Text, rows: Sequence[Mapping[str, object]], label: str) -> None:
    """Offer the rows of a chart as a table, closed at first; `label` says what it is about."""
    with st.expander(words("control.table"), icon=":material/table:"):
        grid(rows, label)


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


_FACTS = (
    "display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));"
    "gap:0.15rem 2.5rem;font-size:0.9rem;line-height:1.5;margin:0;padding:0"
)
_FACT = (
    "display:flex;justify-content:space-between;gap:1rem;padding:0.3rem 0;"
    "border-bottom:1px solid rgba(128,140,152,0.28)"
)


def facts(entries: Iterable[tuple[str, str]]) -> None:
    """List names and values side by side, in as many columns as fit."""
    parts = "".join(
        f'<div style="{_FACT}"><dt style="opacity:0.75">{html.escape(name)}</dt>'
        f'<dd style="margin:0;text-align:right;overflow-wrap:anywhere">{html.escape(value)}</dd>'
        "</div>"
        for name, value in entries
    )
    st.html(f'<dl style="{_FACTS}">{parts}</dl>')


_BREAKS = re.compile(r"[^\S\u00a0\u202f]+")
"""White space but for the one that holds a number and its unit together."""


def plain(text: str) -> str:
    """Return a text from a file so that nothing in it is markup: `*`, `[` and `$` are just that."""
    flat = " ".join(_BREAKS.split(text.strip()))
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|$~:" else c for c in flat)


def trouble(words: Text, what: str, error: StoreError | CentralError) -> None:
    """Say that a database can't be read, and what to do about it.

    Args:
        words: of the page.
        what: which database: a key below `store` in `text/states.toml`.
        error: its refusal.
    """
    name = words(f"store.{what}")
    title = words("trouble.title", what=name)
    st.error(
        f"**{_sentence(title)}**\n\n"
        f"{_sentence(words(f'trouble.{kind_of(error)}', what=name))}\n\n"
        f"{words('trouble.detail')}: {plain(str(error))}",
        icon=":material/error:",
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
