"""Fill a site with all that its pages show: weeks of numbers, an agent's health, records, a log."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent import bias_check
from agent.config.markers import FILE_NAME
from agent.config.policy_file import load_policy
from agent.domain.access import Role
from agent.domain.account import PAGE_ROLES
from agent.domain.facs import AU_LABELS
from agent.domain.review import Sampling, Verdict, Why
from agent.evaluation.bias import Bias, Kind, Measure, group, signs
from agent.store.access_log import AccessLog
from agent.store.reviews import ReviewStore
from agent.submission import submit
from tests.browser import seed_agent, seed_days, serving
from tests.reviewing import coding, review, view

if TYPE_CHECKING:
    from datetime import datetime

    from agent.config.site import Site

ZONES = ("entrance", "checkout")
NAMES = {Role.MANAGER: "hana", Role.REVIEWER: "ren", Role.AUDITOR: "aoi", Role.ADMIN: "kei"}
MARKED = timedelta(days=6)
SHOP = Path(__file__).parents[2] / "docs" / "examples" / "shop.toml"
REVIEWS = 90
HEADS = 'heads = ["au"]'
CHECKOUT = '[[capture.zones]]\nname = "checkout"\nsource = "0"\n'
ENTRANCE = CHECKOUT.replace("checkout", "entrance").replace('"0"', '"1"')


def fill_whole(
    root: Path, *, days: int = 14, zones: tuple[str, ...] = ZONES, real: bool = False
) -> Site:
    """Write a site with an account for each role; all have the same password.

    Args:
        root: its folder.
        days: of numbers, up to today.
        zones: its places.
        real: with the example shop's policy instead of the demo's, and with reviews.
    """
    now = seed_agent.present()
    day = now.date() - MARKED
    site = seed_days.fill_days(
        root, last=now.date(), days=days, zones=zones, crowd=9, lift_from=day,
        until=now if real else None,
    )  # fmt: skip
    marker = f'[[marker]]\ndate = {day}\ntext = {{ en = "new checkout", ja = "新しいレジ" }}\n'
    (root / FILE_NAME).write_text(marker, "utf-8")
    if real:
        _open_shop(site)
    digest = load_policy(site.policy).digest
    seed_agent.write_report(site, seed_agent.report(now, digest))
    seed_agent.seal(site, now)
    seed_agent.hold(site, now)
    seed_agent.log(site, now, digest)
    if real:
        _review(site, now)
    for role in PAGE_ROLES:
        serving.add_account(root, NAMES[role], role)
    return site


def _open_shop(site: Site) -> None:
    """Give the site the example's policy, with both places and all heads."""
    text = SHOP.read_text("utf-8").replace(HEADS, 'heads = ["au", "gaze", "emotion"]')
    site.policy.write_text(text.replace(CHECKOUT, ENTRANCE + "\n" + CHECKOUT), "utf-8")


def _review(site: Site, now: datetime) -> None:
    """Hand in some weeks of reviews by two persons, and a comparison of places."""
    dice = random.Random(5)
    with closing(AccessLog(site.access_log)) as log, ReviewStore(site.reviews) as store:
        for number in range(REVIEWS, 0, -1):
            truth = frozenset(label for label in AU_LABELS if dice.random() < 0.3)
            seen = frozenset(label for label in AU_LABELS if (label in truth) != _slip(dice))
            wrong = dice.random() < 0.12
            found = "happiness" if "AU12" in truth else "neutral"
            at = now - timedelta(hours=6 * number)
            first = review(
                number, at=at, verdict=Verdict.REJECT if wrong else Verdict.ACCEPT,
                coded=coding(truth, found),
                model=view(seen, "sadness" if wrong else found, 0.45 + 0.5 * dice.random()),
            )  # fmt: skip
            first = replace(first, clip=replace(first.clip, zone=ZONES[number % 2]))
            both = [first]
            if number % 6 == 0:
                other = frozenset(label for label in AU_LABELS if (label in truth) != _slip(dice))
                both.append(
                    replace(
                        first, reviewer="mori", coding=coding(other, found),
                        sampling=Sampling(Why.RANDOM, 0.25, second=True),
                    )
                )  # fmt: skip
            for one in both:
                submit(store, log, one, timedelta(days=60))
    groups = (
        group(Kind.ZONE, "checkout", Measure.UNREADABLE, 0.21, 0.01, 300),
        group(Kind.ZONE, "entrance", Measure.UNREADABLE, 0.05, 0.01, 300),
        group(Kind.DISTANCE, "far", Measure.QUALITY, 0.62, 0.01, 300),
    )
    begun = now - timedelta(days=28)
    bias_check.write(site.bias, Bias(now, begun, now, groups, signs(groups)))


def _slip(dice: random.Random) -> bool:
    return dice.random() < 0.07
