"""The one gate of this process, so that a page's script finds the table that the gate keeps.

Server and pages run in one process; this is the only thing that they share by a global name. It
holds who is signed in, and no number and no key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboard.auth.desk import Desk

_CURRENT: list[Desk] = []


def install(desk: Desk | None) -> None:
    """Make a desk the one of this process; None for none."""
    _CURRENT[:] = [] if desk is None else [desk]


def current() -> Desk | None:
    """Return the desk of this process; None where the pages are served without one."""
    return _CURRENT[0] if _CURRENT else None
