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
    metavar="KEY",
    help="The device's key as it was printed with a checkpoint; the site's own is then not used.",
)
def verify(site: Path, against: tuple[Path, ...], key: str | None) -> None:
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
    verify_key = _verify_key(place.public_keys, key)
    verdict = verify_log(place.access_log, verify_key or b"", kept)
    for line in report(verdict, verify_key, against):
        click.echo(line)
    if not verdict.sound:
        raise AuditBroken("the access log isn't what was written")


def report(verdict: Verdict, verify_key: bytes | None, against: Sequence[Path]) -> list[str]:
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
    lines += _about_checkpoints(verdict, verify_key, against)
    for finding in verdict.findings[:SHOWN]:
        mark = "FOUND" if finding.kind.fatal else "note "
        lines.append(f"{mark} {finding.kind.value}: {plain(finding.sentence)}")
    if len(verdict.findings) > SHOWN:
        lines.append(f"and {len(verdict.findings) - SHOWN} more.")
    if verdict.sound:
        lines.append("Nothing was changed, deleted, put in or moved, as far as this can tell.")
    return lines


def _about_checkpoints(
    verdict: Verdict, verify_key: bytes | None, against: Sequence[Path]
) -> list[str]:
    if verify_key is None:
        return ["No key to check checkpoints with: give it with --key."]
    signed = f"Checkpoints that fit: {verdict.checkpoints}, key {verify_key.hex()[:16]}."
    if verdict.covered < verdict.first:
        lines = [signed, "None of these entries is signed for yet: `omokage audit checkpoint`."]
    else:
        lines = [f"{signed} They speak for the entries up to {verdict.covered}."]
    left = verdict.last - max(verdict.covered, verdict.first - 1)
    if left > 0 and verdict.covered >= verdict.first:
        lines.append(f"The newest {left} aren't signed for yet.")
    if not against:
        lines.append(
            "No checkpoint from elsewhere was given (--against): a log that was exchanged as a "
            "whole, with its checkpoints, would look like this too."
        )
    return lines


def _verify_key(public_keys: Path, given: str | None) -> bytes | None:
    from agent.audit.note import parse_verifier
    from agent.crypto.keys import load_public

    if given is not None:
        try:
            return parse_verifier(given).key
        except ValueError as error:
            raise ConfigError(
                "--key isn't a verifier key",
                advice="It looks like NAME+8 digits+letters; the quotes keep the shell off it.",
            ) from error
    try:
        return load_public(public_keys).verify_key
    except NoRecipient:
        return None


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read {file.name} as text") from error
