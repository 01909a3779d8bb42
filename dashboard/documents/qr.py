"""A QR code as SVG, drawn as one path, so that it prints sharp at any size."""

from __future__ import annotations

import segno

_QUIET = 4
"""Modules of white around the code: ISO/IEC 18004 asks for four."""


def qr_svg(address: str) -> str:
    """Return the SVG of a QR code, black on white, with error correction M."""
    rows = [list(row) for row in segno.make_qr(address, error="m").matrix]
    side = len(rows) + 2 * _QUIET
    squares = "".join(
        f"M{column + _QUIET} {row + _QUIET}h1v1h-1z"
        for row, line in enumerate(rows)
        for column, dark in enumerate(line)
        if dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" '
        f'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
        f'<path fill="#000" d="{squares}"/></svg>'
    )
