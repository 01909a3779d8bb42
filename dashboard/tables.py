"""A table as HTML, for screens of every width and for screen readers. Pure.

The page server's own table is drawn as a picture: a phone shows a part of its columns, long texts
are cut, and a screen reader hears little of it. Here each cell is text that wraps, and each one
knows its column's name, so that on a narrow screen a row can become a small list (`pages.css`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

NONE = "–"
EMPTY = (None, "")
"""Values that a narrow screen leaves out."""
_UNBROKEN = re.compile(r"[!-~]{25}")
"""So long a name or digest would push the columns after it out of sight."""
_WHEN = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?")
_NUMBER = re.compile(r"[+−-]?<?\d[\d,.]*(\s?%)?(\s[–/]\s[+−-]?\d[\d,.]*(\s?%)?)?")


def table_html(rows: Sequence[Mapping[str, object]], label: str, *, tall: bool = False) -> str:
    """Return rows as a table.

    Args:
        rows: by column's name; all have the columns of the first one.
        label: what the table is about, for screen readers.
        tall: as long as its rows are; otherwise it scrolls in a frame of its own.

    Returns:
        HTML in which every name and value is escaped.
    """
    if not rows:
        return ""
    names = list(rows[0])
    numeric = {name for name in names if _is_numeric([row.get(name) for row in rows])}
    head = "".join(
        f'<th scope="col" role="columnheader"{_kind(name in numeric)}>{html.escape(name)}</th>'
        for name in names
    )
    body = "".join(f'<tr role="row">{_cells(row, names, numeric)}</tr>' for row in rows)
    said = html.escape(label, quote=True)
    # What scrolls must be reachable by keys, hence the tabindex.
    frame = "" if tall else f' tabindex="0" role="region" aria-label="{said}"'
    return (
        f'<div class="om-frame{"" if tall else " om-scroll"}"{frame}>'
        f'<table class="om-table" role="table" aria-label="{said}">'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table></div>'
    )


def _cells(row: Mapping[str, object], names: Sequence[str], numeric: set[str]) -> str:
    return "".join(
        f'<td role="cell" data-name="{html.escape(name, quote=True)}"'
        f"{_kind(name in numeric, row.get(name))}>"
        f"<span>{html.escape(_text(row.get(name)))}</span></td>"
        for name in names
    )


def _kind(numeric: bool, value: object = NONE) -> str:
    """Return a cell's class: set to the right, broken anywhere or never, left out on a phone."""
    kinds = {
        "om-number": numeric,
        "om-long": isinstance(value, str) and _UNBROKEN.search(value) is not None,
        "om-when": isinstance(value, str) and _WHEN.fullmatch(value) is not None,
        "om-none": value in EMPTY,
    }
    names = [name for name, holds in kinds.items() if holds]
    return f' class="{" ".join(names)}"' if names else ""


def _text(value: object) -> str:
    if value in EMPTY:
        return NONE
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def _is_numeric(values: Sequence[object]) -> bool:
    """Say whether a column holds numbers, which are compared more easily when set to the right."""
    said = [text for text in map(_text, values) if text != NONE]
    return bool(said) and all(_NUMBER.fullmatch(text) for text in said)
