"""The frame of every HTML document: one file, its own style, nothing fetched, no script."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from html import escape

_NOTHING_FETCHED = "default-src 'none'; style-src 'unsafe-inline'"


class Paper(Enum):
    """A sheet's size.

    Each value is its name in CSS and how much longer its sides are than A4's.
    """

    A4 = ("A4", 1.0)
    A3 = ("A3", 1.414_2)

    @property
    def css(self) -> str:
        """Return the name that `@page` knows."""
        return self.value[0]

    @property
    def ratio(self) -> float:
        """Return how much longer its sides are than A4's."""
        return self.value[1]


def page(
    language: str, title: str, css: str, sheets: Sequence[str], paper: Paper, *, margin: str
) -> str:
    """Return a whole HTML document.

    Args:
        language: of the first sheet.
        title: plain text.
        css: style, ours.
        sheets: markup, already escaped.
        paper: size to print on.
        margin: of a printed page, CSS.
    """
    body = "\n".join(sheets)
    return f"""<!DOCTYPE html>
<html lang="{escape(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_NOTHING_FETCHED}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
@page {{ size: {paper.css}; margin: {margin}; }}
{css}</style>
</head>
<body>
{body}
</body>
</html>
"""
