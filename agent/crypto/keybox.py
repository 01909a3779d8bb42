"""An opened vault with everything that a change to the keys needs; lives in RAM, for one command.

Whoever only reads records gets an `Opener` instead, which can change nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.crypto.keys import PublicKeys
from agent.crypto.lifecycle import Half, KeyState
from agent.crypto.vault import Argon2Profile, Root, Vault
from agent.crypto.wrapping import (
    SALT_BYTES,
    WrappingKey,
    derive,
    open_root,
    open_wrapping,
    public_half,
)
from agent.errors import ConfigError, PassphraseWrong, SealError


@dataclass(frozen=True, slots=True)
class KeyBox:
    """All of a site's keys, and what wraps and signs them.

    Attributes:
        state: epochs with both halves, the device's verification keys.
        root: signs both files.
        wrapping: wraps private halves.
        profile: cost of a guess.
        salts: one for each person.
    """

    state: KeyState
    root: Ed25519PrivateKey = field(repr=False)
    wrapping: WrappingKey = field(repr=False)
    profile: Argon2Profile
    salts: tuple[bytes, ...]

    @classmethod
    def closed_by(
        cls,
        passphrases: tuple[str, ...],
        profile: Argon2Profile,
        root: Ed25519PrivateKey,
        state: KeyState,
    ) -> KeyBox:
        """Return a box that these passphrases open, under fresh salts."""
        salts = tuple(os.urandom(SALT_BYTES) for _ in passphrases)
        return cls(state, root, derive(passphrases, profile, salts), profile, salts)

    @classmethod
    def opened(
        cls, vault: Vault, public: PublicKeys | None, *passphrases: str, now: datetime
    ) -> KeyBox:
        """Open a vault for a change; one of version 1 comes out as version 2.

        Args:
            vault: as it stands in the file.
            public: the site's public side; None where there is none (any more).
            passphrases: one for each person.
            now: aware UTC.

        Raises:
            PassphraseWrong: they don't open it.
            SealError: an entry was damaged or changed, or the two files contradict each other.
            ConfigError: a vault of version 1 without its `public.toml`.
        """
        wrapping = open_wrapping(vault, *passphrases)
        halves = tuple(
            sorted(_halves(vault, wrapping), key=lambda half: (half.valid_from, half.valid_to))
        )
        if vault.root is None:
            if public is None:
                raise ConfigError(
                    "an old vault needs its public.toml for this",
                    advice="Bring keys/public.toml back; it says whose vault this is.",
                )
            state = KeyState(public.devices, public.serial, halves)
            refuse_foreign(state, None, public, now)
            root = Ed25519PrivateKey.generate()
            return cls.closed_by(passphrases, vault.profile, root, state)
        state = KeyState(vault.root.devices, vault.root.serial, halves)
        refuse_foreign(state, vault.root.public, public, now)
        root = open_root(vault, wrapping)
        return cls(state, root, wrapping, vault.profile, vault.salts)

    @property
    def public_root(self) -> bytes:
        """Return the raw public half of the root key."""
        return self.root.public_key().public_bytes_raw()

    def become(self, state: KeyState) -> KeyBox:
        """Return this box with other keys in it, under the next serial."""
        return replace(self, state=replace(state, serial=self.state.serial + 1))

    def reclosed(self, passphrases: tuple[str, ...]) -> KeyBox:
        """Return this box under other passphrases and fresh salts."""
        return KeyBox.closed_by(passphrases, self.profile, self.root, self.state)

    def to_vault(self) -> Vault:
        """Return the vault to write, under the present serial."""
        wrapped = tuple(
            self.wrapping.wrap(h.id, h.valid_from, h.valid_to, h.seed) for h in self.state.halves
        )
        sealed = self.wrapping.wrap_root(self.root)
        root = Root(self.public_root, sealed, self.state.devices, self.state.serial)
        return Vault(self.profile, self.salts, wrapped, root).signed(self.root.sign)

    def to_public(self) -> PublicKeys:
        """Return the public side to write, under the present serial."""
        return self.state.to_public().signed(self.public_root, self.state.serial, self.root.sign)


def refuse_foreign(
    state: KeyState, root: bytes | None, public: PublicKeys | None, now: datetime
) -> None:
    """Refuse to change keys whose public side isn't this vault's own, or is newer than it.

    Raises:
        SealError: with what was found.
    """
    if public is None:
        return
    if public.root is not None and public.serial > state.serial and public.root == root:
        raise SealError(
            "this vault is older than public.toml",
            advice="Use the newest copy of the vault; the old one lacks private keys.",
        )
    problem = _foreign(state, root, public, now)
    if problem:
        raise SealError(
            problem, advice="Run `omokage keys verify`, and find out who changed which file."
        )


def _foreign(state: KeyState, root: bytes | None, public: PublicKeys, now: datetime) -> str | None:
    if public.device != state.devices.device:
        return "vault and public.toml are of two devices"
    if public.root is not None and public.root != root:
        return "public.toml is signed by another root key than the vault's"
    if not {k.key for k in public.devices.keys} <= {k.key for k in state.devices.keys}:
        return "public.toml names a key of the device that the vault doesn't know"
    own = {half.id: half.public for half in state.halves}
    for epoch in public.epochs:
        # One that is missing was destroyed; but an unsigned list can't say that it ever was ours.
        missing = epoch.id not in own and public.root is None and epoch.valid_to > now
        if missing or own.get(epoch.id, epoch.public_key) != epoch.public_key:
            return f"the vault has no private half for epoch {epoch.id} of public.toml"
    return None


def _halves(vault: Vault, wrapping: WrappingKey) -> list[Half]:
    halves = []
    for epoch in vault.epochs:
        try:
            seed = wrapping.seed(epoch)
        except PassphraseWrong as error:
            raise SealError(
                f"the vault's entry of epoch {epoch.id} is damaged",
                advice="Bring back a copy of the vault, or destroy that epoch first.",
            ) from error
        halves.append(Half(epoch.id, epoch.valid_from, epoch.valid_to, public_half(seed), seed))
    return halves
