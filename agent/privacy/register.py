"""The register of features: what may be stored, how finely, why, and until when it is agreed.

An entry that has expired must be argued for again or taken out; nothing is stored by habit.
Parsing is pure: the caller reads the file and says what day it is.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any


class Sensitivity(StrEnum):
    """What an entry could tell about a person."""

    TECHNICAL = "technical"
    INTERACTION = "interaction"
    EXPRESSION = "expression"


@dataclass(frozen=True, slots=True)
class Feature:
    """One stored field.

    Attributes:
        description: what it says.
        unit: of a value, spelled out; `1` for a pure number.
        low: smallest value that can be stored, in `unit`.
        high: largest value that can be stored, in `unit`.
        resolution: step between two stored values, in `unit`.
        sensitivity: what it could tell.
        purpose: why it is stored.
        owner: who answers for it.
        expires: last day on which it may be stored without being agreed again.
    """

    description: str
    unit: str
    low: float
    high: float
    resolution: float
    sensitivity: Sensitivity
    purpose: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True)
class Register:
    """All stored fields by name, and what is never stored."""

    features: dict[str, Feature]
    never_stored: tuple[str, ...]


_KEYS = frozenset(field.name for field in fields(Feature))


def parse_register(text: str, *, now: date) -> Register:
    """Read the register and refuse one that isn't complete and in force.

    Args:
        text: TOML, one `[feature.NAME]` table per stored field and a `never_stored` list.
        now: the day on which no entry may have expired.

    Raises:
        ValueError: not TOML, an unknown or missing key, an empty text, an impossible range or
            resolution, or an entry that expired before `now`; the message names the entry.
    """
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the register isn't valid TOML: {error}") from error
    if set(table) != {"feature", "never_stored"}:
        raise ValueError("the register holds `feature` tables and `never_stored`, nothing else")
    never = table["never_stored"]
    if not isinstance(never, list) or not never or not all(isinstance(n, str) for n in never):
        raise ValueError("never_stored isn't a list of names")
    features = {name: _feature(name, entry, now) for name, entry in table["feature"].items()}
    if not features:
        raise ValueError("the register has no feature")
    if stored := sorted(set(never) & set(features)):
        raise ValueError(f"{stored[0]} is both stored and never stored")
    return Register(features, tuple(never))


def _feature(name: str, entry: dict[str, Any], now: date) -> Feature:
    if wrong := sorted(set(entry) ^ _KEYS):
        raise ValueError(f"{name}: {wrong[0]} is missing or unknown")
    for key in ("description", "unit", "purpose", "owner"):
        if not isinstance(entry[key], str) or not entry[key].strip():
            raise ValueError(f"{name}: {key} is empty")
    try:
        sensitivity = Sensitivity(entry["sensitivity"])
    except ValueError as error:
        raise ValueError(f"{name}: sensitivity is unknown") from error
    low, high, resolution = (_number(name, key, entry) for key in ("low", "high", "resolution"))
    if not low < high or not 0 < resolution <= high - low:
        raise ValueError(f"{name}: range and resolution don't fit")
    expires = entry["expires"]
    if type(expires) is not date:
        raise ValueError(f"{name}: expires isn't a date")
    if expires < now:
        raise ValueError(f"{name}: expired on {expires}; agree on it again or take it out")
    return Feature(
        entry["description"], entry["unit"], low, high, resolution, sensitivity,
        entry["purpose"], entry["owner"], expires,
    )  # fmt: skip


def _number(name: str, key: str, entry: dict[str, Any]) -> float:
    number = entry[key]
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"{name}: {key} isn't a number")  # noqa: TRY004 one class of refusal
    try:
        return float(number)
    except OverflowError as error:
        raise ValueError(f"{name}: {key} is too large") from error
