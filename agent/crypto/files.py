"""Write and read key files so that a crash leaves the old one or the new one, never half of one."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from agent.errors import ConfigError

PRIVATE = 0o600
PUBLIC = 0o644
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not exist yet, with its folder (mode 0700 or 0755) if need be.

    Raises:
        ConfigError: the file exists or can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700 if mode == PRIVATE and path.parent.name == "vault" else 0o755)
        _link_new(path, content, mode)
    except FileExistsError as error:
        raise ConfigError(f"{path.name} exists and is never overwritten") from error
    except OSError as error:
        raise ConfigError(f"can't write {path.name}: {error.strerror}") from error
