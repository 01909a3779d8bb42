"""The public side of a site's keys: whom to encrypt to, when, and how the device signs.

Nothing in this file can open a segment. `public.toml` holds the epochs' public keys and the keys
that verify the device; `device.pem` holds the device's signing key and nothing else.

From version 2 on the site's root key signs `public.toml`. What is signed, integers big-endian,
`text` = one length byte and UTF-8, instants i64 seconds since 1970 UTC:

    "omokage/public-keys/2" NUL · root 32 bytes · serial u64 · suite text · device text ·
    number of verification keys u64 · each: key 32 bytes, begin, end (0 for none) ·
    number of epochs u64 · each: id text, begin, end, public key 1216 bytes

The serial rises with each signature, so an older file can be told from a newer one.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, TypeAdapter

from agent.crypto.devices import DeviceKey, DeviceKeys
from agent.crypto.files import (
    Bytes,
    Bytes32,
    Bytes64,
    DeviceId,
    EpochId,
    Instant,
    Table,
    parse,
    read_private,
)
from agent.crypto.layout import instant, number, text
from agent.crypto.root import Sign, check
from agent.crypto.suite import MLKEM_PUBLIC_BYTES, SUITE_NAME, X25519_BYTES
from agent.errors import ConfigError, NoRecipient

_LABEL = b"omokage/public-keys/2\0"
RUNWAY_WARNING = timedelta(days=28)
"""With less than this ahead, someone must make new epochs soon."""


@dataclass(frozen=True, slots=True)
class PublicEpoch:
    """One week's recipient.

    Attributes:
        id: ISO week and a piece of the public key's digest; unique.
        valid_from: first instant, aware UTC.
        valid_to: first instant after it, aware UTC.
        public_key: raw ML-KEM-768 (1184 bytes), then raw X25519 (32 bytes).
    """

    id: str
    valid_from: datetime
    valid_to: datetime
    public_key: bytes

    def recipient(self) -> MLKEM768X25519PublicKey:
        """Return the key to encrypt to.

        Raises:
            ConfigError: the bytes aren't a public key.
        """
        mlkem, x25519 = self.public_key[:MLKEM_PUBLIC_BYTES], self.public_key[MLKEM_PUBLIC_BYTES:]
        try:
            return MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(mlkem),
                X25519PublicKey.from_public_bytes(x25519),
            )
        except ValueError as error:
            raise ConfigError(f"epoch {self.id} has no usable public key") from error


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """All that the agent encrypts with and all that verifies what it wrote.

    Attributes:
        devices: the device's id and its verification keys.
        epochs: in order of time, not overlapping.
        root: public half of the site's root key, 32 bytes; None in an unsigned file (version 1).
        serial: rises with each signature; 0 in an unsigned file.
        signature: of `statement`, 64 bytes; None in an unsigned file.
    """

    devices: DeviceKeys
    epochs: tuple[PublicEpoch, ...]
    root: bytes | None = None
    serial: int = 0
    signature: bytes | None = None

    def __post_init__(self) -> None:
        for earlier, later in zip(self.epochs, self.epochs[1:], strict=False):
            if later.valid_from < earlier.valid_to:
                raise ConfigError(f"epoch {later.id} begins before {earlier.id} ends")

    @property
    def device(self) -> str:
        """Return the device's id."""
        return self.devices.device

    @property
    def verify_key(self) -> bytes:
        """Return the raw Ed25519 public key that the device signs with now."""
        return self.devices.current

    def epoch_at(self, now: datetime) -> PublicEpoch | None:
        """Return the epoch that `now` falls in, or None."""
        return next((e for e in self.epochs if e.valid_from <= now < e.valid_to), None)

    def valid_until(self, now: datetime) -> datetime:
        """Return until when from `now` on there is a recipient without a gap; `now` for none."""
        reach = now
        for epoch in self.epochs:
            if epoch.valid_from <= reach < epoch.valid_to:
                reach = epoch.valid_to
        return reach

    def runway(self, now: datetime) -> timedelta:
        """Return how long from `now` on there is a recipient without a gap."""
        return self.valid_until(now) - now

    def verifier(self) -> Ed25519PublicKey:
        """Return the key that the device's newest signatures are checked with."""
        return Ed25519PublicKey.from_public_bytes(self.verify_key)

    def statement(self) -> bytes:
        """Return the bytes that the root signs, laid out as the module says."""
        epochs = b"".join(
            text(e.id) + instant(e.valid_from) + instant(e.valid_to) + e.public_key
            for e in self.epochs
        )
        return b"".join(
            (
                _LABEL,
                self.root or b"",
                number(self.serial),
                text(SUITE_NAME),
                self.devices.to_bytes(),
                number(len(self.epochs)),
                epochs,
            )
        )

    def signed(self, root: bytes, serial: int, sign: Sign) -> PublicKeys:
        """Return these keys under a root's signature."""
        bare = replace(self, root=root, serial=serial, signature=None)
        return replace(bare, signature=sign(bare.statement()))

    def to_toml(self) -> bytes:
        """Return the text of `public.toml`: version 1 where there is no signature."""
        lines = [
            "# Public halves only: whoever holds this file can seal records and open none.",
            f"version = {1 if self.signature is None else 2}",
            f'suite = "{SUITE_NAME}"',
            f'device = "{self.device}"',
        ]
        if self.root is None or self.signature is None:
            lines.append(f'verify_key = "{_base64(self.verify_key)}"')
        else:
            lines += [
                f'root = "{_base64(self.root)}"',
                f"serial = {self.serial}",
                f'signature = "{_base64(self.signature)}"',
            ]
            for key in self.devices.keys:
                lines += ["", "[[verify_key]]", f'key = "{_base64(key.key)}"']
                lines += times(key.valid_from, key.valid_to)
        for epoch in self.epochs:
            lines += ["", "[[epoch]]", f'id = "{epoch.id}"']
            lines += times(epoch.valid_from, epoch.valid_to)
            lines.append(f'public_key = "{_base64(epoch.public_key)}"')
        return ("\n".join(lines) + "\n").encode()


def times(valid_from: datetime, valid_to: datetime | None) -> list[str]:
    """Return the lines of a key file that say when something is valid."""
    lines = [f"valid_from = {valid_from.isoformat()}"]
    return lines if valid_to is None else [*lines, f"valid_to = {valid_to.isoformat()}"]


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


class _Epoch(Table):
    id: EpochId
    valid_from: Instant
    valid_to: Instant
    public_key: Bytes


class DeviceKeyTable(Table):
    """One `[[verify_key]]` of a key file."""

    key: Bytes32
    valid_from: Instant
    valid_to: Instant | None = None

    def to_key(self) -> DeviceKey:
        """Return the key."""
        return DeviceKey(self.key, self.valid_from, self.valid_to)


class _Common(Table):
    suite: Literal["MLKEM768_X25519+HKDF_SHA256+AES_256_GCM"]
    device: DeviceId
    epoch: list[_Epoch] = Field(default_factory=list)


class _Unsigned(_Common):
    version: Literal[1]
    verify_key: Bytes32


class _Signed(_Common):
    version: Literal[2]
    root: Bytes32
    serial: Annotated[int, Field(ge=1, lt=1 << 63)]
    signature: Bytes64
    verify_key: Annotated[list[DeviceKeyTable], Field(min_length=1)]


_FILE: TypeAdapter[_Unsigned | _Signed] = TypeAdapter(
    Annotated[_Unsigned | _Signed, Field(discriminator="version")]
)


def load_public(path: Path) -> PublicKeys:
    """Read `public.toml` and check the root's signature; an unsigned file is accepted.

    Raises:
        NoRecipient: the file is missing.
        ConfigError: it can't be read, isn't what `to_toml` writes, its epochs overlap, or its
            signature doesn't fit.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NoRecipient(f"{path.name} doesn't exist: there is nobody to encrypt to") from error
    except OSError as error:
        raise ConfigError(f"can't read {path.name}: {error.strerror}") from error
    return parse_public(content, path.name)


def parse_public(content: bytes, name: str) -> PublicKeys:
    """Return what a `public.toml` says. Raises `ConfigError` as `load_public`."""
    file = parse(_FILE, content, name)
    epochs = tuple(_to_epoch(epoch) for epoch in sorted(file.epoch, key=lambda e: e.valid_from))
    if isinstance(file, _Unsigned):
        begin = epochs[0].valid_from if epochs else datetime.fromtimestamp(0, UTC)
        key = DeviceKey(file.verify_key, begin)
        return PublicKeys(DeviceKeys(file.device, (key,)), epochs)
    devices = DeviceKeys(file.device, tuple(key.to_key() for key in file.verify_key))
    public = PublicKeys(devices, epochs, file.root, file.serial, file.signature)
    check(file.root, file.signature, public.statement(), name)
    return public


def _to_epoch(epoch: _Epoch) -> PublicEpoch:
    if len(epoch.public_key) != MLKEM_PUBLIC_BYTES + X25519_BYTES:
        raise ConfigError(f"epoch {epoch.id} has a public key of the wrong length")
    if epoch.valid_to <= epoch.valid_from:
        raise ConfigError(f"epoch {epoch.id} ends before it begins")
    return PublicEpoch(epoch.id, epoch.valid_from, epoch.valid_to, epoch.public_key)


def load_signer(path: Path) -> Ed25519PrivateKey:
    """Read the device's signing key, `device.pem`, also one that systemd hands over.

    Raises:
        ConfigError: it can't be read, isn't an Ed25519 key, or others may read it.
    """
    content = read_private(path, given=True)
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        # The last one: a curve's name beside another curve's length (found by `make fuzz`).
        raise ConfigError(f"{path.name} isn't a signing key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path.name} isn't an Ed25519 key")
    return key
