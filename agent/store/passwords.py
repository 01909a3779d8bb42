"""Passwords of accounts: hashed with Argon2id, checked at the same cost whoever asks.

These hashes open nothing but the pages; the reviewer's passphrase and the keys are elsewhere
(`agent.crypto`), and nothing here can reach them. A password is normalised (NFKC) first: the same
keys pressed on another keyboard count.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

SALT_BYTES = 16
HASH_BYTES = 32
LONGEST = 1024
"""Characters; a longer one isn't hashed at all."""
_PHC = re.compile(r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$[\w+/]{22}\$[\w+/]{43}")
_LARGEST_KIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess costs.

    Attributes:
        iterations: passes over the memory.
        lanes: parallel lanes.
        memory_kib: KiB.
    """

    iterations: int
    lanes: int
    memory_kib: int


USUAL = Cost(3, 4, 64 * 1024)
"""RFC 9106, section 4, second recommended option."""
CHEAPEST = Cost(1, 1, 8)
"""Protects nothing: for tests."""


def hash_password(password: str, cost: Cost = USUAL) -> str:
    """Return a password's hash with its salt and cost, in PHC form.

    Raises:
        ValueError: it is longer than `LONGEST`.
    """
    if len(password) > LONGEST:
        raise ValueError("the password is too long")
    argon2 = Argon2id(
        salt=os.urandom(SALT_BYTES),
        length=HASH_BYTES,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    )
    return argon2.derive_phc_encoded(_normal(password))


def is_hash(text: str) -> bool:
    """Say whether a text is a hash that this program could have written, at a bearable cost."""
    found = _PHC.fullmatch(text)
    if found is None:
        return False
    memory, iterations, lanes = map(int, found.groups())
    return 1 <= iterations <= 20 and 1 <= lanes <= 16 and 8 * lanes <= memory <= _LARGEST_KIB


def fits(password: str, phc: str) -> bool:
    """Say whether a password is the one that was hashed; compares in constant time."""
    if len(password) > LONGEST or not is_hash(phc):
        return False
    try:
        Argon2id.verify_phc_encoded(_normal(password), phc)
    except InvalidKey:
        return False
    return True


def _normal(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
