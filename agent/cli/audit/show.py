"""`omokage audit show`: entries of the access log, as a table or as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.audit.common import (
    ERASED,
    as_dict,
    as_utc,
    pad,
    period_options,
    plain,
    require_log,
)
from agent.cli.options import site_option
from agent.cli.wide import width
from agent.domain.access import Action, Decision, Role

if TYPE_CHECKING:
    from agent.domain.access_entry import AccessEntry

HEAD = ("entry", "time (UTC)", "who", "role", "action", "purpose and what it was done to")


@click.command()
@site_option
@period_options
@click.option("--actor", help="Only what this account or service did.")
@click.option("--role", type=click.Choice([r.value for r in Role]), help="Only as this role.")
@click.option("--action", type=click.Choice([a.value for a in Action]), help="Only this action.")
@click.option("--object", "object_", metavar="ID", help="Only what was done to this one.")
@click.option("--refused", is_flag=True, help="Only what was refused.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=30,
    show_default=True,
    help="At most so many entries, the newest ones.",
)
@click.option("--before", type=int, metavar="N", help="Only entries with a number below this.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def show(
    site: Path,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    before: int | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """Show who did what, when and why: the newest entries, the last one at the bottom."""
    from agent.config.site import Site
    from agent.store.access_log import AccessReader
    from agent.store.access_reader import AccessQuery

    path = Site(site).access_log
    require_log(path)
    query = AccessQuery(
        since=as_utc(since),
        until=as_utc(until),
        actor=filters["actor"],
        role=Role(filters["role"]) if filters["role"] else None,
        action=Action(filters["action"]) if filters["action"] else None,
        decision=Decision.REFUSED if filters["refused"] else None,
        object=filters["object_"],
    )
    reader = AccessReader(path)
    entries = reader.entries(query, limit=limit, before=before)[::-1]
    if as_json:
        click.echo(json.dumps([as_dict(e) for e in entries], ensure_ascii=False, indent=1))
        return
    for line in table(entries):
        click.echo(line)
    matching = reader.count(query)
    if matching > len(entries):
        first = entries[0].number if entries else 0
        rest = f"; `--before {first}` shows earlier ones" if entries and first > 1 else ""
        click.echo(f"\n{len(entries)} of {matching} entries{rest}.")


def table(entries: list[AccessEntry]) -> list[str]:
    """Put entries into aligned lines, or say that there are none."""
    if not entries:
        return ["No entry matches."]
    rows = [HEAD, *(_cells(entry) for entry in entries)]
    columns = [max(width(row[i]) for row in rows) for i in range(len(HEAD) - 1)]
    return [
        "  ".join([*(pad(cell, n) for cell, n in zip(row, columns, strict=False)), row[-1]])
        for row in rows
    ]


def _cells(entry: AccessEntry) -> tuple[str, ...]:
    event = entry.event
    refused = event.decision is Decision.REFUSED
    objects = ", ".join(event.objects[:3])
    if len(event.objects) > 3:
        objects += f" and {len(event.objects) - 3} more"
    counts = ", ".join(f"{name} {n}" for name, n in event.counts.items())
    note = ERASED if entry.note_erased else event.note
    parts = [event.purpose, f"[{objects}]" if objects else "", counts, note and f"- {note}"]
    return (
        str(entry.number),
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        ERASED if entry.actor_erased else plain(event.actor),
        event.role.value,
        f"{event.action.value} REFUSED" if refused else event.action.value,
        plain(" ".join(part for part in parts if part)),
    )
