"""The agent's keys while it runs: read again whenever the files change.

A bucket is opened with the keys that stand in the files at that moment, so an extension, a new
recipient or a destroyed one counts from the next bucket on, without a restart. What was accepted
once isn't exchanged for something weaker: a file with another root key, without a signature, or
older than the one before is refused, and nothing is persisted until the right one is back.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from agent.crypto.keys import PublicKeys, load_public, load_signer
from agent.crypto.root import fingerprint
from agent.crypto.seal import Sealer
from agent.errors import ConfigError, NoRecipient

_Stamp = tuple[tuple[int, int, int, int] | None, ...]


class LiveKeys:
    """The public side and the device's signing key, as the files say now."""

    def __init__(self, public_keys: Path, device_key: Path) -> None:
        """Read both files; a missing `public.toml` is fine and means no recipient.

        Raises:
            ConfigError: a file can't be used, or the two don't belong together.
        """
        self._paths = (public_keys, device_key)
        self._stamp: _Stamp | None = None
        self._public: PublicKeys | None = None
        self._sealer: Sealer | None = None
        try:
            self._read()
        except NoRecipient:
            return

    def sealer(self) -> Sealer:
        """Return what seals with the keys that are in the files now.

        Raises:
            NoRecipient: there are none, or they can't be used any more; nothing may be persisted.
        """
        try:
            self._read()
        except ConfigError as error:
            raise NoRecipient(
                f"the keys were changed while the agent ran, and can't be used: {error}",
                advice=error.advice,
            ) from error
        assert self._sealer is not None
        return self._sealer

    def report(self, now: datetime) -> dict[str, object]:
        """Return the health of the keys: until when, how many days that is, whose they are."""
        try:
            self.sealer()
        except NoRecipient:
            return {"keys_until": None, "keys_days": 0, "keys_fingerprint": None}
        public = self._public
        assert public is not None
        left = public.runway(now)
        return {
            "keys_until": (now + left).isoformat() if left else None,
            "keys_days": left.days,
            "keys_fingerprint": fingerprint(public.root) if public.root else None,
        }

    def _read(self) -> None:
        stamp = tuple(_stamp(path) for path in self._paths)
        if self._sealer is not None and stamp == self._stamp:
            return
        self._sealer = None
        public = load_public(self._paths[0])
        _refuse_weaker(self._public, public)
        sealer = Sealer(public, load_signer(self._paths[1]))
        self._stamp, self._public, self._sealer = stamp, public, sealer


def _refuse_weaker(before: PublicKeys | None, after: PublicKeys) -> None:
    if before is None or before.root is None:
        return
    if after.root != before.root:
        raise ConfigError(
            "public.toml isn't signed by the same root key as before",
            advice="Compare the fingerprint in `omokage keys status` with the paper form; if it is "
            "right, start the agent again.",
        )
    if after.serial < before.serial:
        raise ConfigError(
            "public.toml is older than the one before",
            advice="Bring the newest one with `omokage keys export-public`.",
        )


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size
