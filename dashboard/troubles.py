"""Which of the few kinds of trouble an error of the store is, for a page that says what to do."""

from __future__ import annotations

from agent.errors import (
    CentralDenied,
    CentralError,
    SchemaTooNew,
    StoreCorrupt,
    StoreError,
    StoreMissing,
)

KINDS = ("locked", "corrupt", "newer", "missing", "closed", "away", "denied", "other")
"""Each has a text of its own, `trouble.KIND`."""

_SIGNS = {
    "locked": ("BUSY", "LOCKED", "is locked"),
    "closed": ("CANTOPEN", "PERM", "AUTH", "Permission denied"),
    "corrupt": ("isn't an access log",),
}
"""What SQLite's code, or our own message, says."""


def kind_of(error: StoreError | CentralError) -> str:
    """Return one of `KINDS`."""
    if isinstance(error, CentralError):
        return "denied" if isinstance(error, CentralDenied) else "away"
    if isinstance(error, SchemaTooNew):
        return "newer"
    if isinstance(error, StoreMissing):
        return "missing"
    if isinstance(error, StoreCorrupt):
        return "corrupt"
    said = str(error)
    return next((k for k, signs in _SIGNS.items() if any(sign in said for sign in signs)), "other")
