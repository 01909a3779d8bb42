"""`omokage status`: how the running agent is, in words or as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import site_option
from agent.errors import NOT_AS_WRITTEN, ConfigError

if TYPE_CHECKING:
    from pathlib import Path

STALE_SECONDS = 15
KEYS_WARNING_DAYS = 28
LEAST_LOAD_SECONDS = 60
"""Of running, under which a mean load says little."""
MEBIBYTE = 1 << 20
MISSED_SHARE = 0.05
"""More ticks than this left out is worth a word; a start alone costs some."""


@click.command()
@site_option
@click.option("--json", "as_json", is_flag=True, help="Print the health file as it is.")
def status(site: Path, as_json: bool) -> None:
    """Say how the agent is: running or not, cameras, what is stored, what is wrong."""
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.health_file import read_health
    from agent.store.claim import is_claimed

    path = Site(site).status
    try:
        report = read_health(path)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"there is no agent's health file in {site}",
            advice="Start the agent with `omokage run`, or name its folder with --site.",
        ) from error
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    try:
        lines = describe(report, SystemClock().now(), alive=is_claimed(path.parent))
    except NOT_AS_WRITTEN as error:
        raise ConfigError(
            f"the health file in {site} isn't one that an agent of this version wrote",
            advice="Wait a few seconds, or start the agent: it writes a new one.",
        ) from error
    for line in lines:
        click.echo(line)


def describe(report: dict[str, Any], now: datetime, *, alive: bool | None = None) -> list[str]:
    """Put a health report into plain lines.

    Args:
        report: the health file.
        now: aware UTC.
        alive: whether a process holds the site, None where nobody can tell.
    """
    state = _state(report, now, alive=alive)
    lines = [f"agent     {state} ({report['site']}{', demo' if report['demo'] else ''})"]
    for zone, camera in report["zones"].items():
        ticks = report["ticks"][zone]
        seen = ", ".join(f"{count} {name}" for name, count in ticks.items() if count)
        late = report["dropped_frames"][zone]
        lines.append(f"zone      {zone}: {camera} ({seen or 'nothing yet'}; {late} dropped)")
    lines += _timing(report.get("timing"))
    lines += _load(report.get("load"))
    capture = report.get("capture", {"allowed": True})
    if not capture["allowed"]:
        change = capture["next_change"]
        until = f" until {datetime.fromisoformat(change):%Y-%m-%d %H:%M} UTC" if change else ""
        lines.append(f"capture   closed{until}: {capture['reason'].replace('_', ' ')}")
    kept = "yes" if report["persisting"] else "NO"
    sealed, lost = report["stored_records"], report["lost_records"]
    lines.append(f"records   {sealed} sealed, {lost} lost, storing: {kept}")
    lines.append(f"buckets   {report['released_buckets']} released")
    lines += _retention(report.get("retention"))
    lines += bias_line(report.get("bias"))
    lines.append(f"commit    {report['last_commit'] or 'none yet'}")
    lines.append(f"models    {', '.join(report['models'])}")
    lines += _keys(report)
    lines += [f"hardening {sentence}" for sentence in report["hardening_missing"]]
    if report["trouble"]:
        lines.append(f"TROUBLE   {report['trouble']}")
    return lines


def _state(report: dict[str, Any], now: datetime, *, alive: bool | None) -> str:
    """Say what the agent is doing; a health file that says `running` may be its last word."""
    state = str(report["state"])
    if state != "running":
        return "starting" if alive else state
    age = (now - datetime.fromisoformat(report["written_at"])).total_seconds()
    if alive is False:
        return f"ended without a word (killed or a power cut), last seen {age:.0f} s ago"
    if age <= STALE_SECONDS:
        return state
    if alive:
        return (
            f"running, but its health is {age:.0f} s old: the disk is full or read-only, or the "
            "agent hangs"
        )
    return f"not answering for {age:.0f} s"


def bias_line(found: dict[str, Any] | None) -> list[str]:
    """Say what the last daily comparison of places and circumstances found; nothing before it."""
    if found is None:
        return []
    at = f"checked {found['at'][:10]}"
    if not found["signs"]:
        return [f"bias      {at}: nothing stands out"]
    parts = ["{} {} ({})".format(*sign.split(":")) for sign in found["signs"]]
    return [f"BIAS      {at}: {', '.join(parts)}; see the page Model quality"]


def _timing(found: dict[str, Any] | None) -> list[str]:
    """Say how well the ticks keep their time; loudly where too many are left out."""
    if not found or not found["places"]:
        return []
    missed, places = found["missed"], found["places"]
    slow = missed > MISSED_SHARE * places
    words = f"{found['late_ms_median']:.0f} ms late; {missed} of {places} ticks left out"
    if slow:
        words += ": this machine is too slow or too busy for the policy's sampling_hz"
    return [f"{'TIMING' if slow else 'timing'}    {words}"]


def _load(found: dict[str, Any] | None) -> list[str]:
    """Say what the agent takes of the machine; nothing for a report that doesn't know."""
    if not found:
        return []
    words = []
    if found["resident_bytes"] is not None:
        most = (found["most_resident_bytes"] or found["resident_bytes"]) / MEBIBYTE
        words.append(f"memory {found['resident_bytes'] / MEBIBYTE:.0f} MiB (most {most:.0f})")
    if found["seconds"] >= LEAST_LOAD_SECONDS:
        share = 100 * found["cpu_seconds"] / found["seconds"]
        words.append(f"{share:.0f} % of one core since the start")
    return [f"load      {', '.join(words)}"] if words else []


def _keys(report: dict[str, Any]) -> list[str]:
    """Say until when there is somebody to encrypt to; nothing for a report that doesn't know."""
    if "keys_until" not in report:
        return []
    if report["keys_until"] is None:
        return ["KEYS      none is valid: nothing is recorded; see `omokage keys status`"]
    line = f"until {report['keys_until'][:10]}, {report['keys_days']} days"
    if report["keys_days"] < KEYS_WARNING_DAYS:
        return [f"KEYS      {line}: make new ones soon with `omokage keys extend`"]
    return [f"keys      {line}"]


def _retention(found: dict[str, Any] | None) -> list[str]:
    """Say whether everything that is due is gone."""
    if found is None:
        return []
    overdue = [found["overdue_records"], found["overdue_numbers"]]
    unknown = None in overdue
    rows = sum(number or 0 for number in overdue)
    words = ["a database can't be read, so nobody can tell"] if unknown else [f"{rows} rows"]
    if not found["erased"]:
        words.append("a reader is open, so deleted rows are still in the write-ahead log")
    if found["waiting_rows"]:
        words.append(f"{found['waiting_rows']} wait for somebody to agree")
    if found["held_records"]:
        words.append(f"{found['held_records']} records under a legal hold")
    bad = unknown or rows or not found["erased"] or found["waiting_rows"]
    lines = [f"{'OVERDUE' if bad else 'overdue':<9} {'; '.join(words)}"]
    if found["doubt"]:
        lines.append(f"CLOCK     {found['doubt']}: see `omokage policy plan`")
    lines.append(f"deletion  {_next(found)}")
    return lines


def _next(found: dict[str, Any]) -> str:
    """Say when something goes by itself, as the last round knew; it is up to a minute old."""
    at = datetime.fromisoformat(found["next_due"] or found["at"])
    if found["next_due"] is None:
        return f"nothing was kept at {at:%H:%M} UTC"
    return f"next due {at:%Y-%m-%d %H:%M} UTC"
