"""From passphrases to the key that wraps, and what it wraps.

Argon2id turns each passphrase into 32 bytes, each with a salt of its own. In a vault of version 1
those bytes are the wrapping key. From version 2 on HKDF-SHA256 makes the key of all of them
together: with two persons, neither one's bytes say anything about it. Private halves and the root
key are wrapped by AES-256-GCM with their name and times as authenticated data. A passphrase is
normalised (NFKC) first: the same keys pressed on another keyboard count.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from itertools import permutations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from agent.crypto.root import ROOT_BYTES, check
from agent.crypto.vault import Argon2Profile, Vault, WrappedEpoch
from agent.domain.segment import NONCE_BYTES, to_seconds
from agent.errors import ConfigError, PassphraseWrong, SealError

KEY_BYTES = 32
SALT_BYTES = 16
MLKEM_SEED_BYTES = 64

_EPOCH_LABEL = b"omokage/epoch-private/1\0"
_ROOT_LABEL = b"omokage/root-private/1\0"
_KEY_LABEL = b"omokage/wrapping-key/2\0"


class WrappingKey:
    """Wraps and unwraps private halves and the root key; lives in RAM."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def wrap(
        self, epoch: str, valid_from: datetime, valid_to: datetime, seed: bytes
    ) -> WrappedEpoch:
        """Wrap an epoch's ML-KEM seed and X25519 key (96 bytes together)."""
        wrapped = self._wrap(seed, _context(epoch, valid_from, valid_to))
        return WrappedEpoch(epoch, valid_from, valid_to, wrapped)

    def seed(self, epoch: WrappedEpoch) -> bytes:
        """Return an epoch's ML-KEM seed and X25519 key.

        Raises:
            PassphraseWrong: this key didn't wrap it, or the entry was changed.
        """
        return self._unwrap(epoch.wrapped, _context(epoch.id, epoch.valid_from, epoch.valid_to))

    def unwrap(self, epoch: WrappedEpoch) -> MLKEM768X25519PrivateKey:
        """Return an epoch's private key. Raises as `seed`."""
        return MLKEM768X25519PrivateKey(*_halves(self.seed(epoch)))

    def wrap_root(self, root: Ed25519PrivateKey) -> bytes:
        """Wrap the root key, bound to its public half."""
        public = root.public_key().public_bytes_raw()
        return self._wrap(root.private_bytes_raw(), _ROOT_LABEL + public)

    def unwrap_root(self, public: bytes, wrapped: bytes) -> Ed25519PrivateKey:
        """Return the root key.

        Raises:
            PassphraseWrong: this key didn't wrap it, or it isn't the one of this public half.
        """
        raw = self._unwrap(wrapped, _ROOT_LABEL + public)
        root = Ed25519PrivateKey.from_private_bytes(raw[:ROOT_BYTES])
        if root.public_key().public_bytes_raw() != public:
            raise PassphraseWrong("the vault's root key isn't the one that it names")
        return root

    def _wrap(self, secret: bytes, context: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, context)

    def _unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise PassphraseWrong("the passphrase doesn't open the vault") from error


def public_half(seed: bytes) -> bytes:
    """Return the public key of a private half: raw ML-KEM-768, then raw X25519."""
    return b"".join(half.public_key().public_bytes_raw() for half in _halves(seed))


def new_seed() -> bytes:
    """Return a fresh private half: ML-KEM seed, then X25519 key."""
    mlkem, x25519 = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    return mlkem.private_bytes_raw() + x25519.private_bytes_raw()


def derive(
    passphrases: tuple[str, ...], profile: Argon2Profile, salts: tuple[bytes, ...]
) -> WrappingKey:
    """Return the wrapping key of a vault of version 2."""
    parts = [stretch(p, profile, salt) for p, salt in zip(passphrases, salts, strict=True)]
    return _combine(parts)


def stretch(passphrase: str, profile: Argon2Profile, salt: bytes) -> bytes:
    """Return 32 bytes of a passphrase, at the profile's cost."""
    argon2 = Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=profile.iterations,
        lanes=profile.lanes,
        memory_cost=profile.memory_kib,
    )
    return argon2.derive(unicodedata.normalize("NFKC", passphrase).encode())


def open_wrapping(vault: Vault, *passphrases: str) -> WrappingKey:
    """Return the key that opens a vault, after it has opened something.

    Two persons may give their passphrases in any order. In a vault of version 2 the root's
    signature of the vault is checked as well.

    Raises:
        PassphraseWrong: nothing opens, or too few or too many passphrases were given.
        SealError: the passphrases are right, but root key or signature were changed.
        ConfigError: an unsigned vault without any entry, which no passphrase can be tried on.
    """
    if len(passphrases) != vault.persons:
        needed = "two passphrases" if vault.persons > 1 else "one passphrase"
        raise PassphraseWrong(
            f"this vault opens with {needed}",
            advice="Give each person's passphrase once; neither opens anything alone.",
        )
    for wrapping in _candidates(vault, passphrases):
        if _opens(vault, wrapping):
            return wrapping
    raise PassphraseWrong("the passphrase doesn't open the vault")


def open_root(vault: Vault, wrapping: WrappingKey) -> Ed25519PrivateKey:
    """Return the root key of a vault of version 2. Raises as `open_wrapping`."""
    assert vault.root is not None
    try:
        root = wrapping.unwrap_root(vault.root.public, vault.root.wrapped)
        check(vault.root.public, vault.root.signature, vault.statement(), "the vault")
    except (PassphraseWrong, ConfigError) as error:
        raise SealError(
            "the vault's root key or its list of the device's keys was changed",
            advice="Use a copy of the vault from before, and ask who could write to this one.",
        ) from error
    return root


def _opens(vault: Vault, wrapping: WrappingKey) -> bool:
    if vault.root is not None:
        try:
            wrapping.unwrap_root(vault.root.public, vault.root.wrapped)
        except PassphraseWrong:
            pass  # unless an epoch opens: then it is the root that was changed
        else:
            open_root(vault, wrapping)
            return True
    for epoch in vault.epochs:
        try:
            wrapping.seed(epoch)
        except PassphraseWrong:
            continue
        if vault.root is not None:
            open_root(vault, wrapping)
        return True
    if vault.root is None and not vault.epochs:
        raise ConfigError("the vault holds nothing that a passphrase could be tried on")
    return False


def _candidates(vault: Vault, passphrases: tuple[str, ...]) -> Iterator[WrappingKey]:
    if vault.root is None:
        yield WrappingKey(stretch(passphrases[0], vault.profile, vault.salts[0]))
        return
    for order in permutations(passphrases):
        yield derive(order, vault.profile, vault.salts)


def _combine(parts: list[bytes]) -> WrappingKey:
    info = _KEY_LABEL + bytes((len(parts),))
    hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info)
    return WrappingKey(hkdf.derive(b"".join(parts)))


def _halves(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    return (
        MLKEM768PrivateKey.from_seed_bytes(seed[:MLKEM_SEED_BYTES]),
        X25519PrivateKey.from_private_bytes(seed[MLKEM_SEED_BYTES:]),
    )


def _context(epoch: str, valid_from: datetime, valid_to: datetime) -> bytes:
    times = f"{to_seconds(valid_from)} {to_seconds(valid_to)} "
    return _EPOCH_LABEL + times.encode() + epoch.encode()
