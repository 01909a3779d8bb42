"""Keys that are the same in every run, for vectors and for databases that are built once.

They are published here, so they protect nothing: never use them for a site.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from agent.crypto.devices import DeviceKey, DeviceKeys
from agent.crypto.keys import PublicEpoch, PublicKeys
from agent.crypto.open import Opener
from agent.crypto.seal import Sealer

START = datetime(2026, 11, 23, tzinfo=UTC)
NOW = START + timedelta(days=2, hours=10, seconds=30)
EPOCH_ID = "2026-W48-test"


def _seed(name: str, size: int) -> bytes:
    return hashlib.shake_256(f"omokage test key, not secret: {name}".encode()).digest(size)


def _halves(name: str) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    return (
        MLKEM768PrivateKey.from_seed_bytes(_seed(name + " mlkem", 64)),
        X25519PrivateKey.from_private_bytes(_seed(name + " x25519", 32)),
    )


def signer(device: str = "camera-1") -> Ed25519PrivateKey:
    """Return a device's signing key."""
    return Ed25519PrivateKey.from_private_bytes(_seed(device, 32))


def verifier(device: str = "camera-1") -> Ed25519PublicKey:
    """Return the key that checks a device's signatures."""
    return signer(device).public_key()


def sealer(device: str = "camera-1") -> Sealer:
    """Return a writer whose epoch lasts for ten years."""
    mlkem, x25519 = _halves("epoch")
    raw = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    epoch = PublicEpoch(EPOCH_ID, START, START + timedelta(days=3650), raw)
    key = DeviceKey(verifier(device).public_bytes_raw(), START)
    return Sealer(PublicKeys(DeviceKeys(device, (key,)), (epoch,)), signer(device))


def opener(name: str = "epoch") -> Opener:
    """Return the reader of that epoch; another name gives a stranger's key under its id."""
    return Opener({EPOCH_ID: MLKEM768X25519PrivateKey(*_halves(name))})
