"""Where the files of one site lie. Who may read which is the point of the split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

CREDENTIAL = "omokage-device.pem"
"""Name under which systemd hands the device's signing key to the agent's unit."""


@dataclass(frozen=True, slots=True)
class Site:
    """Paths below a site's root folder.

    Attributes:
        root: the folder.
        signing_key: the device's signing key, where it doesn't lie below the folder.
    """

    root: Path
    signing_key: Path | None = None

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
        return self.signing_key or self.root / "keys" / "device.pem"

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
    def reviews(self) -> Path:
        """What reviewers said of clips; in clear, and deleted by its own deadlines."""
        return self.root / "state" / "reviews.sqlite"

    @property
    def accounts(self) -> Path:
        """Who may sign in to the pages: names, roles, password hashes. Not for the agent."""
        return self.root / "state" / "accounts.json"

    @property
    def pause(self) -> Path:
        """Says until when nothing may be captured; absent when nothing is paused."""
        return self.root / "state" / "pause.json"

    @property
    def calibration(self) -> Path:
        """Thresholds and certainty that a person changed, step by step; absent when as shipped."""
        return self.root / "state" / "calibration.json"

    @property
    def bias(self) -> Path:
        """What the last scheduled comparison of places, hours and circumstances found, JSON."""
        return self.root / "state" / "bias.json"

    @property
    def upkeep(self) -> Path:
        """What the last round of deletion knew of the clock and of the store, JSON."""
        return self.root / "state" / "upkeep.json"

    @property
    def sync(self) -> Path:
        """How the last runs of `omokage sync` went, JSON; absent where nothing is sent."""
        return self.root / "state" / "sync.json"


def with_credentials(site: Site, environ: Mapping[str, str]) -> Site:
    """Return a site whose signing key is the one that systemd handed over, if it did.

    Args:
        site: as it lies on the disk.
        environ: of the process; `CREDENTIALS_DIRECTORY` is set by `LoadCredentialEncrypted=`.
    """
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return site
    key = Path(folder) / CREDENTIAL
    return replace(site, signing_key=key) if key.exists() else site
