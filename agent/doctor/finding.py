"""What a check says: how it is, in a sentence, and what to do. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: the check, one word.
        level: how it is.
        says: what was found, a sentence without its full stop.
        advice: what to do, a sentence; "" where nothing is to be done.
    """

    about: str
    level: Level
    says: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return it as plain values."""
        return {name: str(value) for name, value in asdict(self).items()}


def ok(about: str, says: str) -> Finding:
    """Return that all is well."""
    return Finding(about, Level.OK, says)


def warn(about: str, says: str, advice: str) -> Finding:
    """Return that somebody should do something soon."""
    return Finding(about, Level.WARN, says, advice)


def bad(about: str, says: str, advice: str) -> Finding:
    """Return that something doesn't work or isn't safe."""
    return Finding(about, Level.BAD, says, advice)


def worst(findings: list[Finding]) -> Level:
    """Return the worst level; OK for none."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
