"""`omokage keys rotate`: a new passphrase, signing key or recipient of this week."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.keys.asking import LOSS, ask, passphrase_option, sure, vault_option, yes_option
from agent.cli.options import site_option
from agent.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from agent.config.site import Site
    from agent.crypto.change import KeyPaths
    from agent.crypto.keybox import KeyBox


@click.command()
@site_option
@vault_option
@passphrase_option
@yes_option
@click.option("--passphrase", "what", flag_value="passphrase", help="New passphrase(s).")
@click.option("--device", "what", flag_value="device", help="New signing key of the device.")
@click.option("--epoch", "what", flag_value="epoch", help="New recipient for this week.")
@click.option(
    "--new-passphrase-file",
    "new_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --passphrase: read the new one from a file; once for each person.",
)
@click.option(
    "--persons",
    type=click.IntRange(1, 2),
    help="With --passphrase: how many persons open the vault from now on; as before by default.",
)
def rotate(
    site: Path,
    vault: Path | None,
    passphrase_files: tuple[Path, ...],
    yes: bool,
    what: str | None,
    new_files: tuple[Path, ...],
    persons: int | None,
) -> None:
    """Replace one kind of key; give one of --passphrase, --device and --epoch.

    --passphrase wraps every private half anew. It doesn't help against somebody who has a copy of
    the old vault and the old passphrase: then replace the recipient too, and destroy old epochs.

    --device makes a new signing key; the old one stays listed, so that older records verify.

    --epoch makes a new recipient from the next bucket on; the old one stays, to open what was
    recorded, until you destroy it.
    """
    from agent.cli.keys.recording import unlocked
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.crypto.change import KeyPaths
    from agent.crypto.vault import load_vault

    if what is None:
        raise ConfigError(
            "what should be replaced isn't said",
            advice="Add one of --passphrase, --device and --epoch.",
        )
    if what != "passphrase" and (new_files or persons):
        raise ConfigError(
            "--new-passphrase-file and --persons are about a new passphrase",
            advice="Add --passphrase, or leave them out.",
        )
    place, now = Site(site), SystemClock().now()
    paths = KeyPaths.of(place, vault)
    paths.refuse_missing_vault()
    passphrases = ask(load_vault(paths.vault).persons, passphrase_files)
    with unlocked(place, paths, passphrases, now, why=f"to rotate: {what}") as box:
        if what == "passphrase":
            _passphrase(place, paths, box, now, (persons, new_files, yes))
        elif what == "device":
            _device(place, paths, box, now, yes)
        else:
            _epoch(place, paths, box, now, yes)


def _passphrase(
    place: Site,
    paths: KeyPaths,
    box: KeyBox,
    now: datetime,
    wanted: tuple[int | None, tuple[Path, ...], bool],
) -> None:
    from agent.cli.keys.recording import announced
    from agent.crypto.change import carry_out, load_own, reclosing
    from agent.crypto.create import judge_all
    from agent.domain.access import Action

    persons, files, yes = wanted
    persons = persons or len(box.salts)
    click.echo(LOSS)
    new = ask(persons, files, new=True, option="--new-passphrase-file")
    judge_all(new, names=(box.state.devices.device,))
    count = len(box.state.halves)
    who = "two persons together" if persons > 1 else "one person"
    sure(f"Wrap {count} private halves anew, to be opened by {who}?", yes=yes)
    with announced(place, Action.KEYS_ROTATED, now, note=f"passphrase, {persons} person(s)"):
        carry_out(reclosing(paths, box.reclosed(new), load_own(paths)))
    click.echo("Done. The old passphrase opens nothing here any more.")
    click.echo("It still opens every old copy of the vault: replace or destroy each of them.")


def _device(place: Site, paths: KeyPaths, box: KeyBox, now: datetime, yes: bool) -> None:
    from agent.cli.keys.recording import announced
    from agent.crypto.change import carry_out, replacing_device
    from agent.domain.access import Action

    sure(
        f"Make a new signing key for {box.state.devices.device}? The old one verifies what was "
        "signed so far and nothing after.",
        yes=yes,
    )
    with announced(place, Action.KEYS_ROTATED, now, note="device key"):
        carry_out(replacing_device(paths, box, now))
    click.echo("Done. The agent signs with the new key from its next bucket on.")
    click.echo("On another machine: bring keys/public.toml and keys/device.pem there.")
    click.echo("Where systemd hands the key over: encrypt it again, then start the agent anew.")


def _epoch(place: Site, paths: KeyPaths, box: KeyBox, now: datetime, yes: bool) -> None:
    from agent.cli.keys.recording import announced
    from agent.cli.keys.rules import next_bucket
    from agent.crypto.change import adding, carry_out
    from agent.crypto.lifecycle import with_new_epoch
    from agent.domain.access import Action

    at = next_bucket(place, now)
    changed = box.become(with_new_epoch(box.state, at))
    old = next(h.id for h in changed.state.halves if h.valid_to == at)
    new = next(h.id for h in changed.state.halves if h.valid_from == at)
    sure(f"Replace recipient {old} by {new} from {at:%Y-%m-%d %H:%M} UTC on?", yes=yes)
    with announced(place, Action.KEYS_ROTATED, now, (old, new), note="recipient of this week"):
        carry_out(adding(paths, changed))
    click.echo(f"Done. From {at:%Y-%m-%d %H:%M} UTC on records are sealed to {new}.")
    click.echo(f"What was recorded before opens with {old}. If that key may be in other hands,")
    click.echo(f"destroy it as soon as you can do without: `omokage keys destroy {old}`.")
