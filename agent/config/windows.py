"""Capture windows and polygons as policy files spell them."""

from __future__ import annotations

import re
from datetime import time
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator

from agent.domain.policy import Point, Polygon
from agent.domain.schedule import DAY_NAMES, Window

MOST_CORNERS = 64
_SMALLEST_AREA = 1e-4
"""Share of the picture; a mask that is thinner was drawn by mistake."""
_EXAMPLE = "write weekdays and hours, for example mon-fri 09:00-18:00"


def parse_window(text: object) -> Window:
    """Read `mon-fri 09:00-18:00`, `sat,sun 10:00-24:00` or `fri 20:00-02:00`.

    Raises:
        ValueError: for anything else, saying what.
    """
    found = re.fullmatch(r"\s*([a-z,\-]+)\s+(\d\d:\d\d)-(\d\d:\d\d)\s*", str(text).lower())
    if found is None:
        raise ValueError(_EXAMPLE)
    start, end = _clock(found[2]), _clock(found[3])
    if start is None:
        raise ValueError("a window begins at 23:59 at the latest; midnight is 00:00")
    if start == end:
        raise ValueError("a window ends at another time than it begins; all day is 00:00-24:00")
    return Window(_days(found[1]), start, end if end != time(0) else None)


def _clock(text: str) -> time | None:
    """Return a wall time; None for 24:00."""
    if text == "24:00":
        return None
    hours, minutes = int(text[:2]), int(text[3:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{text} isn't a time of day")
    return time(hours, minutes)


def _days(text: str) -> frozenset[int]:
    """Read `mon`, `mon,wed` and `fri-mon`; a range may run over Sunday."""
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        names = [first, last] if "-" in part else [first]
        wrong = [name for name in names if name not in DAY_NAMES]
        if wrong:
            raise ValueError(f"{wrong[0] or part!r} isn't a weekday; use {', '.join(DAY_NAMES)}")
        begin, end = DAY_NAMES.index(names[0]), DAY_NAMES.index(names[-1])
        days |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(days)


def parse_polygon(corners: object) -> Polygon:
    """Read a list of `[x, y]` corners, shares of width and height from the upper left.

    Raises:
        ValueError: it isn't a polygon inside the picture.
    """
    if not isinstance(corners, list | tuple) or not 3 <= len(corners) <= MOST_CORNERS:
        raise ValueError(f"a polygon is a list of 3 to {MOST_CORNERS} corners [x, y]")
    polygon = tuple(_corner(corner) for corner in corners)
    if _area(polygon) < _SMALLEST_AREA:
        raise ValueError("the polygon has no area; are its corners in order?")
    return polygon


def _corner(corner: object) -> Point:
    fits = isinstance(corner, list | tuple) and len(corner) == 2
    if not fits or any(isinstance(n, bool) or not isinstance(n, int | float) for n in corner):  # type: ignore[attr-defined]  # `fits` says it is a pair
        raise ValueError("a corner is two numbers, for example [0.25, 0.5]")
    x, y = (float(number) for number in corner)  # type: ignore[attr-defined]  # as above
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError("a corner lies between 0 and 1: shares of width and height, not pixels")
    return x, y


def _area(polygon: Polygon) -> float:
    """Return the shoelace area; a polygon that crosses itself may have less than it covers."""
    closed = (*polygon, polygon[0])
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairwise(closed))) / 2


def parse_timezone(name: object) -> str:
    """Check an IANA name such as `Asia/Tokyo`.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("there is no such time zone; write one like Asia/Tokyo") from error
    return str(name)


WindowText = Annotated[Window, BeforeValidator(parse_window)]
PolygonList = Annotated[Polygon, BeforeValidator(parse_polygon)]
ZoneName = Annotated[str, BeforeValidator(parse_timezone)]
