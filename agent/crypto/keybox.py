"""An opened vault with everything that a change to the keys needs; lives in RAM, for one command.

Whoever only reads records gets an `Opener` instead, which can change nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

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
    def opened(cls, vault: Vault, public: PublicKeys | None, *passphrases: str) -> KeyBox:
        """Open a vault for a change; one of version 1 comes out as version 2.

        Args:
            vault: as it stands in the file.
            public: the site's public side; None where there is none (any more).
            passphrases: one for each person.

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
            refuse_foreign(state, None, public)
            return cls.closed_by(
                passphrases, vault.profile, Ed25519PrivateKey.generate(), state
            )
        state = KeyState(vault.root.devices, vault.root.serial, halves)
        refuse_foreign(state, vault.root.public, public)
        root = open_root(vault, wrapping)
        return cls(state, root, wrapping, vault.profile, vault.salts)

    def become(self, state: KeyState) -> KeyBox:
        """Return this box with other keys in it, to be signed anew."""
        return replace(self, state=replace(state, serial=self.state.serial))

    def reclosed(self, passphrases: tuple[str, ...], profile: Argon2Profile) -> KeyBox:
        """Return this box under other passphrases and fresh salts."""
        return KeyBox.closed_by(passphrases, profile, self.root, self.state)

    def to_files(self) -> tuple[Vault, PublicKeys]:
        """Return what to write: vault and public side, both under the next serial."""
        serial = self.state.serial + 1
        raw = self.root.public_key().public_bytes_raw()
        wrapped = tuple(
            self.wrapping.wrap(h.id, h.valid_from, h.valid_to, h.seed) for h in self.state.halves
        )
        root = Root(raw, self.wrapping.wrap_root(self.root), self.state.devices, serial)
        vault = Vault(self.profile, self.salts, wrapped, root).signed(self.root.sign)
        return vault, self.state.to_public().signed(raw, serial, self.root.sign)


def refuse_foreign(state: KeyState, root: bytes | None, public: PublicKeys | None) -> None:
    """Refuse to change keys whose public side isn't this vault's own, or is newer than it.

    Raises:
        SealError: with what was found.
    """
    if public is None:
        return
    advice = "Run `omokage keys verify`, and find out who changed which file."
    if public.devices.device != state.devices.device:
        raise SealError("vault and public.toml are of two devices", advice=advice)
    if public.root is not None and public.root != root:
        raise SealError("public.toml is signed by another root key than the vault's", advice=advice)
    if public.serial > state.serial:
        raise SealError(
            "this vault is older than public.toml",
            advice="Use the newest copy of the vault; the old one lacks private keys.",
        )
    own = {half.id: half.public for half in state.halves}
    foreign = [e.id for e in public.epochs if own.get(e.id, e.public_key) != e.public_key]
    if foreign:
        raise SealError(f"public.toml has another key for epoch {foreign[0]}", advice=advice)


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
