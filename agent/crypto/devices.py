"""By which keys a device's signatures are checked, and when each of them was the device's own.

A device signs with one key at a time. When that key is replaced, the old one stays listed with the
instant at which it ended, so that what it signed before still verifies. An instant belongs to no
key alone: in the bucket in which the key was replaced, both may have signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.crypto.layout import instant, number, text
from agent.errors import ConfigError, UnknownKey

VERIFY_BYTES = 32
LONGEST_BUCKET = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """One key of a device.

    Attributes:
        key: raw Ed25519 public key, 32 bytes.
        valid_from: first instant, aware UTC.
        valid_to: first instant after it, aware UTC; None while the device signs with it.
    """

    key: bytes
    valid_from: datetime
    valid_to: datetime | None = None

    def __post_init__(self) -> None:
        if len(self.key) != VERIFY_BYTES:
            raise ConfigError("a verification key isn't 32 bytes long")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ConfigError("a verification key ends before it begins")

    def to_bytes(self) -> bytes:
        """Return the bytes that are signed: key (32), begin, end (i64 each, the end 0 for none)."""
        end = instant(self.valid_to) if self.valid_to else bytes(8)
        return self.key + instant(self.valid_from) + end


class AnyKey:
    """Accepts what any one of some keys signed; used like a single public key."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = [Ed25519PublicKey.from_public_bytes(key) for key in keys]

    def verify(self, signature: bytes, data: bytes) -> None:
        """Check a signature.

        Raises:
            InvalidSignature: none of the keys made it.
        """
        for key in self._keys:
            try:
                key.verify(signature, data)
            except InvalidSignature:
                continue
            return
        raise InvalidSignature


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """All keys that one device has had.

    Attributes:
        device: its id.
        keys: oldest first.
    """

    device: str
    keys: tuple[DeviceKey, ...]

    def __call__(self, device: str, at: datetime) -> AnyKey:
        """Return what checks a segment of this device whose bucket starts at an instant.

        A key counts up to and with the bucket in which it ended. A key that began later counts
        too if it began within the longest bucket: an agent that was started anew signs with it.

        Raises:
            UnknownKey: another device, or none of its keys was valid.
        """
        if device != self.device:
            raise UnknownKey("these keys are of another device than the one that signed")
        able = tuple(
            k.key
            for k in self.keys
            if k.valid_from - LONGEST_BUCKET <= at and (k.valid_to is None or at < k.valid_to)
        )
        if not able:
            raise UnknownKey("no verification key of this device was valid then")
        return AnyKey(able)

    def to_bytes(self) -> bytes:
        """Return the bytes that are signed: device, number of keys (u64), keys."""
        keys = b"".join(key.to_bytes() for key in self.keys)
        return text(self.device) + number(len(self.keys)) + keys

    @property
    def current(self) -> bytes:
        """Return the newest key that hasn't ended.

        Raises:
            ConfigError: there is none.
        """
        for key in reversed(self.keys):
            if key.valid_to is None:
                return key.key
        raise ConfigError("the device has no verification key that is still valid")

    def accepts(self, key: bytes) -> bool:
        """Say whether the device may sign with this key now: it is listed and hasn't ended."""
        return any(k.key == key and k.valid_to is None for k in self.keys)
