"""`omokage keys status`: whom is encrypted to, and for how long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.keys.asking import vault_option, warn
from agent.cli.options import site_option

if TYPE_CHECKING:
    from datetime import datetime

    from agent.crypto.keys import PublicKeys
    from agent.crypto.vault import Vault


@click.command()
@site_option
@vault_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(site: Path, vault: Path | None, as_json: bool) -> None:
    """Say which epochs there are, which one is in use, and how many days are left.

    Warns from four weeks before the keys run out. Ends with code 6 when no key is valid now: then
    the agent records nothing.
    """
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.crypto.change import KeyPaths
    from agent.crypto.keys import load_public
    from agent.errors import NoRecipient

    now = SystemClock().now()
    paths = KeyPaths.of(Site(site), vault)
    public = load_public(paths.public)
    stored = _readable_vault(paths.vault)
    warnings = warnings_of(public, stored, now)
    if as_json:
        click.echo(json.dumps(as_dict(public, stored, warnings, now), indent=1))
    else:
        for line in describe(public, stored, now):
            click.echo(line)
    for sentence in warnings:
        warn(sentence)
    if public.epoch_at(now) is None:
        raise NoRecipient("no epoch is valid now: the agent persists nothing")


def describe(public: PublicKeys, vault: Vault | None, now: datetime) -> list[str]:
    """Put the keys into plain lines."""
    from agent.crypto.root import fingerprint

    root = fingerprint(public.root) if public.root else "none: this file isn't signed"
    lines = [
        f"device       {public.device}",
        f"fingerprint  {root}",
        f"vault        {_vault_words(vault)}",
        f"epochs       {len(public.epochs)}",
    ]
    current = public.epoch_at(now)
    for epoch in public.epochs:
        mark = "*" if epoch == current else " "
        span = f"{_day(epoch.valid_from)} - {_day(epoch.valid_to)}"
        lines.append(f"{mark} {epoch.id}  {span}{_fate(epoch.id, epoch.valid_to, vault, now)}")
    if current is not None:
        until = public.valid_until(now)
        lines.append(f"The keys last for {(until - now).days} more days, until {until:%Y-%m-%d}.")
    return lines


def as_dict(
    public: PublicKeys, vault: Vault | None, warnings: list[str], now: datetime
) -> dict[str, Any]:
    """Return the same as plain values."""
    from agent.crypto.root import fingerprint

    current = public.epoch_at(now)
    private = {epoch.id for epoch in vault.epochs} if vault else None
    return {
        "device": public.device,
        "signed": public.root is not None,
        "fingerprint": fingerprint(public.root) if public.root else None,
        "serial": public.serial,
        "persons": vault.persons if vault else None,
        "verify_keys": [
            {
                "key": key.key.hex(),
                "valid_from": key.valid_from.isoformat(),
                "valid_to": key.valid_to.isoformat() if key.valid_to else None,
            }
            for key in public.devices.keys
        ],
        "epochs": [
            {
                "id": epoch.id,
                "valid_from": epoch.valid_from.isoformat(),
                "valid_to": epoch.valid_to.isoformat(),
                "in_use": epoch == current,
                "private_half": None if private is None else epoch.id in private,
            }
            for epoch in public.epochs
        ],
        "keys_until": public.valid_until(now).isoformat() if current else None,
        "runway_days": public.runway(now).days,
        "warnings": warnings,
    }


def warnings_of(public: PublicKeys, vault: Vault | None, now: datetime) -> list[str]:
    """Return what somebody should do something about, one sentence each."""
    from agent.crypto.keys import RUNWAY_WARNING

    found = []
    if public.root is None:
        found.append(
            "public.toml isn't signed: whoever can write it could add a recipient. The next "
            "`omokage keys extend` signs it"
        )
    if public.epoch_at(now) is not None and public.runway(now) < RUNWAY_WARNING:
        found.append(
            f"the keys run out in {public.runway(now).days} days, then nothing is recorded; make "
            "new ones with `omokage keys extend`"
        )
    if vault is None:
        return found
    listed = {epoch.id for epoch in public.epochs}
    private = {epoch.id for epoch in vault.epochs}
    if any(e.valid_to > now and e.id not in private for e in public.epochs):
        found.append(
            "public.toml names a recipient that the vault has no private half for; run `omokage "
            "keys verify`"
        )
    if any(e.valid_to > now and e.id not in listed for e in vault.epochs):
        found.append(
            "the vault has epochs that public.toml lacks: a change stopped half-way, or an older "
            "public.toml was brought back; give the last command again"
        )
    return found


def _day(instant: datetime) -> str:
    """Return the day, and the time where it isn't midnight (UTC)."""
    return f"{instant:%Y-%m-%d}" if instant.hour + instant.minute == 0 else f"{instant:%F %H:%M}"


def _readable_vault(path: Path) -> Vault | None:
    """Return the vault where it is and may be read; the agent's account sees none."""
    import os

    from agent.crypto.vault import load_vault

    return load_vault(path) if os.access(path, os.R_OK) else None


def _vault_words(vault: Vault | None) -> str:
    if vault is None:
        return "not here, as it should be on the machine with the camera"
    persons = "two persons together" if vault.persons > 1 else "one person"
    return f"{len(vault.epochs)} private halves, opened by {persons}"


def _fate(epoch: str, valid_to: datetime, vault: Vault | None, now: datetime) -> str:
    if vault is None or any(entry.id == epoch for entry in vault.epochs):
        return "  over" if valid_to <= now else ""
    return "  destroyed" if valid_to <= now else "  NO PRIVATE HALF"
