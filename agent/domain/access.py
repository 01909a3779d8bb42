"""Who did what, when, why and to which objects: one entry of the access log.

An entry names objects by id and counts them; it never holds a feature, a key or a passphrase.
`actor` and `note` may say who a person is, so they can be erased later without breaking the chain
(see `agent.audit`); everything else stays for as long as the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """As what somebody acted."""

    AGENT = "agent"
    OPERATOR = "operator"
    MANAGER = "manager"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    ADMIN = "admin"
    VISITOR = "visitor"
    """Somebody at the sign-in page whom nothing has shown to be anybody."""


class Action(StrEnum):
    """What was done or tried."""

    STARTED = "started"
    UNLOCKED = "unlocked"
    OPENED = "opened"
    REVIEWED = "reviewed"
    EXPORTED = "exported"
    SIGNED_IN = "signed-in"
    SIGNED_OUT = "signed-out"
    ACCOUNT_CHANGED = "account-changed"
    KEYS_CREATED = "keys-created"
    KEYS_EXTENDED = "keys-extended"
    KEYS_ROTATED = "keys-rotated"
    KEYS_DESTROYED = "keys-destroyed"
    POLICY_APPLIED = "policy-applied"
    PURGED = "purged"
    PURGE_REFUSED = "purge-refused"
    STARTED_OVER = "started-over"
    HOLD_PLACED = "hold-placed"
    HOLD_LIFTED = "hold-lifted"
    PAUSED = "paused"
    RESUMED = "resumed"
    ERASED = "erased"
    CALIBRATED = "calibrated"


class Decision(StrEnum):
    """How it ended."""

    ALLOWED = "allowed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AccessEvent:
    """One thing that somebody did or tried.

    Attributes:
        at: aware UTC.
        actor: account or service name; personal, erasable.
        role: as what they acted.
        action: what it was.
        purpose: why, a short sentence or code; "" where the action says it all.
        objects: ids of what it was done to (buckets, epochs, files); never contents.
        decision: how it ended.
        counts: numbers that belong to it, by name.
        note: free text, such as the reason of a hold; may be personal, erasable.
    """

    at: datetime
    actor: str
    role: Role
    action: Action
    purpose: str = ""
    objects: tuple[str, ...] = ()
    decision: Decision = Decision.ALLOWED
    counts: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


class AccessRecorder(Protocol):
    """Where events are written, durably, before what they announce is done."""

    def record(self, event: AccessEvent) -> None:
        """Append one event; raises `StoreError` if it can't be made durable."""
