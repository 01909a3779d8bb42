"""`omokage audit export`: the access log for somebody who doesn't want to trust this program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from agent.cli.audit.common import as_utc, period_options, require_log
from agent.cli.options import site_option
from agent.cli.who import operator
from agent.errors import ConfigError


@click.command()
@site_option
@period_options
@click.option("--purpose", required=True, help="Why; it is written to the log first.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="jsonl holds all that a verification needs; csv is for reading.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a new file (mode 0600) instead of the screen.",
)
def export(
    site: Path,
    since: datetime | None,
    until: datetime | None,
    purpose: str,
    kind: str,
    out: Path | None,
) -> None:
    """Write all entries, oldest first, with names and notes that weren't erased.

    An erasure can't reach an exported file: say so to whoever gets it.
    """
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.domain.access import AccessEvent, Action, Role
    from agent.store.access_log import AccessLog, AccessReader

    path = Site(site).access_log
    require_log(path)
    if not purpose.strip():
        raise ConfigError("an export needs a purpose", advice="Say in a sentence what it is for.")
    if out is not None and out.exists():
        raise ConfigError(f"{out.name} exists and isn't overwritten")
    log = AccessLog(path)
    log.record(
        AccessEvent(
            SystemClock().now(), operator(), Role.OPERATOR, Action.EXPORTED, purpose,
            objects=("access-log",),
        )
    )  # fmt: skip
    log.close()
    lines = _lines(AccessReader(path), kind, as_utc(since), as_utc(until))
    if out is None:
        for line in lines:
            click.echo(line)
        return
    _write(out, lines)
    click.echo(f"Wrote {out.name}.", err=True)


def _lines(reader: Any, kind: str, since: datetime | None, until: datetime | None) -> Iterator[str]:
    from agent.audit.lines import csv_head, csv_line, json_line
    from agent.domain.access_entry import EntryRow, read_entry
    from agent.errors import StoreError

    header = kind == "csv"
    for row in map(EntryRow._make, reader.rows()):
        try:
            entry = read_entry(row)
        except ValueError as error:
            raise StoreError(str(error), advice="Run `omokage audit verify`.") from error
        if (since and entry.event.at < since) or (until and entry.event.at >= until):
            continue
        if kind == "jsonl":
            yield json_line(entry, row)
            continue
        if header:
            header = False
            yield csv_head()
        yield csv_line(entry)


def _write(out: Path, lines: Iterator[str]) -> None:
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            for line in lines:
                file.write(line + "\n")
    except OSError as error:
        raise ConfigError(f"can't write {out.name}: {error.strerror}") from error
