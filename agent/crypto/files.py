"""Write and read key files: all at once or not at all, and nobody else's to read.

A replaced file's old bytes are overwritten where they lie, then its name goes. That is best effort:
flash cells, journals, snapshots and copy-on-write file systems may keep what was there before.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from agent.errors import ConfigError

PRIVATE = 0o600
PUBLIC = 0o644
PRIVATE_FOLDER = 0o700
PUBLIC_FOLDER = 0o755
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NEW, _OLD = ".new-", ".old-"
_CHUNK = 1 << 16


class Table(BaseModel):
    """A table of a key file; an unknown key is refused, since it may be a misspelt rule."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _exactly(size: int) -> AfterValidator:
    def check(raw: bytes) -> bytes:
        if len(raw) != size:
            raise ValueError(f"isn't {size} bytes long")
        return raw

    return AfterValidator(check)


def _whole_second(instant: datetime) -> datetime:
    if instant.microsecond:
        raise ValueError("isn't a whole second")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside of the calendar in UTC") from error


Instant = Annotated[AwareDatetime, AfterValidator(_whole_second)]
Bytes = Base64Bytes
Bytes16 = Annotated[Base64Bytes, _exactly(16)]
Bytes32 = Annotated[Base64Bytes, _exactly(32)]
Bytes64 = Annotated[Base64Bytes, _exactly(64)]
EpochId = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]
DeviceId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
File = TypeVar("File")


def parse(kind: TypeAdapter[File], content: bytes, name: str) -> File:
    """Return what a key file says; the message of a refusal holds no value of it.

    Raises:
        ConfigError: it isn't TOML, or not as `omokage keys` writes it.
    """
    try:
        return kind.validate_python(tomllib.loads(content.decode()))
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"][1:]) or "version"
        raise ConfigError(f"{name}: {where} isn't as `omokage keys` wrote it") from error
    except (ValueError, RecursionError) as error:  # TOML, UTF-8, nesting
        raise ConfigError(f"{name} isn't valid TOML") from error


def exists(path: Path) -> bool:
    """Say whether a file is there.

    Raises:
        ConfigError: this account may not even see that.
    """
    try:
        return path.exists()
    except OSError as error:
        raise ConfigError(
            f"this account may not look for {path.name}: {error.strerror}",
            advice="Run the command as the account that owns the site's vault.",
        ) from error


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
    # A link, unlike a rename, refuses to replace what is there.
    name = _write_beside(path, content, mode)
    try:
        os.link(name, path)
    finally:
        name.unlink()
    _sync_folder(path.parent)


def put(path: Path, content: bytes, mode: int) -> None:
    """Put content in a file's place, or into a new file; after a crash one of the two is there.

    The old file's bytes are overwritten and synced before it is let go.

    Raises:
        ConfigError: it can't be written; the old file is as it was.
    """
    try:
        new = _write_beside(path, content, mode)
        with _held(path) as overwrite:
            new.replace(path)
            _sync_folder(path.parent)
            overwrite()
    except OSError as error:
        raise ConfigError(f"can't write {path.name}: {error.strerror}") from error


def remove(path: Path) -> None:
    """Overwrite a file, sync it, and take its name away. A missing file is fine.

    Raises:
        ConfigError: it can't be done.
    """
    try:
        _shred(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"can't remove {path.name}: {error.strerror}") from error


def blank(path: Path, parts: list[bytes]) -> None:
    """Overwrite parts of a file in place with as many letters A, and sync it.

    Each part goes wherever it stands; a part that isn't there is skipped.

    Raises:
        ConfigError: the file can't be read or written.
    """
    try:
        with path.open("r+b") as file:
            raw = file.read()
            for part in parts:
                at = raw.find(part) if part else -1
                while at >= 0:
                    file.seek(at)
                    file.write(b"A" * len(part))
                    at = raw.find(part, at + len(part))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(f"can't overwrite in {path.name}: {error.strerror}") from error


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder of keys for one change at a time; clear what an interrupted one left behind.

    Raises:
        ConfigError: another change is going on, or the folder can't be used.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(f"can't use the folder {folder.name}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                "another command is changing these keys", advice="Wait until it has ended."
            ) from error
        _clear(folder)
        yield
    finally:
        os.close(handle)


def _clear(folder: Path) -> None:
    for left in (*folder.glob(f"{_NEW}*"), *folder.glob(f"{_OLD}*")):
        if left.stat().st_nlink > 1:
            left.unlink()  # the file itself is in use under its own name: only this name goes
        else:
            remove(left)


def _write_beside(path: Path, content: bytes, mode: int) -> Path:
    """Write content under another name in the same folder; returns it once it is on the disk."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_NEW)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()  # what Python still holds, the disk can't sync
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError:
        Path(name).unlink()
        raise
    return Path(name)


@contextmanager
def _held(path: Path) -> Iterator[Callable[[], None]]:
    """Keep a file reachable while another takes its place; gives what overwrites it then."""
    if not path.exists():
        yield lambda: None
        return
    name = path.with_name(f"{_OLD}{path.name}")
    with path.open("r+b") as old:
        # A name of its own: after a crash the next change finds and overwrites it. Where a file
        # system knows no links, such as a memory stick's, the open file must do.
        with contextlib.suppress(OSError):
            name.unlink(missing_ok=True)
            os.link(path, name)
        yield lambda: _overwrite(old)
    name.unlink(missing_ok=True)


def _shred(path: Path) -> None:
    with path.open("r+b") as file:
        _overwrite(file)
    path.unlink()
    _sync_folder(path.parent)


def _overwrite(file: BinaryIO) -> None:
    left = os.fstat(file.fileno()).st_size
    file.seek(0)
    while left > 0:
        left -= file.write(bytes(min(left, _CHUNK)))
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_private(path: Path, *, given: bool = False) -> bytes:
    """Read a file that nobody but its owner may read.

    Args:
        path: of the file.
        given: accept one that root owns and lets a group read: systemd hands credentials over so.

    Raises:
        ConfigError: it can't be read, or its mode lets others in.
    """
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            content = file.read()
    except OSError as error:
        raise ConfigError(f"can't read {path.name}: {error.strerror}") from error
    allowed = stat.S_IRGRP if given and state.st_uid == 0 and os.geteuid() != 0 else 0
    if state.st_mode & _OTHERS & ~allowed:
        raise ConfigError(
            f"{path.name} can be read by others than its owner",
            advice=f"Set its mode with `chmod 600 {path.name}`, and ask who may have read it.",
        )
    return content
