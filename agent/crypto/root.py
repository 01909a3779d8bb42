"""The root key of a site's keys: it says which keys are the site's, and it lives in the vault.

The root signs two statements: `public.toml`, so that nobody else can slip in a recipient, and the
vault's list of the device's keys, so that a reviewer needn't believe `public.toml`. Its private
half is wrapped in the vault; its public half stands in both files. A file that names another root
fits its own signature: only people who compare the fingerprint, and the vault, notice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.errors import ConfigError

ROOT_BYTES = 32
SIGNATURE_BYTES = 64

Sign = Callable[[bytes], bytes]
"""Signs with the root's private half."""

_FINGERPRINT_LABEL = b"omokage/root-fingerprint/1\0"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U, which are misread."""
_GROUPS = 5


def fingerprint(root: bytes) -> str:
    """Return five groups of four letters that stand for a root key on paper and on the phone.

    100 bits of SHA-256: nobody finds another key with the same letters.
    """
    digest = hashlib.sha256(_FINGERPRINT_LABEL + root).digest()
    bits = int.from_bytes(digest) >> (256 - 20 * _GROUPS)
    letters = "".join(_ALPHABET[bits >> (5 * i) & 31] for i in reversed(range(4 * _GROUPS)))
    return "-".join(letters[i : i + 4] for i in range(0, 4 * _GROUPS, 4))


def check(root: bytes, signature: bytes, statement: bytes, name: str) -> None:
    """Refuse a statement that the root didn't sign.

    Args:
        root: raw Ed25519 public key.
        signature: 64 bytes.
        statement: the bytes that were signed.
        name: of the file, for the message.

    Raises:
        ConfigError: the signature doesn't fit.
    """
    try:
        Ed25519PublicKey.from_public_bytes(root).verify(signature, statement)
    except (InvalidSignature, ValueError) as error:
        raise ConfigError(
            f"{name} was changed: the signature of the site's root key doesn't fit",
            advice="Ask who could change it. Bring back the right one, or remove it: with the "
            "vault, `omokage keys extend` writes it anew.",
        ) from error
