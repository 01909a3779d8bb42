"""What belongs on the paper form of the key ceremony. Values only; who prints it lays it out.

Nothing on it opens anything: the passphrase is written by hand, elsewhere, and kept elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agent.crypto.keys import RUNWAY_WARNING, PublicKeys
from agent.crypto.root import fingerprint
from agent.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PaperForm:
    """The form's printed fields.

    Attributes:
        device: id.
        fingerprint: of the root key, in groups.
        serial: of the newest signed `public.toml`.
        persons: how many must be there to open records.
        made_at: aware UTC.
        first_epoch: id of the first epoch on the list.
        last_epoch: id of the last one.
        epochs: how many there are.
        valid_until: when the last one ends, aware UTC.
        extend_by: when somebody must have made new ones, aware UTC.
    """

    device: str
    fingerprint: str
    serial: int
    persons: int
    made_at: datetime
    first_epoch: str
    last_epoch: str
    epochs: int
    valid_until: datetime
    extend_by: datetime


def paper_form(public: PublicKeys, *, persons: int, now: datetime) -> PaperForm:
    """Return what to print for a site's keys.

    Args:
        public: signed.
        persons: how many passphrases the vault needs, 1 or 2.
        now: aware UTC.

    Raises:
        ConfigError: the keys are unsigned or there are none, so there is nothing to compare with.
    """
    if public.root is None or not public.epochs:
        raise ConfigError(
            "a paper form needs signed keys", advice="Run `omokage keys extend` first."
        )
    last = public.epochs[-1]
    return PaperForm(
        device=public.device,
        fingerprint=fingerprint(public.root),
        serial=public.serial,
        persons=persons,
        made_at=now,
        first_epoch=public.epochs[0].id,
        last_epoch=last.id,
        epochs=len(public.epochs),
        valid_until=last.valid_to,
        extend_by=last.valid_to - RUNWAY_WARNING,
    )
