"""Policies, holdings and holds for tests of retention."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.config.policy_file import parse_policy
from agent.domain.policy import Policy, Retention
from agent.domain.retention import Holding, LegalHold, Tier

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

TEXT = b"""
[site]
name = "Example shop"
subjects = "customers"
jurisdiction = "jp"
contact = "somebody"
[site.purpose]
en = "Plan staff."
ja = "staff"
[capture]
sampling_hz = 5
heads = ["au"]
[[capture.zones]]
name = "door"
source = "0"
[retention]
records = "72h"
aggregates = "90d"
access_log = "730d"
[release]
bucket = "1h"
k = 5
bound = "peak"
"""


def policy(
    records: timedelta = 72 * HOUR,
    aggregates: timedelta = 90 * DAY,
    daily: timedelta = 730 * DAY,
    **changes,
) -> Policy:
    """Return a shop's policy with these lives."""
    kept = Retention(records, aggregates, 730 * DAY, daily)
    return replace(parse_policy(TEXT, "policy.toml"), retention=kept, **changes)


def holding(
    hours: float = 2,
    *,
    tier: Tier = Tier.RECORDS,
    zone: str = "door",
    life: timedelta | None = None,
    rows: int = 100,
    epoch: str | None = None,
    id: str | None = None,  # noqa: A002  (as the type has it)
) -> Holding:
    """Return an hour (or a day) that ended so many hours before `NOW`.

    Args:
        hours: since its end; negative for one from the future.
        tier: what it is.
        zone: where.
        life: from its end to its deadline; the default policy's if None.
        rows: how many.
        epoch: whose key opens it.
        id: made from the rest if None.
    """
    end = NOW - hours * HOUR
    length = DAY if tier is Tier.DAILY else HOUR
    usual = {Tier.RECORDS: 72 * HOUR, Tier.AGGREGATES: 90 * DAY, Tier.DAILY: 730 * DAY}
    return Holding(
        id=id or f"{tier}:{zone}:{hours}",
        tier=tier,
        zone=zone,
        start=end - length,
        end=end,
        rows=rows,
        stored_bytes=rows * 20,
        delete_by=end + (usual.get(tier, 730 * DAY) if life is None else life),
        epoch=epoch,
    )


def hold(
    *,
    zone: str | None = None,
    since: datetime = NOW - 30 * DAY,
    until: datetime = NOW,
    expires_at: datetime = NOW + 30 * DAY,
    id: str = "H1",  # noqa: A002  (as the type has it)
) -> LegalHold:
    """Return a hold on the last 30 days."""
    return LegalHold(
        id=id, zone=zone, since=since, until=until, reason="an accident at the till",
        approver="M. Sato", placed_at=NOW - DAY, expires_at=expires_at,
    )  # fmt: skip
