"""Entries of the log as lines of a file: JSON for a verifier, CSV for a reader. Pure."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from typing import Any

from agent.domain.access_entry import AccessEntry, EntryRow

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A table program would compute a cell that begins so."""
COLUMNS = (
    "number", "at", "actor", "role", "action", "decision", "purpose", "objects", "counts", "note",
    "hash",
)  # fmt: skip


def as_dict(entry: AccessEntry) -> dict[str, Any]:
    """Return an entry as plain values, by `COLUMNS`; an erased text is None."""
    event = entry.event
    return {
        "number": entry.number,
        "at": event.at.isoformat().replace("+00:00", "Z"),
        "actor": None if entry.actor_erased else event.actor,
        "role": event.role.value,
        "action": event.action.value,
        "decision": event.decision.value,
        "purpose": event.purpose,
        "objects": list(event.objects),
        "counts": dict(event.counts),
        "note": None if entry.note_erased else event.note,
        "hash": entry.hash.hex(),
    }


def json_line(entry: AccessEntry, row: EntryRow) -> str:
    """Return what is readable, the bytes that are hashed, and what the names are hidden with."""
    whole = as_dict(entry) | {
        "body": row.body.decode(),
        "actor_salt": row.actor_salt.hex() if row.actor_salt else None,
        "note_salt": row.note_salt.hex() if row.note_salt else None,
    }
    return json.dumps(whole, ensure_ascii=False)


def csv_head() -> str:
    """Return the names of the columns."""
    return _csv(list(COLUMNS))


def csv_line(entry: AccessEntry) -> str:
    """Return an entry as cells; none of them is a formula, none breaks the line."""
    return _csv([_cell(value) for value in as_dict(entry).values()])


def _cell(value: Any) -> str:
    if isinstance(value, list):
        text = " ".join(value)
    elif isinstance(value, dict):
        text = " ".join(f"{name}={count}" for name, count in value.items())
    else:
        text = "" if value is None else str(value)
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
