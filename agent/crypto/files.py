"""Write and read key files: all at once or not at all, and nobody else's to read."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Base64Bytes, BaseModel, ConfigDict

from agent.errors import ConfigError

PRIVATE = 0o600
PUBLIC = 0o644
PRIVATE_FOLDER = 0o700
PUBLIC_FOLDER = 0o755
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Table(BaseModel):
    """A table of a key file; an unknown key is refused, since it may be a misspelt rule."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _exactly(size: int) -> AfterValidator:
    def check(raw: bytes) -> bytes:
        if len(raw) != size:
            raise ValueError(f"isn't {size} bytes long")
        return raw

    return AfterValidator(check)


Instant = AwareDatetime
Bytes = Base64Bytes
Bytes16 = Annotated[Base64Bytes, _exactly(16)]
Bytes32 = Annotated[Base64Bytes, _exactly(32)]


def make_folder(path: Path, mode: int) -> None:
    """Create a folder with this mode, or set the mode of the one that is there.

    Raises:
        ConfigError: it can't be done.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    except OSError as error:
        raise ConfigError(f"can't make the folder {path.name}: {error.strerror}") from error


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that doesn't exist yet; after a crash it is whole or absent.

    Raises:
        ConfigError: the file exists or can't be written.
    """
    try:
        _write_new(path, content, mode)
    except FileExistsError as error:
        raise ConfigError(f"{path.name} exists and is never overwritten") from error
    except OSError as error:
        raise ConfigError(f"can't write {path.name}: {error.strerror}") from error


def _write_new(path: Path, content: bytes, mode: int) -> None:
    # mkstemp makes the file 0600; a link, unlike a rename, refuses to replace what is there.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.link(name, path)
    finally:
        Path(name).unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_private(path: Path) -> bytes:
    """Read a file that nobody but its owner may read.

    Raises:
        ConfigError: it can't be read, or its mode lets others in.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except OSError as error:
        raise ConfigError(f"can't read {path.name}: {error.strerror}") from error
    if mode & _OTHERS:
        raise ConfigError(
            f"{path.name} can be read by others than its owner",
            advice=f"Set its mode with `chmod 600 {path.name}`, and ask who may have read it.",
        )
    return content
