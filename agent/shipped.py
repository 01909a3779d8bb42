"""Where the data lies that comes with the program: models, policies, units, examples.

In a checkout the folders stand beside the packages; a wheel carries them inside of `agent`, because
site-packages is shared with others (setup.py puts them there).
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent


def shipped(name: str) -> Path:
    """Return a folder of data by its name in the repository, such as `models`.

    Args:
        name: relative, with forward slashes.
    """
    inside = PACKAGE / "shipped_data" / name
    return inside if inside.exists() else CHECKOUT / name
