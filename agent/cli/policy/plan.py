"""`omokage policy plan`: what would be deleted now or then, and why; nothing is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import site_option
from agent.cli.policy.show import preferred_language

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from agent.cli.policy.stock import Stock
    from agent.domain.policy import Policy
    from agent.domain.words import Words
    from agent.retention.plan import Lot, RetentionPlan
    from agent.retention.safety import Clearance
    from agent.retention.summary import Group

EXIT_CODES = """\b
Exit codes:
  0  the plan is printed, whatever it says
  2  an option is wrong
  7  a database can't be read, or the records' database is gone
  8  the policy may not be used"""


@click.command(epilog=EXIT_CODES)
@site_option
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON, each holding too.")
@click.option("--at", metavar="TIME", help="What would be due then, if nothing were added.")
@click.option(
    "--language",
    type=click.Choice(["ja", "en"]),
    default=preferred_language,
    show_default="the terminal's",
    help="Language of the reasons.",
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def plan(site: Path, as_json: bool, at: str | None, language: str, file: Path | None) -> None:
    """Say what would be deleted now, what is held, what is kept and until when.

    With FILE: what that policy would delete, before it is put in place. Nothing is changed.
    """
    from agent.cli.policy.stock import parse_instant, read_stock, say
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.retention import plan as plans
    from agent.retention.safety import clear

    place = Site(site)
    policy = load_policy(file or place.policy)
    stock = read_stock(place)
    now, ahead = stock.verdict.now, stock.verdict.ahead
    if at is not None:
        now, ahead = parse_instant(at, policy), None
    found = plans.plan(stock.holdings, policy, stock.holds, now, ahead=ahead)
    allowed = clear(found, policy, known=stock.known)
    if as_json:
        table = as_table(found, policy, allowed, stock, at=now)
        click.echo(json.dumps(table, ensure_ascii=False, indent=1))
        return
    if at is not None:
        click.echo(f"If it were {say(now, policy)} and nothing were added:")
    click.echo("\n".join(describe(found, policy, allowed, stock, language)))


def as_table(
    found: RetentionPlan, policy: Policy, allowed: Clearance, stock: Stock, *, at: datetime
) -> dict[str, Any]:
    """Return a plan for a program."""
    from agent.retention.summary import as_json

    return {
        "site": policy.site,
        "digest": policy.digest,
        "at": at.isoformat(),
        "clock": stock.verdict.doubt or "trusted",
        "stop": allowed.stop,
        "waiting_rows": allowed.waiting_rows,
        **as_json(found),
    }


def describe(
    found: RetentionPlan, policy: Policy, allowed: Clearance, stock: Stock, language: str
) -> list[str]:
    """Put a plan into lines."""
    from agent.cli.policy.stock import say
    from agent.config.words import RETENTION, load_words
    from agent.domain.policy import spell_duration

    words = load_words(language, RETENTION)
    kept = policy.retention
    lives = (
        (words("plan.records"), kept.records),
        (words("plan.numbers"), kept.aggregates),
        (words("plan.days"), kept.daily),
    )
    most = ", ".join(f"{name} {spell_duration(life)}" for name, life in lives)
    about = words("plan.about", site=policy.site, digest=policy.digest[:16], most=most)
    lines = [f"{_pad(words('plan.policy'))} {about}"]
    verdict = stock.verdict
    doubt = words("plan.trusted")
    if verdict.doubt is not None:
        doubt = words(f"doubt.{verdict.doubt}", at=say(verdict.mark.wall, policy))
    lines.append(
        f"{_pad(words('plan.clock') if verdict.doubt is None else words('plan.CLOCK'))} {doubt}"
    )
    lines += _section(words("plan.due"), allowed.go, policy, words) or [
        f"{_pad(words('plan.due'))} {words('plan.nothing')}"
    ]
    lines += _section(words("plan.waits"), allowed.wait, policy, words)
    lines += _section(words("plan.held"), found.held, policy, words)
    lines += _section(words("plan.kept"), found.keep, policy, words)
    if allowed.stop is not None:
        why = words(f"stop.{allowed.stop}", rows=allowed.waiting_rows)
        lines.append(f"{_pad(words('plan.STOPPED'))} {why}")
    following = say(found.next_due, policy) if found.next_due else words("plan.none")
    return [*lines, f"{_pad(words('plan.next'))} {following}"]


def _pad(title: str) -> str:
    """Fill a title up to the column where the words begin."""
    from agent.cli.wide import width

    return title + " " * max(0, 9 - width(title))


def _section(title: str, lots: Iterable[Lot], policy: Policy, words: Words) -> list[str]:
    from agent.retention.summary import grouped

    return [
        f"{_pad('' if number else title)} {_line(group, policy, words)}"
        for number, group in enumerate(grouped(lots))
    ]


def _line(group: Group, policy: Policy, words: Words) -> str:
    from agent.cli.wide import printable
    from agent.domain.retention import Tier

    unit = "plan.day" if group.tier is Tier.DAILY else "plan.bucket"
    size = words(
        "plan.size",
        holdings=words.counted(unit, group.holdings),
        rows=words.counted("plan.row", group.rows),
    )
    everywhere = {"": words("plan.all"), "*": words("plan.together")}
    return words(
        "plan.line",
        what=group.name(words),
        where=everywhere.get(group.zone, group.zone),
        size=size,
        why=printable(group.sentence(policy.timezone, words)),
    )
