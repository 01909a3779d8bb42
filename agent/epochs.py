"""Destroy the keys of epochs that nothing needs any more: then no copy of their records opens.

An epoch's key goes when the last record that was sealed to it must be gone, and when no bucket that
is still here names it, be it held or waiting. On a site where the vault lies with the reviewer, it
is the reviewer's `omokage policy apply` that does this; where agent and reviewer are one account,
the agent does.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import datetime

from agent.config.site import Site
from agent.crypto.destroy import Span, destroy_epochs, destroyable
from agent.crypto.vault import load_vault
from agent.domain.access import AccessRecorder, Action
from agent.domain.policy import Policy
from agent.retention.receipt import Actor


def is_within_reach(site: Site) -> bool:
    """Say whether this account may change the vault."""
    return os.access(site.vault, os.R_OK | os.W_OK) and os.access(site.vault.parent, os.W_OK)


class EpochKeys:
    """The private halves of one site's epochs; see `agent.maintenance.KeySide`."""

    def __init__(self, site: Site, policy: Policy, log: AccessRecorder, actor: Actor) -> None:
        self._site, self._policy, self._log, self._actor = site, policy, log, actor

    def ended(self, now: datetime, needed: Collection[str]) -> tuple[str, ...]:
        """Return the epochs whose keys may go.

        Args:
            now: aware UTC, of a clock that is trusted.
            needed: epochs that a bucket still names.

        Raises:
            ConfigError: the vault can't be read.
        """
        if not is_within_reach(self._site):
            return ()
        return destroyable(
            [Span(epoch.id, epoch.valid_to) for epoch in load_vault(self._site.vault).epochs],
            now,
            retention=self._policy.retention.records,
            bucket=self._policy.release.bucket,
            blocked=needed,
        )

    def __call__(self, now: datetime, needed: Collection[str]) -> tuple[str, ...]:
        """Announce and destroy; return the epochs' ids.

        Raises:
            ConfigError: the vault can't be read or written.
            UnknownKey: somebody else destroyed one meanwhile.
            StoreError: the access log refuses; nothing was destroyed.
        """
        ids = self.ended(now, needed)
        if not ids:
            return ()
        event = self._actor.event(
            now,
            Action.KEYS_DESTROYED,
            "retention",
            objects=(f"epoch:{id_}" for id_ in ids),
            counts={"epochs": len(ids)},
        )
        self._log.record(event)
        return destroy_epochs(self._site.vault, ids)
