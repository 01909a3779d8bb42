"""`omokage keys destroy`: the end of a key is the end of its records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.keys.asking import ask, passphrase_option, vault_option
from agent.cli.options import site_option
from agent.errors import ConfigError

if TYPE_CHECKING:
    from agent.cli.keys.ending import Ending
    from agent.config.site import Site
    from agent.crypto.change import KeyPaths


@click.command()
@site_option
@vault_option
@passphrase_option
@click.argument("epochs", nargs=-1)
@click.option("--expired", is_flag=True, help="Every epoch whose last record is past its deadline.")
@click.option("--all", "everything", is_flag=True, help="Every epoch: nothing opens any more.")
@click.option("--dry-run", is_flag=True, help="Say what would be destroyed, and why not the rest.")
@click.option(
    "--retention",
    metavar="72h",
    help="How long records are kept, where the policy isn't here; a longer one counts.",
)
@click.option(
    "--no-holds",
    is_flag=True,
    help="The records lie on another machine, and no legal hold keeps any of them.",
)
@click.option(
    "--confirm",
    "confirmed",
    multiple=True,
    help="Instead of typing it: the epoch's id, or the site's name for --all.",
)
def destroy(  # noqa: PLR0913  (one argument an option)
    site: Path,
    vault: Path | None,
    passphrase_files: tuple[Path, ...],
    epochs: tuple[str, ...],
    expired: bool,
    everything: bool,
    dry_run: bool,
    retention: str | None,
    no_holds: bool,
    confirmed: tuple[str, ...],
) -> None:
    """Destroy private halves: what was sealed to them never opens again, also from a backup.

    --expired needs neither passphrase nor confirmation: it takes only epochs of which no record
    may exist any more, and none under a legal hold. Anything else is confirmed by typing its name.
    An epoch that is still in use is taken off public.toml first, which needs the passphrase.

    The bytes are overwritten where they lie. Solid-state disks, snapshots and copy-on-write file
    systems may keep old ones, wrapped as they were; and every other copy of the vault needs the
    same command.
    """
    from agent.cli.keys.ending import Ending
    from agent.cli.keys.rules import lifetimes
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.crypto.change import KeyPaths

    if sum((bool(epochs), expired, everything)) != 1:
        raise ConfigError(
            "what should be destroyed isn't said, or said twice",
            advice="Give ids from `omokage keys status`, or --expired, or --all.",
        )
    place, now = Site(site), SystemClock().now()
    paths = KeyPaths.of(place, vault)
    paths.refuse_missing_vault()
    ending = Ending.of(place, paths, now, no_holds=no_holds)
    if everything:
        _everything(place, paths, ending, confirmed, dry_run)
        return
    spans = lifetimes(place, retention)
    over = ending.expired(*spans)
    doomed = over if expired else tuple(dict.fromkeys(epochs))
    ending.refuse(doomed)
    if dry_run or expired:
        for span in ending.spans:
            click.echo(f"{span.id}  {ending.reason(span, *spans)}")
    if dry_run:
        click.echo(f"Nothing was destroyed; {len(doomed)} would be: {', '.join(doomed) or 'none'}")
        return
    _confirm([epoch for epoch in doomed if epoch not in over], confirmed)
    if doomed:
        _destroy(place, paths, ending, doomed, passphrase_files)
    click.echo(f"Destroyed {len(doomed)} of {len(ending.spans)} private halves.")
    _remind(bool(doomed))


def _destroy(
    site: Site,
    paths: KeyPaths,
    ending: Ending,
    doomed: tuple[str, ...],
    passphrase_files: tuple[Path, ...],
) -> None:
    """Take epochs out of use where they are in use, then destroy them."""
    from agent.cli.keys.recording import announced, unlocked
    from agent.crypto.change import carry_out, withdrawing
    from agent.crypto.destroy import destroy_epochs
    from agent.crypto.vault import load_vault
    from agent.domain.access import Action

    used = ending.in_use(doomed)
    passphrases: tuple[str, ...] = ()
    if used:
        click.echo("An epoch in use is taken off public.toml first, which has to be signed.")
        passphrases = ask(load_vault(paths.vault).persons, passphrase_files)
    with announced(site, Action.KEYS_DESTROYED, ending.now, doomed):
        if used:
            why = "to take recipients off public.toml"
            with unlocked(site, paths, passphrases, ending.now, why=why) as box:
                carry_out(withdrawing(paths, box, used))
            click.echo("Nothing is recorded in its time now, until `omokage keys extend`.")
        destroy_epochs(paths.vault, doomed)


def _everything(
    site: Site, paths: KeyPaths, ending: Ending, confirmed: tuple[str, ...], dry_run: bool
) -> None:
    """Destroy every epoch. Needs no passphrase: in an emergency there may be nobody who has it."""
    from agent.cli.keys.recording import announced
    from agent.cli.keys.rules import name_of
    from agent.crypto.destroy import destroy_epochs
    from agent.crypto.files import remove
    from agent.domain.access import Action

    ids = tuple(span.id for span in ending.spans)
    ending.refuse(ids)
    if dry_run:
        click.echo(f"Nothing was destroyed; all {len(ids)} epochs and public.toml would be.")
        return
    click.echo(f"This destroys all {len(ids)} private halves: no record of this site ever opens")
    click.echo("again, and the agent records nothing until there are new keys.")
    _confirm([name_of(site)], confirmed)
    with announced(site, Action.KEYS_DESTROYED, ending.now, ids, note="all"):
        remove(paths.public)  # first: from now on nobody seals to what is about to go
        destroy_epochs(paths.vault, ids)
    click.echo(f"Destroyed all {len(ids)} private halves, and removed public.toml.")
    click.echo("The root key is left: `omokage keys extend` makes new epochs under the same")
    click.echo("fingerprint, if the passphrase is known.")
    _remind(destroyed=True)


def _confirm(names: list[str], confirmed: tuple[str, ...]) -> None:
    """Go on only if each name was typed, or given on the command line.

    Raises:
        ConfigError: something else was typed; nothing is destroyed.
    """
    for name in names:
        if name in confirmed:
            continue
        if confirmed or click.prompt(f"Type {name} to destroy it", err=True) != name:
            raise ConfigError("that isn't the name", advice="Nothing was destroyed.")


def _remind(destroyed: bool) -> None:
    if destroyed:
        click.echo("Other copies of the vault still hold them: give each the same command with")
        click.echo("--vault, or destroy the medium.")
