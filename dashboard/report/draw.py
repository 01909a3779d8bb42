"""Charts of the report as SVG: drawn by hand, so that they print sharp and need no browser. Pure.

No address, no script, no font file inside; each has a table beside it in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 680
INK, QUIET, HAIR, TEAL = "#12303a", "#5b6b73", "#c9d6d8", "#1f8587"
FONT = "BIZ UDPGothic, Hiragino Sans, Yu Gothic UI, Meiryo, Noto Sans JP, Segoe UI, sans-serif"
ROW = 21


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of a chart: a value with its interval; without a value, what stands instead."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


def _svg(height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
        f'font-family="{FONT}" font-size="11.5">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(text)}</text>"


def intervals(marks: Sequence[Mark], *, left: int = 190, right: int = 70) -> str:
    """Draw shares 0-1 with their intervals, one line each, on an axis that begins at 0.

    Args:
        marks: from the top.
        left: room for the names.
        right: room for the notes beyond the axis.
    """
    ends = [m.high if m.high is not None else m.value for m in marks if m.value is not None]
    top = next(t for t in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if t >= max(ends, default=0.1) or t == 1.0)
    room = WIDTH - left - right

    def x(share: float) -> float:
        return left + room * min(share, top) / top

    bottom = ROW * len(marks) + 6
    parts = []
    for quarter in range(5):
        share = top * quarter / 4
        parts.append(f'<path d="M{x(share):.1f} 2V{bottom}" stroke="{HAIR}" stroke-width="0.7"/>')
        parts.append(_text(x(share), bottom + 15, f"{100 * share:g}%", anchor="middle",
                           colour=QUIET))  # fmt: skip
    for index, mark in enumerate(marks):
        y = ROW * index + ROW / 2 + 3
        parts.append(_text(left - 10, y + 4, mark.label, anchor="end"))
        if mark.value is None:
            parts.append(_text(left + 6, y + 4, mark.note, colour=QUIET))
            continue
        parts.append(
            f'<path d="M{left} {y:.1f}H{x(mark.value):.1f}" stroke="{TEAL}" stroke-opacity="0.25" '
            'stroke-width="11"/>'
        )
        end = x(mark.value)
        if mark.low is not None and mark.high is not None:
            end = x(mark.high)
            parts.append(
                f'<path d="M{x(mark.low):.1f} {y:.1f}H{end:.1f}" stroke="{TEAL}" '
                'stroke-width="2.4"/>'
            )
        parts.append(f'<circle cx="{x(mark.value):.1f}" cy="{y:.1f}" r="3.6" fill="{TEAL}"/>')
        parts.append(_text(end + 9, y + 4, mark.note, colour=QUIET))
    return _svg(bottom + 24, parts)


def stacked(parts: Sequence[tuple[str, str, float]]) -> str:
    """Draw one bar of parts of a whole: (name, colour, share 0-1), with a legend below."""
    drawn, x = [], 0.0
    for _, colour, share in parts:
        drawn.append(f'<path d="M{x:.1f} 0h{WIDTH * share:.1f}v26H{x:.1f}z" fill="{colour}"/>')
        x += WIDTH * share
    across = 0.0
    row = 0
    for name, colour, share in parts:
        label = f"{name} {100 * share:.0f}%"
        width = 30 + sum(12 if ord(c) > 0x2E80 else 6.6 for c in label)
        if across + width > WIDTH:
            across, row = 0.0, row + 1
        y = 46 + 20 * row
        drawn.append(f'<path d="M{across:.1f} {y - 9}h10v10h-10z" fill="{colour}"/>')
        drawn.append(_text(across + 15, y, label))
        across += width
    return _svg(54 + 20 * row, drawn)
