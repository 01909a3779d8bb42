"""Set-up: make epochs and a device key, once, and write the two sides to their two places."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.config.site import Site
from agent.crypto.files import (
    PRIVATE,
    PRIVATE_FOLDER,
    PUBLIC,
    PUBLIC_FOLDER,
    make_folder,
    write_new,
)
from agent.crypto.keys import PublicEpoch, PublicKeys
from agent.crypto.vault import SENSITIVE, Argon2Profile, Vault, WrappedEpoch, WrappingKey
from agent.errors import ConfigError

SHORTEST_PASSPHRASE = 12
_WEEK = timedelta(weeks=1)
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class KeySet:
    """Everything that set-up makes; the private parts are wrapped or go to one 0600 file.

    Attributes:
        public: for the agent.
        vault: for the reviewer.
        device_pem: the device's signing key.
    """

    public: PublicKeys
    vault: Vault
    device_pem: bytes = field(repr=False)


def create_epochs(
    now: datetime,
    *,
    weeks: int = 26,
    passphrase: str,
    device_id: str,
    profile: Argon2Profile = SENSITIVE,
) -> KeySet:
    """Make a device key and one key pair per ISO week (Monday, 00:00 UTC), from this week on.

    Args:
        now: aware UTC.
        weeks: how many epochs, 1-520.
        passphrase: of the reviewer, at least 12 characters; it can't be recovered.
        device_id: 1-32 of a-z, 0-9 and hyphen.
        profile: cost of a guess at the passphrase.

    Raises:
        ConfigError: an argument is out of its range.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise ConfigError(f"the passphrase is shorter than {SHORTEST_PASSPHRASE} characters")
    if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", device_id) is None:
        raise ConfigError("a device id is 1-32 of a-z, 0-9 and hyphen")
    if not 1 <= weeks <= 520:
        raise ConfigError("keys are made for 1-520 weeks")
    salt = os.urandom(_SALT_BYTES)
    wrapping = WrappingKey(passphrase, profile, salt)
    first = _monday(now)
    pairs = [_epoch(first + i * _WEEK, wrapping) for i in range(weeks)]
    signer = Ed25519PrivateKey.generate()
    return KeySet(
        PublicKeys(
            device_id, signer.public_key().public_bytes_raw(), tuple(public for public, _ in pairs)
        ),
        Vault(profile, salt, tuple(wrapped for _, wrapped in pairs)),
        signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def write_keys(site: Site, keys: KeySet) -> None:
    """Write both sides below a site's folder; an existing file is never overwritten.

    Raises:
        ConfigError: a file exists already, or can't be written.
    """
    refuse_existing(site)
    make_folder(site.vault.parent, PRIVATE_FOLDER)
    make_folder(site.public_keys.parent, PUBLIC_FOLDER)
    # The public side last: until it is there the agent persists nothing.
    write_new(site.vault, keys.vault.to_toml(), PRIVATE)
    write_new(site.device_key, keys.device_pem, PRIVATE)
    write_new(site.public_keys, keys.public.to_toml(), PUBLIC)


def refuse_existing(site: Site) -> None:
    """Refuse a site that has any key file.

    Raises:
        ConfigError: it has one.
    """
    if any(path.exists() for path in (site.vault, site.device_key, site.public_keys)):
        raise ConfigError(
            "this site has keys already",
            advice="Keep them: new keys would make what is recorded unreadable.",
        )


def _monday(now: datetime) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())


def _epoch(start: datetime, wrapping: WrappingKey) -> tuple[PublicEpoch, WrappedEpoch]:
    mlkem, x25519 = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    # The digest keeps ids of two sets of keys for the same week apart.
    epoch = f"{start:%G-W%V}-{hashlib.sha256(public).hexdigest()[:8]}"
    seed = mlkem.private_bytes_raw() + x25519.private_bytes_raw()
    end = start + _WEEK
    return PublicEpoch(epoch, start, end, public), wrapping.wrap(epoch, start, end, seed)
