"""Small text files that sets are made of; a refusal names the file and the line."""

from __future__ import annotations

import math
from pathlib import Path

from agent.errors import MediaError


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Return (number from 1, text) of each line that isn't empty or a `#` comment.

    Raises:
        MediaError: missing, unreadable, not text.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise MediaError(f"{path.name} can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise MediaError(f"{path.name} isn't text in UTF-8") from error
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]


def number_in(text: str, path: Path, line: int) -> float:
    """Read a finite number.

    Raises:
        MediaError: it is none.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise MediaError(f"{path.name}, line {line}: a number is expected")
    return found


def whole_in(text: str, path: Path, line: int) -> int:
    """Read a whole number of at most nine digits, also one written as `3.0`.

    Raises:
        MediaError: it is none.
    """
    found = number_in(text, path, line)
    if found != int(found) or abs(found) >= 10**9:
        raise MediaError(f"{path.name}, line {line}: a whole number is expected")
    return int(found)


def is_there(path: Path) -> bool:
    """Say whether a file is there; a name that no file can have is of none."""
    try:
        return path.is_file()
    except OSError:
        return False


def require_folder(path: Path, what: str) -> Path:
    """Return a folder of a set.

    Raises:
        MediaError: it isn't there.
    """
    if not path.is_dir():
        raise MediaError(
            f"{path.name} isn't there: it should hold {what}",
            advice="Give the set's own top folder, in its published layout.",
        )
    return path
