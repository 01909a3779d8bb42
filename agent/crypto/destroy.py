"""Crypto-shredding: without its epoch's private half, nothing that was sealed to it opens again.

That holds for every copy of the records, also in backups, as long as no copy of the vault is left.
The bytes are overwritten where they lie and synced; solid-state disks, journals, snapshots and
copy-on-write file systems may still keep old ones, wrapped as they were. No passphrase is needed:
whoever can delete the file could do the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from agent.crypto.files import PRIVATE, blank, exclusive, put
from agent.crypto.vault import load_vault
from agent.errors import UnknownKey


@dataclass(frozen=True, slots=True)
class Span:
    """An epoch and when it ends.

    Attributes:
        id: of the epoch.
        valid_to: first instant at which nothing is sealed to it any more, aware UTC.
    """

    id: str
    valid_to: datetime


def last_deadline(span: Span, retention: timedelta, bucket: timedelta) -> datetime:
    """Return the last instant at which a record sealed to an epoch may exist.

    A bucket's key is sealed when the bucket begins or later, so the last bucket of an epoch ends
    within one bucket's length after it.
    """
    return span.valid_to + bucket + retention


def destroyable(
    spans: Iterable[Span],
    now: datetime,
    *,
    retention: timedelta,
    bucket: timedelta,
    blocked: Collection[str] = (),
) -> tuple[str, ...]:
    """Return which epochs hold nothing that may still exist, in the order given.

    Args:
        spans: the vault's epochs.
        now: aware UTC.
        retention: how long records are kept.
        bucket: length of a bucket.
        blocked: epochs with records under a legal hold.
    """
    return tuple(
        span.id
        for span in spans
        if span.id not in blocked and last_deadline(span, retention, bucket) <= now
    )


def unknown_epoch(id_: str) -> UnknownKey:
    """Return the refusal of an epoch that a vault doesn't have."""
    return UnknownKey(
        f"the vault has no epoch {id_}",
        advice="It was destroyed before, or is misspelt; see `omokage keys status`.",
    )


def destroy_epochs(vault_path: Path, ids: Collection[str]) -> tuple[str, ...]:
    """Destroy the private halves of some epochs, for good.

    First their bytes are overwritten in place, which is the destruction; then the file is replaced
    by one without the entries, and the old one overwritten. Interrupted in between, the vault still
    loads, the entries open no more, and the same call finishes the work.

    Args:
        vault_path: `epochs.toml`.
        ids: of the epochs; take them out of `public.toml` first if they are still in use.

    Returns:
        The ids that were destroyed, in the vault's order.

    Raises:
        UnknownKey: the vault has no such epoch; nothing was destroyed.
        ConfigError: the vault can't be read or written, or another command changes it.
    """
    with exclusive(vault_path.parent):
        vault = load_vault(vault_path)
        wanted = frozenset(ids)
        unknown = wanted - {epoch.id for epoch in vault.epochs}
        if unknown:
            raise unknown_epoch(min(unknown))
        doomed = [epoch for epoch in vault.epochs if epoch.id in wanted]
        if doomed:
            blank(vault_path, [epoch.spelled for epoch in doomed])
            put(vault_path, vault.without(wanted).to_toml(), PRIVATE)
        return tuple(epoch.id for epoch in doomed)
