"""Durations as policy files and profiles spell them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: object) -> timedelta:
    """Read `30s`, `15m`, `72h` or `90d`.

    Raises:
        ValueError: for anything else; endless and zero durations have no spelling.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", str(text))
    if found is None:
        raise ValueError("write a duration as a whole number and s, m, h or d, for example 72h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
