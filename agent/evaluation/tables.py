"""Tables of a set, and what numpy raises at arrays that aren't; without anything that decodes.

Training reads sets with the same code, and doesn't know how pictures are decoded here.
"""

from __future__ import annotations

import csv
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from agent.errors import MediaError

DAMAGED = (
    zipfile.BadZipFile, zlib.error, ValueError, EOFError, LookupError, AttributeError, TypeError,
    MemoryError,  # a header may claim any size
    RuntimeError,  # encrypted, or packed in a way that is unknown here
    SyntaxError, tokenize.TokenError,  # numpy reads a header as Python's literals
    SystemError,  # text that holds no characters
)  # fmt: skip
"""What numpy raises at files of arrays that aren't; found by `make fuzz`."""


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV file with a header.

    Raises:
        MediaError: missing, not text, without one of the columns, or without a row.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restval=""))  # a row may be cut short
    except FileNotFoundError:
        raise MediaError(f"{path.name} doesn't exist") from None
    except OSError as error:
        raise MediaError(f"{path.name} can't be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MediaError(f"{path.name} isn't a CSV table in UTF-8") from error
    if not rows:
        raise MediaError(f"{path.name} holds no row")
    lacking = [name for name in columns if name not in rows[0]]
    if lacking:
        raise MediaError(f"{path.name} lacks the column {lacking[0]}")
    return rows
