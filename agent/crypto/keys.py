"""The public side of a site's keys: whom to encrypt to, when, and how the device signs.

Nothing in this file can open a segment. `public.toml` holds the epochs' public keys and the key
that verifies the device; `device.pem` holds the device's signing key and nothing else.
"""

from __future__ import annotations

import base64
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, ValidationError

from agent.crypto.files import Bytes, Bytes32, Instant, Table, read_private
from agent.crypto.suite import MLKEM_PUBLIC_BYTES, SUITE_NAME, X25519_BYTES
from agent.errors import ConfigError, NoRecipient

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
        device: id of the device.
        verify_key: raw Ed25519 public key, 32 bytes.
        epochs: in order of time, not overlapping.
    """

    device: str
    verify_key: bytes
    epochs: tuple[PublicEpoch, ...]

    def __post_init__(self) -> None:
        for earlier, later in zip(self.epochs, self.epochs[1:], strict=False):
            if later.valid_from < earlier.valid_to:
                raise ConfigError(f"epoch {later.id} begins before {earlier.id} ends")

    def epoch_at(self, now: datetime) -> PublicEpoch | None:
        """Return the epoch that `now` falls in, or None."""
        return next((e for e in self.epochs if e.valid_from <= now < e.valid_to), None)

    def runway(self, now: datetime) -> timedelta:
        """Return how long from `now` on there is a recipient without a gap."""
        reach = now
        for epoch in self.epochs:
            if epoch.valid_from <= reach < epoch.valid_to:
                reach = epoch.valid_to
        return reach - now

    def verifier(self) -> Ed25519PublicKey:
        """Return the key that the device's signatures are checked with."""
        return Ed25519PublicKey.from_public_bytes(self.verify_key)

    def to_toml(self) -> bytes:
        """Return the text of `public.toml`."""
        lines = [
            "# Public halves only: whoever holds this file can seal records and open none.",
            "version = 1",
            f'suite = "{SUITE_NAME}"',
            f'device = "{self.device}"',
            f'verify_key = "{base64.b64encode(self.verify_key).decode()}"',
        ]
        for epoch in self.epochs:
            lines += [
                "",
                "[[epoch]]",
                f'id = "{epoch.id}"',
                f"valid_from = {epoch.valid_from.isoformat()}",
                f"valid_to = {epoch.valid_to.isoformat()}",
                f'public_key = "{base64.b64encode(epoch.public_key).decode()}"',
            ]
        return ("\n".join(lines) + "\n").encode()


class _Epoch(Table):
    id: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]
    valid_from: Instant
    valid_to: Instant
    public_key: Bytes


class _File(Table):
    version: Literal[1]
    suite: Literal["MLKEM768_X25519+HKDF_SHA256+AES_256_GCM"]
    device: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    verify_key: Bytes32
    epoch: list[_Epoch]


def load_public(path: Path) -> PublicKeys:
    """Read `public.toml`.

    Raises:
        NoRecipient: the file is missing.
        ConfigError: it can't be read, isn't what `to_toml` writes, or its epochs overlap.
    """
    try:
        file = _File.model_validate(tomllib.loads(path.read_text()))
    except FileNotFoundError as error:
        raise NoRecipient(f"{path.name} doesn't exist: there is nobody to encrypt to") from error
    except OSError as error:
        raise ConfigError(f"can't read {path.name}: {error.strerror}") from error
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ConfigError(f"{path.name}: {where} isn't as `omokage keys init` wrote it") from error
    except ValueError as error:  # TOML or UTF-8
        raise ConfigError(f"{path.name} isn't valid TOML") from error
    return PublicKeys(
        file.device,
        file.verify_key,
        tuple(_to_epoch(epoch) for epoch in sorted(file.epoch, key=lambda e: e.valid_from)),
    )


def _to_epoch(epoch: _Epoch) -> PublicEpoch:
    if len(epoch.public_key) != MLKEM_PUBLIC_BYTES + X25519_BYTES:
        raise ConfigError(f"epoch {epoch.id} has a public key of the wrong length")
    if epoch.valid_to <= epoch.valid_from:
        raise ConfigError(f"epoch {epoch.id} ends before it begins")
    return PublicEpoch(epoch.id, epoch.valid_from, epoch.valid_to, epoch.public_key)


def load_signer(path: Path) -> Ed25519PrivateKey:
    """Read the device's signing key, `device.pem`.

    Raises:
        ConfigError: it can't be read, isn't an Ed25519 key, or others may read it.
    """
    content = read_private(path)
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path.name} isn't a signing key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path.name} isn't an Ed25519 key")
    return key
