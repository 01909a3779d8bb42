"""Who sits at the keyboard, as the access log names them."""

from __future__ import annotations

import os
import pwd


def operator() -> str:
    """Return the account's name: the system's word for it, not an environment variable's."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
