"""Fill a site with all that its pages show: weeks of numbers, an agent's health, records, a log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.markers import FILE_NAME
from agent.config.policy_file import load_policy
from agent.domain.access import Role
from agent.domain.account import PAGE_ROLES
from tests.browser import seed_agent, seed_days, seed_reviews, serving

if TYPE_CHECKING:
    from agent.config.site import Site

ZONES = ("entrance", "checkout")
NAMES = {Role.MANAGER: "hana", Role.REVIEWER: "ren", Role.AUDITOR: "aoi", Role.ADMIN: "kei"}
MARKED = timedelta(days=6)
SHOP = Path(__file__).parents[2] / "docs" / "examples" / "shop.toml"
HEADS = 'heads = ["au"]'
CHECKOUT = '[[capture.zones]]\nname = "checkout"\nsource = "0"\n'
ENTRANCE = CHECKOUT.replace("checkout", "entrance").replace('"0"', '"1"')


def fill_whole(
    root: Path,
    *,
    days: int = 14,
    zones: tuple[str, ...] = ZONES,
    real: bool = False,
    reviewed: bool = False,
) -> Site:
    """Write a site with an account for each role; all have the same password.

    Args:
        root: its folder.
        days: of numbers, up to today.
        zones: its places.
        real: with the example shop's policy instead of the demo's, and with reviews.
        reviewed: with reviews in any case.
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
    if reviewed or real:
        seed_reviews.fill(site, now, zones, older=40, newer=120)
    for role in PAGE_ROLES:
        serving.add_account(root, NAMES[role], role)
    return site


def _open_shop(site: Site) -> None:
    """Give the site the example's policy, with both places and all heads."""
    text = SHOP.read_text("utf-8").replace(HEADS, 'heads = ["au", "gaze", "emotion"]')
    site.policy.write_text(text.replace(CHECKOUT, ENTRANCE + "\n" + CHECKOUT), "utf-8")
