"""Somebody who can write to a database edits it: its rules go first, then a row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def edit(path: Path, *statements: str) -> None:
    """Run statements on a database whose triggers are taken away, and left away."""
    names = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with closing(sqlite3.connect(path)) as raw, raw:
        for (name,) in raw.execute(names).fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            raw.execute(statement)
