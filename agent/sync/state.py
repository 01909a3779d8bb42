"""How the last runs went, in a small file: what `omokage sync --status` and the doctor read.

Losing it costs nothing but that answer; what is sent is decided by what the centre holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.domain.outgoing import Kind
from agent.errors import NOT_AS_WRITTEN
from agent.health_file import read_health, write_health


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of earlier runs.

    Attributes:
        tried_at: start of the last one, aware UTC; None before the first.
        complete_at: end of the last complete one, likewise.
        through: newest start that was sent, seconds since 1970, by kind.
        trouble: why the last one didn't end well, one sentence; "" where it did.
    """

    tried_at: datetime | None = None
    complete_at: datetime | None = None
    through: Mapping[Kind, int] | None = None
    trouble: str = ""


def read_state(path: Path) -> State:
    """Return what is remembered; nothing where there is no file, or none that can be understood."""
    try:
        found = read_health(path)
        through = {Kind(kind): int(start) for kind, start in found["through"].items()}
        return State(
            _instant(found["tried_at"]),
            _instant(found["complete_at"]),
            through,
            str(found["trouble"])[:400],
        )
    except (OSError, *NOT_AS_WRITTEN):
        return State()


def write_state(path: Path, state: State) -> bool:
    """Remember; False where the disk doesn't take it."""
    return write_health(
        path,
        {
            "tried_at": _written(state.tried_at),
            "complete_at": _written(state.complete_at),
            "through": {kind.value: start for kind, start in (state.through or {}).items()},
            "trouble": state.trouble,
        },
    )


def _instant(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC) if instant.tzinfo else None


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="seconds")
