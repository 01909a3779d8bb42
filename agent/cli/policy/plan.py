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
    from agent.retention.plan import Lot, RetentionPlan
    from agent.retention.safety import Clearance
    from agent.retention.summary import Group

EXIT_CODES = """\b
Exit codes:
  0  the plan is printed, whatever it says
  2  an option is wrong
  7  a database can't be read, or the records' database is gone
  8  the policy may not be used"""


LABELS = {
    "en": {
        "policy": "policy",
        "about": "{site}, digest {digest}: at most {most}",
        "records": "records",
        "numbers": "numbers",
        "days": "days",
        "clock": "clock",
        "CLOCK": "CLOCK",
        "trusted": "trusted",
        "due": "due",
        "nothing": "nothing",
        "waits": "waits",
        "held": "held",
        "kept": "kept",
        "STOPPED": "STOPPED",
        "next": "next",
        "none": "nothing is kept",
        "all": "all zones",
        "together": "all zones together",
        "line": "{what}, {where}: {size}; {why}",
    },
    "ja": {
        "policy": "ルール",
        "about": "{site}（ダイジェスト {digest}）：最長で{most}",
        "records": "記録",
        "numbers": "数字",
        "days": "1日ごと",
        "clock": "時計",
        "CLOCK": "要確認",
        "trusted": "信頼できます",
        "due": "消去",
        "nothing": "ありません",
        "waits": "承認待ち",
        "held": "保全",
        "kept": "保存",
        "STOPPED": "停止",
        "next": "次の期限",
        "none": "保存しているものはありません",
        "all": "全ての場所",
        "together": "全ての場所の合計",
        "line": "{what}（{where}）：{size}。{why}",
    },
}


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
    from agent.domain.policy import spell_duration
    from agent.retention.words import DOUBTS, STOPS

    words = LABELS[language]
    kept = policy.retention
    lives = (
        (words["records"], kept.records),
        (words["numbers"], kept.aggregates),
        (words["days"], kept.daily),
    )
    most = ", ".join(f"{name} {spell_duration(life)}" for name, life in lives)
    about = words["about"].format(site=policy.site, digest=policy.digest[:16], most=most)
    lines = [f"{_pad(words['policy'])} {about}"]
    verdict = stock.verdict
    doubt = words["trusted"]
    if verdict.doubt is not None:
        doubt = DOUBTS[verdict.doubt][language].format(at=say(verdict.mark.wall, policy))
    lines.append(f"{_pad(words['clock'] if verdict.doubt is None else words['CLOCK'])} {doubt}")
    lines += _section(words["due"], allowed.go, policy, language) or [
        f"{_pad(words['due'])} {words['nothing']}"
    ]
    lines += _section(words["waits"], allowed.wait, policy, language)
    lines += _section(words["held"], found.held, policy, language)
    lines += _section(words["kept"], found.keep, policy, language)
    if allowed.stop is not None:
        why = STOPS[allowed.stop][language].format(rows=allowed.waiting_rows)
        lines.append(f"{_pad(words['STOPPED'])} {why}")
    following = say(found.next_due, policy) if found.next_due else words["none"]
    return [*lines, f"{_pad(words['next'])} {following}"]


def _pad(title: str) -> str:
    """Fill a title up to the column where the words begin."""
    from agent.cli.wide import width

    return title + " " * max(0, 9 - width(title))


def _section(title: str, lots: Iterable[Lot], policy: Policy, language: str) -> list[str]:
    from agent.retention.summary import grouped

    return [
        f"{_pad('' if number else title)} {_line(group, policy, language)}"
        for number, group in enumerate(grouped(lots))
    ]


def _line(group: Group, policy: Policy, language: str) -> str:
    from agent.cli.policy.stock import plural
    from agent.cli.wide import printable
    from agent.domain.retention import Tier

    daily = group.tier is Tier.DAILY
    if language == "ja":
        size = f"{group.holdings:,}{'日' if daily else '区切り'}、{group.rows:,}件"
    else:
        unit = "day" if daily else "bucket"
        size = f"{plural(group.holdings, unit)}, {plural(group.rows, 'row')}"
    everywhere = {"": LABELS[language]["all"], "*": LABELS[language]["together"]}
    where = everywhere.get(group.zone, group.zone)
    why = printable(group.sentence(policy.timezone, language))
    return LABELS[language]["line"].format(
        what=group.name(language), where=where, size=size, why=why
    )
