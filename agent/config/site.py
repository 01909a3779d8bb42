"""Where the files of one site lie. Who may read which is the point of the split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """Paths below a site's root folder."""

    root: Path

    @property
    def policy(self) -> Path:
        """The site's rules, TOML."""
        return self.root / "policy.toml"

    @property
    def public_keys(self) -> Path:
        """Epochs' public keys and the device's verification key: all the agent encrypts with."""
        return self.root / "keys" / "public.toml"

    @property
    def device_key(self) -> Path:
        """The device's Ed25519 signing key, mode 0600; it can sign, it can't open anything."""
        return self.root / "keys" / "device.pem"

    @property
    def vault(self) -> Path:
        """The epochs' private halves, wrapped by the reviewer's passphrase. Not for the agent."""
        return self.root / "vault" / "epochs.toml"

    @property
    def segments(self) -> Path:
        """Sealed records."""
        return self.root / "state" / "segments.sqlite"

    @property
    def aggregates(self) -> Path:
        """Released aggregates: all that a manager's page reads."""
        return self.root / "state" / "aggregates.sqlite"

    @property
    def status(self) -> Path:
        """The agent's health, JSON, no feature value in it."""
        return self.root / "state" / "status.json"

    @property
    def access_log(self) -> Path:
        """The access log: a hash chain of who did what, no feature value in it."""
        return self.root / "state" / "access.sqlite"

    @property
    def pause(self) -> Path:
        """Says until when nothing may be captured; absent when nothing is paused."""
        return self.root / "state" / "pause.json"

    @property
    def upkeep(self) -> Path:
        """What the last round of deletion knew of the clock and of the store, JSON."""
        return self.root / "state" / "upkeep.json"
