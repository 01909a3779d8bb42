"""Fill a site with many days of plausible released numbers, days summed up by the agent's rules."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.aggregate.daily import day_of, sum_up
from agent.aggregate.suppress import release
from agent.config.site import Site
from agent.domain.policy import Policy
from agent.store.aggregates import AggregateWriter
from tests.browser import seed

TIMEZONE = "Asia/Tokyo"
OPEN = range(10, 20)
"""Hours of the day at which the shop is open."""
BUSY = (0.55, 0.6, 0.65, 0.7, 0.85, 1.25, 1.15)
"""How many come, by weekday from Monday on."""


def rules(zones: tuple[str, ...], seconds: int) -> Policy:
    """Return the demo's rules in the shop's time zone, with a real shop's k."""
    policy = seed.policy(zones, seconds)
    return replace(policy, timezone=TIMEZONE, release=replace(policy.release, k=3))


def fill_days(  # noqa: PLR0913  (one argument a fact)
    root: Path,
    *,
    last: date,
    days: int,
    zones: tuple[str, ...] = ("entrance",),
    seconds: int = 3600,
    crowd: float = 7.0,
    lift_from: date | None = None,
    until: datetime | None = None,
) -> Site:
    """Write a site that was open on each of `days` days up to `last`, and not beyond `until`.

    From `lift_from` on, lips part and lip corners rise more often.
    """
    site = Site(root)
    root.mkdir(parents=True, exist_ok=True)
    written = seed.DEMO.read_text("utf-8").replace('timezone = "UTC"', f'timezone = "{TIMEZONE}"')
    site.policy.write_text(written, "utf-8")
    policy, dice = rules(zones, seconds), random.Random(11)
    clock = ZoneInfo(TIMEZONE)
    with AggregateWriter(site.aggregates) as writer:
        for ahead in range(days):
            day = last - timedelta(days=days - 1 - ahead)
            weather = dice.gauss(0, 0.05)
            opened = datetime(day.year, day.month, day.day, OPEN.start, tzinfo=clock)
            opened = opened.astimezone(UTC)
            lift = weather + (0.22 if lift_from is not None and day >= lift_from else 0.0)
            rows = [
                row
                for index in range(len(OPEN) * 3600 // seconds)
                if until is None or opened + timedelta(seconds=(index + 1) * seconds) <= until
                for row in release(
                    _bucket(opened + timedelta(seconds=index * seconds), seconds, zones,
                            crowd * BUSY[day.weekday()], lift, dice),
                    policy,
                    models=seed.MODELS,
                )
            ]  # fmt: skip
            writer.release(rows, timedelta(days=400))
            if day < last:
                writer.close_day(sum_up(rows, day_of(opened, TIMEZONE)))
    return site


def _bucket(
    start: datetime,
    seconds: int,
    zones: tuple[str, ...],
    crowd: float,
    lift: float,
    dice: random.Random,
) -> list[seed.BucketSummary]:
    hour = start.astimezone(ZoneInfo(TIMEZONE)).hour
    wave = 0.55 + 0.45 * math.sin((hour - 9) / 10 * math.pi) + (0.35 if hour in {12, 18} else 0)
    return [
        seed.bucket(
            zone,
            start,
            seconds,
            faces=max(0, round(crowd * wave * (1 - 0.22 * number) + dice.uniform(-2, 2))),
            lift=lift + 0.12 * math.sin(hour / 3) - 0.05 * number,
            dice=dice,
        )
        for number, zone in enumerate(zones)
    ]
