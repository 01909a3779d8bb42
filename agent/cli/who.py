"""Who sits at the keyboard, as the access log names them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

LOGIN = Path("/proc/self/loginuid")
NOBODY = 2**32 - 1
"""What the kernel says where nobody signed in, such as for a service."""
SERVICE = frozenset({"root", "omokage"})
"""Accounts that people act as, not who they are."""


def operator() -> str:
    """Return the account's name: the system's word for it, not an environment variable's.

    For root and the service's account it is the account that signed in, which the kernel remembers
    through `sudo` and `setpriv` and nobody can change; theirs only where nobody did.
    """
    name = _name(os.getuid())
    if name not in SERVICE:
        return name
    signed_in = login_of(LOGIN)
    return name if signed_in is None else _name(signed_in)


def login_of(path: Path) -> int | None:
    """Return the uid that signed in; None where nobody did or the kernel doesn't say."""
    try:
        uid = int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == NOBODY else uid


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
