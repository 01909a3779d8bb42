"""Set-up: make epochs, a root key and a device key, once, and write the sides to their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.config.site import Site
from agent.crypto.files import (
    PRIVATE,
    PRIVATE_FOLDER,
    PUBLIC,
    PUBLIC_FOLDER,
    exists,
    make_folder,
    write_new,
)
from agent.crypto.keybox import KeyBox
from agent.crypto.keys import PublicKeys
from agent.crypto.lifecycle import begin
from agent.crypto.passphrase import judge
from agent.crypto.vault import SENSITIVE, Argon2Profile, Vault
from agent.errors import ConfigError


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
    second_passphrase: str | None = None,
    device_id: str,
    profile: Argon2Profile = SENSITIVE,
) -> KeySet:
    """Make a root key, a device key and one key pair per ISO week, from this week on.

    Args:
        now: aware UTC.
        weeks: how many epochs, 1-520.
        passphrase: of the reviewer; it can't be recovered.
        second_passphrase: of a second person; then neither opens anything alone.
        device_id: 1-32 of a-z, 0-9 and hyphen.
        profile: cost of a guess at a passphrase.

    Raises:
        ConfigError: an argument is out of its range, or a passphrase is too weak.
    """
    passphrases = (passphrase,) if second_passphrase is None else (passphrase, second_passphrase)
    judge_all(passphrases, names=(device_id,))
    signer = Ed25519PrivateKey.generate()
    state = begin(
        now,
        weeks=weeks,
        device=device_id,
        verify_key=signer.public_key().public_bytes_raw(),
    )
    box = KeyBox.closed_by(passphrases, profile, Ed25519PrivateKey.generate(), state)
    return KeySet(box.to_public(), box.to_vault(), to_pem(signer))


def judge_all(passphrases: tuple[str, ...], *, names: tuple[str, ...] = ()) -> None:
    """Refuse passphrases that are weak or alike. Raises `ConfigError`."""
    for passphrase in passphrases:
        judge(passphrase, names=names)
    if len(set(passphrases)) < len(passphrases):
        raise ConfigError("both persons have the same passphrase", advice="Each must choose alone.")


def to_pem(signer: Ed25519PrivateKey) -> bytes:
    """Return a device's signing key as `device.pem` holds it."""
    return signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


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
    if any(exists(path) for path in (site.vault, site.device_key, site.public_keys)):
        raise ConfigError(
            "this site has keys already",
            advice="Keep them: new keys would make what is recorded unreadable.",
        )
