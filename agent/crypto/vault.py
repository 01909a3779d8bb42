"""The private side: the epochs' private halves, each wrapped by the reviewer's passphrase.

Argon2id turns the passphrase into one wrapping key; AES-256-GCM wraps each half with its epoch's
id and times as authenticated data. One entry per epoch, so destroying an epoch is removing its
entry. A passphrase is normalised (NFKC) first: the same keys pressed on another keyboard count.
"""

from __future__ import annotations

import base64
import os
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import Field, ValidationError

from agent.crypto.files import Bytes, Bytes16, Instant, Table, read_private
from agent.crypto.suite import SUITE_NAME
from agent.domain.segment import NONCE_BYTES, to_seconds
from agent.errors import ConfigError, PassphraseWrong

_LABEL = b"omokage/epoch-private/1\0"
MLKEM_SEED_BYTES = 64


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


@dataclass(frozen=True, slots=True)
class Vault:
    """What `epochs.toml` holds.

    Attributes:
        profile: cost of a guess.
        salt: 16 random bytes.
        epochs: in the file's order.
    """

    profile: Argon2Profile
    salt: bytes
    epochs: tuple[WrappedEpoch, ...]

    def to_toml(self) -> bytes:
        """Return the text of `epochs.toml`."""
        lines = [
            "# Private halves, wrapped by the reviewer's passphrase. Removing an entry destroys",
            "# every record of its week, also in backups.",
            "version = 1",
            f'suite = "{SUITE_NAME}"',
            f'salt = "{base64.b64encode(self.salt).decode()}"',
            f"iterations = {self.profile.iterations}",
            f"lanes = {self.profile.lanes}",
            f"memory_kib = {self.profile.memory_kib}",
        ]
        for epoch in self.epochs:
            lines += [
                "",
                "[[epoch]]",
                f'id = "{epoch.id}"',
                f"valid_from = {epoch.valid_from.isoformat()}",
                f"valid_to = {epoch.valid_to.isoformat()}",
                f'wrapped = "{base64.b64encode(epoch.wrapped).decode()}"',
            ]
        return ("\n".join(lines) + "\n").encode()


class WrappingKey:
    """Wraps and unwraps private halves; made from a passphrase, lives in RAM."""

    def __init__(self, passphrase: str, profile: Argon2Profile, salt: bytes) -> None:
        argon2 = Argon2id(
            salt=salt,
            length=32,
            iterations=profile.iterations,
            lanes=profile.lanes,
            memory_cost=profile.memory_kib,
        )
        secret = unicodedata.normalize("NFKC", passphrase).encode()
        self._cipher = AESGCM(argon2.derive(secret))

    def wrap(
        self, epoch: str, valid_from: datetime, valid_to: datetime, seed: bytes
    ) -> WrappedEpoch:
        """Wrap an epoch's ML-KEM seed and X25519 key (96 bytes together)."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, seed, _context(epoch, valid_from, valid_to))
        return WrappedEpoch(epoch, valid_from, valid_to, nonce + sealed)

    def unwrap(self, epoch: WrappedEpoch) -> MLKEM768X25519PrivateKey:
        """Return an epoch's private key.

        Raises:
            PassphraseWrong: this key didn't wrap it, or the entry was changed.
        """
        nonce, sealed = epoch.wrapped[:NONCE_BYTES], epoch.wrapped[NONCE_BYTES:]
        context = _context(epoch.id, epoch.valid_from, epoch.valid_to)
        try:
            seed = self._cipher.decrypt(nonce, sealed, context)
        except (InvalidTag, ValueError) as error:
            raise PassphraseWrong("the passphrase doesn't open the vault") from error
        return MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(seed[:MLKEM_SEED_BYTES]),
            X25519PrivateKey.from_private_bytes(seed[MLKEM_SEED_BYTES:]),
        )


def _context(epoch: str, valid_from: datetime, valid_to: datetime) -> bytes:
    times = f"{to_seconds(valid_from)} {to_seconds(valid_to)} "
    return _LABEL + times.encode() + epoch.encode()


class _Epoch(Table):
    id: str
    valid_from: Instant
    valid_to: Instant
    wrapped: Bytes


class _File(Table):
    version: Literal[1]
    suite: Literal["MLKEM768_X25519+HKDF_SHA256+AES_256_GCM"]
    salt: Bytes16
    # Ceilings: a changed file must not be able to take all of the machine's memory or time.
    iterations: Annotated[int, Field(ge=1, le=16)]
    lanes: Annotated[int, Field(ge=1, le=16)]
    memory_kib: Annotated[int, Field(ge=8, le=1024 * 1024)]
    epoch: list[_Epoch]


def load_vault(path: Path) -> Vault:
    """Read `epochs.toml`.

    Raises:
        ConfigError: it can't be read, others may read it, or it isn't what `to_toml` writes.
    """
    try:
        file = _File.model_validate(tomllib.loads(read_private(path).decode()))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        raise ConfigError(f"{path.name}: {where} isn't as `omokage keys init` wrote it") from error
    except ValueError as error:  # TOML or UTF-8
        raise ConfigError(f"{path.name} isn't valid TOML") from error
    epochs = tuple(WrappedEpoch(e.id, e.valid_from, e.valid_to, e.wrapped) for e in file.epoch)
    return Vault(Argon2Profile(file.iterations, file.lanes, file.memory_kib), file.salt, epochs)
