"""`omokage policy history`: which policies were applied, and what was deleted when and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import site_option

if TYPE_CHECKING:
    from datetime import datetime

    from agent.config.site import Site
    from agent.domain.access_entry import AccessEntry

EXIT_CODES = """\b
Exit codes:
  0  the list is printed, also an empty one
  2  the folder isn't a site
  7  the access log can't be read"""


@click.command(epilog=EXIT_CODES)
@site_option
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="At most so many entries.",
)
def history(site: Path, as_json: bool, limit: int) -> None:
    """List policies, deletions, refusals and holds from the access log, newest first."""
    from agent.cli.pause import existing_site
    from agent.config.site import Site

    entries = _entries(existing_site(Site(site)), limit)
    if as_json:
        click.echo(json.dumps([as_table(e) for e in entries], ensure_ascii=False, indent=1))
        return
    for entry in entries:
        click.echo(describe(entry))
    if not entries:
        click.echo("The access log has no entry about policies or deletions yet.")


def last_applied(place: Site) -> tuple[datetime, str] | None:
    """Return when a policy was applied last, and the beginning of its digest.

    An agent that starts applies its policy too: from then on it deletes by it.
    """
    from agent.domain.access import Action
    from agent.store.access_reader import AccessQuery, AccessReader

    reader = AccessReader(place.access_log)
    applied = reader.entries(AccessQuery(action=Action.POLICY_APPLIED))
    started = reader.entries(AccessQuery(action=Action.STARTED), limit=1)
    found = [entry for entry in applied if entry.event.purpose == "retention"][:1] + started
    for entry in sorted(found, key=lambda entry: entry.number, reverse=True):
        if digest := _policy(entry):
            return entry.event.at, digest
    return None


def _entries(place: Site, limit: int) -> list[AccessEntry]:
    from agent.domain.access import Action
    from agent.store.access_reader import AccessQuery, AccessReader

    reader = AccessReader(place.access_log)
    wanted = (
        Action.STARTED,
        Action.STARTED_OVER,
        Action.POLICY_APPLIED,
        Action.PURGED,
        Action.PURGE_REFUSED,
        Action.KEYS_DESTROYED,
        Action.HOLD_PLACED,
        Action.HOLD_LIFTED,
    )
    found = [e for a in wanted for e in reader.entries(AccessQuery(action=a), limit=limit)]
    return sorted(found, key=lambda entry: entry.number, reverse=True)[:limit]


def as_table(entry: AccessEntry) -> dict[str, Any]:
    """Return an entry for a program."""
    event = entry.event
    return {
        "number": entry.number,
        "at": event.at.isoformat(),
        "who": event.actor,
        "role": event.role,
        "action": event.action,
        "what": event.purpose,
        "decision": event.decision,
        "objects": list(event.objects),
        "counts": dict(event.counts),
        "note": event.note,
    }


def describe(entry: AccessEntry) -> str:
    """Put an entry into a line."""
    from agent.cli.wide import printable

    event = entry.event
    numbers = [(name.replace("_", " "), n) for name, n in event.counts.items()]
    counts = ", ".join(f"{n:,} {name}" for name, n in numbers if n and name != "log emptied")
    if event.counts.get("log_emptied") == 0:
        counts += "; a reader kept the deleted rows in the write-ahead log"
    policy = _policy(entry)
    parts = event.purpose.replace("_", " "), counts, policy and f"policy {policy}", event.note
    who = event.actor or "(erased)"
    words = "; ".join(part for part in parts if part)
    head = f"{event.at:%Y-%m-%d %H:%M:%S} UTC  {event.action:<14} {who}"
    return printable(f"{head}: {words}" if words else head)


def _policy(entry: AccessEntry) -> str:
    """Return the beginning of the digest that an entry names, "" if it names none."""
    objects = (o.partition(":") for o in entry.event.objects)
    return next((rest for kind, _, rest in objects if kind == "policy"), "")
