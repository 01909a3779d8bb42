"""Carries out changes to a site's keys, file by file, in an order that survives interruption.

Whenever it stops, what the agent seals can be opened and what it signs verifies. The vault is
written first, since nobody may encrypt to a key whose private half isn't kept yet. An epoch that is
taken away leaves `public.toml` before its private half is destroyed. Each file is replaced as a
whole. A change that stopped half-way is finished by giving the same command again, or, where a new
recipient was being written, by the next change of any kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config.site import Site
from agent.crypto.create import to_pem
from agent.crypto.files import PRIVATE, PUBLIC, exists, put, remove
from agent.crypto.keybox import KeyBox
from agent.crypto.keys import PublicKeys, load_public
from agent.crypto.lifecycle import with_new_device, with_old_devices_ended, without
from agent.crypto.vault import load_vault
from agent.errors import ConfigError, NoRecipient


@dataclass(frozen=True, slots=True)
class KeyPaths:
    """Where a site's three key files lie; the vault may be on another disk.

    Attributes:
        vault: `epochs.toml`.
        public: `public.toml`.
        device: `device.pem`.
    """

    vault: Path
    public: Path
    device: Path

    @classmethod
    def of(cls, site: Site, vault: Path | None = None) -> KeyPaths:
        """Return a site's files, with the vault where it is said to be."""
        return cls(vault or site.vault, site.public_keys, site.device_key)

    def refuse_missing_vault(self) -> None:
        """Refuse to go on without a vault.

        Raises:
            ConfigError: there is none, or this account may not see it.
        """
        if not exists(self.vault):
            raise ConfigError(
                f"there is no vault {self.vault.name} here",
                advice="Name its file with --vault, or make keys with `omokage keys init`.",
            )


@dataclass(frozen=True, slots=True)
class Step:
    """One file, written as a whole, or removed where there is no content."""

    path: Path
    content: bytes | None = field(repr=False)
    mode: int = PRIVATE


def carry_out(steps: Iterable[Step]) -> None:
    """Do steps one after the other; each is on the disk before the next begins.

    Raises:
        ConfigError: a file can't be written; the steps before it are done.
    """
    for step in steps:
        if step.content is None:
            remove(step.path)
        else:
            put(step.path, step.content, step.mode)


def open_box(paths: KeyPaths, *passphrases: str, now: datetime) -> KeyBox:
    """Open a site's vault for a change.

    Raises:
        PassphraseWrong, SealError, ConfigError: as `KeyBox.opened`.
    """
    paths.refuse_missing_vault()
    return KeyBox.opened(load_vault(paths.vault), load_own(paths), *passphrases, now=now)


def load_own(paths: KeyPaths) -> PublicKeys | None:
    """Return the site's public side, or None where there is none. Raises `ConfigError`."""
    try:
        return load_public(paths.public)
    except NoRecipient:
        return None


def adding(paths: KeyPaths, box: KeyBox) -> list[Step]:
    """Return the steps for a box that has gained something: the vault first."""
    return [_vault(paths, box), _public(paths, box)]


def withdrawing(paths: KeyPaths, box: KeyBox, ids: frozenset[str]) -> list[Step]:
    """Return the steps that take epochs off the public side; their private halves stay for now."""
    kept = box.become(box.state)
    return [_vault(paths, kept), _public(paths, replace(kept, state=without(kept.state, ids)))]


def reclosing(paths: KeyPaths, box: KeyBox, public: PublicKeys | None) -> list[Step]:
    """Return the steps for a box with other passphrases; `public` is what stands there now."""
    signed = public is not None and public.root is not None
    return [_vault(paths, box)] if signed else adding(paths, box.become(box.state))


def replacing_device(paths: KeyPaths, box: KeyBox, now: datetime) -> list[Step]:
    """Return the steps for a new signing key of the device.

    Both keys are listed before the device changes over; the old one ends only afterwards. So
    whatever the device signs with between two steps, both files accept it.
    """
    signer = Ed25519PrivateKey.generate()
    both = box.become(with_new_device(box.state, signer.public_key().public_bytes_raw(), now))
    done = both.become(with_old_devices_ended(both.state, now))
    return [*adding(paths, both), Step(paths.device, to_pem(signer)), *adding(paths, done)]


def _vault(paths: KeyPaths, box: KeyBox) -> Step:
    return Step(paths.vault, box.to_vault().to_toml())


def _public(paths: KeyPaths, box: KeyBox) -> Step:
    return Step(paths.public, box.to_public().to_toml(), PUBLIC)
