"""What is known of a vault's epochs before one is destroyed: since when, and whether it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.errors import ConfigError, PolicyForbids

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta
    from pathlib import Path

    from agent.config.site import Site
    from agent.crypto.change import KeyPaths
    from agent.crypto.destroy import Span


@dataclass(frozen=True, slots=True)
class Ending:
    """The vault's epochs, and what stands in the way of their destruction.

    Attributes:
        spans: each epoch with the later of the ends that vault and `public.toml` name.
        held: epochs with records under a legal hold.
        listed: epochs that `public.toml` names, so that the agent may seal to them.
        now: aware UTC.
    """

    spans: tuple[Span, ...]
    held: frozenset[str]
    listed: frozenset[str]
    now: datetime

    @classmethod
    def of(cls, site: Site, paths: KeyPaths, now: datetime, *, no_holds: bool) -> Ending:
        """Gather what is known.

        Raises:
            ConfigError: the vault can't be read, or nobody knows whether a hold keeps records.
            StoreError: the records' database can't be read.
        """
        from agent.crypto.change import load_own
        from agent.crypto.destroy import Span
        from agent.crypto.vault import load_vault

        try:
            public = load_own(paths)
        except ConfigError:
            public = None  # whatever stands there, it keeps nobody from destroying his own keys
        ends = {epoch.id: epoch.valid_to for epoch in public.epochs} if public else {}
        spans = tuple(
            Span(epoch.id, max(epoch.valid_to, ends.get(epoch.id, epoch.valid_to)))
            for epoch in load_vault(paths.vault).epochs
        )
        ids = frozenset(span.id for span in spans)
        return cls(spans, held_epochs(site, ids, now, no_holds=no_holds), frozenset(ends), now)

    def expired(self, retention: timedelta, bucket: timedelta) -> tuple[str, ...]:
        """Return which epochs may go without anybody's word."""
        from agent.crypto.destroy import destroyable

        return destroyable(
            self.spans, self.now, retention=retention, bucket=bucket, blocked=self.held
        )

    def reason(self, span: Span, retention: timedelta, bucket: timedelta) -> str:
        """Say in a few words why an epoch goes or stays."""
        from agent.crypto.destroy import last_deadline

        if span.id in self.held:
            return "keep: a legal hold covers records of this week"
        if span.valid_to > self.now:
            return f"keep: in use until {span.valid_to:%Y-%m-%d %H:%M} UTC"
        deadline = last_deadline(span, retention, bucket)
        if deadline > self.now:
            return f"keep: its last record may exist until {deadline:%Y-%m-%d %H:%M} UTC"
        return f"destroy: its last record had to go by {deadline:%Y-%m-%d %H:%M} UTC"

    def in_use(self, ids: Iterable[str]) -> frozenset[str]:
        """Return which of these epochs the agent may still seal to."""
        wanted = frozenset(ids)
        return frozenset(
            span.id
            for span in self.spans
            if span.id in wanted and span.id in self.listed and span.valid_to > self.now
        )

    def refuse(self, ids: Iterable[str]) -> None:
        """Refuse epochs that aren't there or must be kept.

        Raises:
            UnknownKey: the vault has no such epoch.
            PolicyForbids: a legal hold covers it.
        """
        from agent.crypto.destroy import unknown_epoch

        wanted = frozenset(ids)
        unknown = wanted - {span.id for span in self.spans}
        if unknown:
            raise unknown_epoch(min(unknown))
        if wanted & self.held:
            raise PolicyForbids(
                f"a legal hold covers records of epoch {min(wanted & self.held)}",
                advice="Lift the hold first, if whoever placed it agrees.",
            )


def held_epochs(
    site: Site, ids: frozenset[str], now: datetime, *, no_holds: bool
) -> frozenset[str]:
    """Return the epochs with records under a legal hold.

    Raises:
        ConfigError: the records aren't on this machine, and nobody said that no hold keeps any.
        StoreError: their database can't be read.
    """
    from agent.store.identity import has_begun, marker_of

    if not has_begun(site.segments) and not marker_of(site.segments).exists():
        if no_holds:
            return frozenset()
        raise ConfigError(
            "the records aren't here, so nobody knows whether a legal hold keeps some",
            advice="Run this where the records are, or add --no-holds if there is none.",
        )
    return _held(site.segments, ids, now)


def _held(database: Path, ids: frozenset[str], now: datetime) -> frozenset[str]:
    from agent.store.reading import SegmentReader

    with SegmentReader(database) as reader:
        holds = reader.holds.active(now)
        kept = [h for h in reader.holdings() if any(hold.covers(h, now) for hold in holds)]
    if any(holding.epoch is None for holding in kept):
        return ids  # a damaged database under a hold: nobody knows which epochs it needs
    return frozenset(holding.epoch for holding in kept if holding.epoch is not None)
