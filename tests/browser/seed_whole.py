"""Fill a site with all that its pages show: weeks of numbers, an agent's health, records, a log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from agent.config.markers import FILE_NAME
from agent.config.policy_file import load_policy
from agent.domain.access import Role
from agent.domain.account import PAGE_ROLES
from tests.browser import seed_agent, seed_days, serving

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.site import Site

ZONES = ("entrance", "checkout")
NAMES = {Role.MANAGER: "hana", Role.REVIEWER: "ren", Role.AUDITOR: "aoi", Role.ADMIN: "kei"}
MARKED = timedelta(days=6)


def fill_whole(root: Path, *, days: int = 14, zones: tuple[str, ...] = ZONES) -> Site:
    """Write a site with an account for each role; all have the same password."""
    now = seed_agent.present()
    day = now.date() - MARKED
    site = seed_days.fill_days(
        root, last=now.date(), days=days, zones=zones, crowd=9, lift_from=day
    )
    marker = f'[[marker]]\ndate = {day}\ntext = {{ en = "new checkout", ja = "新しいレジ" }}\n'
    (root / FILE_NAME).write_text(marker, "utf-8")
    digest = load_policy(site.policy).digest
    seed_agent.write_report(site, seed_agent.report(now, digest))
    seed_agent.seal(site, now)
    seed_agent.hold(site, now)
    seed_agent.log(site, now, digest)
    for role in PAGE_ROLES:
        serving.add_account(root, NAMES[role], role)
    return site
