"""The private side: what `epochs.toml` holds, and nothing of it in clear.

One entry per epoch, its private half wrapped by the key that the passphrases give (see
`agent.crypto.wrapping`), so destroying an epoch is removing its entry. From version 2 on the vault
also holds the site's root key, wrapped the same way, and the device's verification keys, signed by
that root: a reviewer who opens the vault needs to believe no other file. What the root signs,
spelled as in `agent.crypto.keys`:

    "omokage/vault/2" NUL · root 32 bytes · serial u64 · persons u64 · device text ·
    number of verification keys u64 · each: key 32 bytes, begin, end (0 for none)

The epochs aren't part of it, so that one can be destroyed without any passphrase; each is
authenticated by its own wrapping.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from agent.crypto.devices import DeviceKeys
from agent.crypto.files import (
    Bytes,
    Bytes16,
    Bytes32,
    Bytes64,
    DeviceId,
    EpochId,
    Instant,
    Table,
    parse,
    read_private,
)
from agent.crypto.keys import DeviceKeyTable, times
from agent.crypto.layout import number
from agent.crypto.root import Sign
from agent.crypto.suite import SUITE_NAME
from agent.errors import ConfigError

_LABEL = b"omokage/vault/2\0"


@dataclass(frozen=True, slots=True)
class Argon2Profile:
    """Cost of one guess at the passphrase.

    Attributes:
        iterations: passes over the memory.
        lanes: parallel lanes.
        memory_kib: KiB.
    """

    iterations: int
    lanes: int
    memory_kib: int


INTERACTIVE = Argon2Profile(3, 4, 64 * 1024)
"""RFC 9106, section 4, second recommended option: for machines short of memory."""
SENSITIVE = Argon2Profile(3, 4, 256 * 1024)
"""Four times that; the usual one, since a vault is unlocked rarely and may be copied."""
CHEAPEST = Argon2Profile(1, 1, 8)
"""Protects nothing: for tests."""


@dataclass(frozen=True, slots=True)
class WrappedEpoch:
    """One epoch's private half.

    Attributes:
        id: as in `public.toml`.
        valid_from: first instant, aware UTC.
        valid_to: first instant after it, aware UTC.
        wrapped: nonce (12), ML-KEM seed (64) and X25519 key (32) encrypted, tag (16).
    """

    id: str
    valid_from: datetime
    valid_to: datetime
    wrapped: bytes

    @property
    def spelled(self) -> bytes:
        """Return the wrapped half as it stands in the file."""
        return base64.b64encode(self.wrapped)


@dataclass(frozen=True, slots=True)
class Root:
    """The site's root key and what it says of the device.

    Attributes:
        public: raw Ed25519 public key, 32 bytes.
        wrapped: nonce (12), private key (32) encrypted, tag (16).
        devices: the device's id and verification keys.
        serial: as in the newest `public.toml` that was signed with this vault.
        signature: of `Vault.statement`, 64 bytes.
    """

    public: bytes
    wrapped: bytes
    devices: DeviceKeys
    serial: int
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Vault:
    """What `epochs.toml` holds.

    Attributes:
        profile: cost of a guess.
        salts: 16 random bytes for each person whose passphrase is needed.
        epochs: in the file's order.
        root: None in a file of version 1.
    """

    profile: Argon2Profile
    salts: tuple[bytes, ...]
    epochs: tuple[WrappedEpoch, ...]
    root: Root | None = None

    @property
    def persons(self) -> int:
        """Return how many passphrases open it."""
        return len(self.salts)

    def statement(self) -> bytes:
        """Return the bytes that the root signs, laid out as the module says."""
        assert self.root is not None
        root = self.root
        numbers = number(root.serial) + number(self.persons)
        return _LABEL + root.public + numbers + root.devices.to_bytes()

    def signed(self, sign: Sign) -> Vault:
        """Return this vault under its root's signature."""
        assert self.root is not None
        return replace(self, root=replace(self.root, signature=sign(self.statement())))

    def without(self, ids: frozenset[str]) -> Vault:
        """Return this vault without some epochs."""
        return replace(self, epochs=tuple(e for e in self.epochs if e.id not in ids))

    def to_toml(self) -> bytes:
        """Return the text of `epochs.toml`: version 1 where there is no root key."""
        lines = [
            "# Private halves, wrapped by the passphrase. Without the passphrase nobody can open",
            "# them, also not who made this program. Destroy with `omokage keys destroy`.",
            f"version = {1 if self.root is None else 2}",
            f'suite = "{SUITE_NAME}"',
            f"iterations = {self.profile.iterations}",
            f"lanes = {self.profile.lanes}",
            f"memory_kib = {self.profile.memory_kib}",
        ]
        salts = [f'"{_base64(salt)}"' for salt in self.salts]
        lines += [f"salt = {salts[0]}"] if self.root is None else [f"salts = [{', '.join(salts)}]"]
        lines += _root_lines(self.root)
        for epoch in self.epochs:
            lines += ["", "[[epoch]]", f'id = "{epoch.id}"']
            lines += times(epoch.valid_from, epoch.valid_to)
            lines.append(f'wrapped = "{epoch.spelled.decode()}"')
        return ("\n".join(lines) + "\n").encode()


def _root_lines(root: Root | None) -> list[str]:
    if root is None:
        return []
    lines = [
        f'device = "{root.devices.device}"',
        f"serial = {root.serial}",
        f'root = "{_base64(root.public)}"',
        f'root_wrapped = "{_base64(root.wrapped)}"',
        f'signature = "{_base64(root.signature)}"',
    ]
    for key in root.devices.keys:
        lines += ["", "[[verify_key]]", f'key = "{_base64(key.key)}"']
        lines += times(key.valid_from, key.valid_to)
    return lines


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


class _Epoch(Table):
    id: EpochId
    valid_from: Instant
    valid_to: Instant
    wrapped: Bytes


class _Common(Table):
    suite: Literal["MLKEM768_X25519+HKDF_SHA256+AES_256_GCM"]
    # Ceilings: a changed file must not be able to take all of the machine's memory or time.
    iterations: Annotated[int, Field(ge=1, le=16)]
    lanes: Annotated[int, Field(ge=1, le=16)]
    memory_kib: Annotated[int, Field(ge=8, le=1024 * 1024)]
    epoch: list[_Epoch] = Field(default_factory=list)


class _First(_Common):
    version: Literal[1]
    salt: Bytes16


class _Second(_Common):
    version: Literal[2]
    salts: Annotated[list[Bytes16], Field(min_length=1, max_length=2)]
    device: DeviceId
    serial: Annotated[int, Field(ge=1, lt=1 << 63)]
    root: Bytes32
    root_wrapped: Bytes
    signature: Bytes64
    verify_key: Annotated[list[DeviceKeyTable], Field(min_length=1)]


_FILE: TypeAdapter[_First | _Second] = TypeAdapter(
    Annotated[_First | _Second, Field(discriminator="version")]
)


def load_vault(path: Path) -> Vault:
    """Read `epochs.toml`; nothing in it is authenticated before a passphrase opened it.

    Raises:
        ConfigError: it can't be read, others may read it, or it isn't what `to_toml` writes.
    """
    file = parse(_FILE, read_private(path), path.name)
    profile = Argon2Profile(file.iterations, file.lanes, file.memory_kib)
    epochs = tuple(WrappedEpoch(e.id, e.valid_from, e.valid_to, e.wrapped) for e in file.epoch)
    if len({epoch.id for epoch in epochs}) < len(epochs):
        raise ConfigError(f"{path.name} holds an epoch twice")
    if isinstance(file, _First):
        return Vault(profile, (file.salt,), epochs)
    devices = DeviceKeys(file.device, tuple(key.to_key() for key in file.verify_key))
    root = Root(file.root, file.root_wrapped, devices, file.serial, file.signature)
    return Vault(profile, tuple(file.salts), epochs, root)
