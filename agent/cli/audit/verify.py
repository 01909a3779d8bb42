"""`omokage audit verify`: is the access log what was written, whole and in order?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.audit.common import plain, require_log
from agent.cli.options import site_option
from agent.errors import AuditBroken, ConfigError, NoRecipient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.audit.checkpoint import Witness
    from agent.audit.findings import Verdict
    from agent.config.site import Site

SHOWN = 50


@click.command()
@site_option
@click.option(
    "--against",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with checkpoints that were kept elsewhere; may be given several times.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="The device's key as it was printed with a checkpoint, the oldest first where it was "
    "replaced; the site's own file of keys is then not used.",
)
def verify(site: Path, against: tuple[Path, ...], keys: tuple[str, ...]) -> None:
    """Check the whole log, and say what was checked and found.

    Whoever can write the log's files can also cut off its newest entries or put back an older
    copy. Only a checkpoint that was kept elsewhere shows that: give it with --against.
    """
    from agent.audit.checkpoint import find_checkpoints
    from agent.checkpoints import verify_log
    from agent.config.site import Site
    from agent.store.access_reader import checkpoints_file

    place = Site(site)
    kept: list[Witness] = []
    for file in against:
        found = find_checkpoints(_read(file), file.name)
        if not found:
            raise ConfigError(f"there is no checkpoint in {file.name}")
        kept += found
    if not kept and not checkpoints_file(place.access_log).exists():
        require_log(place.access_log)
    known = tuple(_parse(key) for key in keys) or _known(place)
    verdict = verify_log(place.access_log, known, kept)
    for line in report(verdict, known, against):
        click.echo(line)
    if not verdict.sound:
        raise AuditBroken("the access log isn't what was written")


def report(verdict: Verdict, known: Sequence[bytes], against: Sequence[Path]) -> list[str]:
    """Say what was checked and what was found."""
    lines = [
        f"Read {verdict.entries} entries, {verdict.first} to {verdict.last}.",
        "Checked: each entry's hash, number, time and link to the one before; each name and note",
        "against what its entry is committed to.",
    ]
    if verdict.first > 1:
        lines.append(f"Entries before {verdict.first} were deleted on time, with a signed note.")
    if verdict.erased:
        lines.append(f"Personal texts erased, with an entry that says so: {verdict.erased}.")
    lines += _about_checkpoints(verdict, known, against)
    for finding in verdict.findings[:SHOWN]:
        mark = "FOUND" if finding.kind.fatal else "note "
        lines.append(f"{mark} {finding.kind.value}: {plain(finding.sentence)}")
    if len(verdict.findings) > SHOWN:
        lines.append(f"and {len(verdict.findings) - SHOWN} more.")
    if verdict.sound:
        lines.append("Nothing was changed, deleted, put in or moved, as far as this can tell.")
    return lines


def _about_checkpoints(
    verdict: Verdict, known: Sequence[bytes], against: Sequence[Path]
) -> list[str]:
    from agent.audit.note import Verifier

    if not known:
        return ["No key to check checkpoints with: give it with --key."]
    lines = [f"Checkpoints that fit: {verdict.checkpoints}."]
    if verdict.covered < verdict.first:
        lines.append("None of these entries is signed for yet: `omokage audit checkpoint`.")
    else:
        lines[0] += f" They speak for the entries up to {verdict.covered}."
    left = verdict.last - max(verdict.covered, verdict.first - 1)
    if left > 0 and verdict.covered >= verdict.first:
        lines.append(f"The newest {left} aren't signed for yet.")
    if not against:
        lines += [
            "No checkpoint from elsewhere was given (--against): a log that was exchanged as a",
            "whole, together with its checkpoints, would look like this too.",
        ]
    if verdict.origin:
        key = Verifier(verdict.origin, known[-1]).text()
        lines.append(f"The device's key; compare it with the one on paper: {key}")
    return lines


def _parse(key: str) -> bytes:
    from agent.audit.note import parse_verifier

    try:
        return parse_verifier(key).key
    except ValueError as error:
        raise ConfigError(
            "--key isn't a verifier key",
            advice="It looks like NAME+8 digits+letters; `omokage audit checkpoint` prints it.",
        ) from error


def _known(site: Site) -> tuple[bytes, ...]:
    from agent.checkpoints import verify_keys

    try:
        return verify_keys(site)
    except NoRecipient:
        return ()


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read {file.name} as text") from error
