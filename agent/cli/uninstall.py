"""`omokage uninstall`: take the service away, and erase what it kept."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from agent.cli.install import PACKAGE_LIST
from agent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.config.site import Site
    from agent.install.erase import Stock
    from agent.install.steps import Step

KEPT = """\
The site's files stay. Nothing deletes what is due any more: records and numbers that outlive their
deadline are yours to answer for. `omokage policy apply --delete` still works where there is an
Omokage; `omokage uninstall --erase` ends it."""


@click.command()
@click.option("--erase", is_flag=True, help="Destroy the keys, then erase everything.")
@click.option("--keep-data", is_flag=True, help="Leave the site's files, without their janitor.")
@click.option("--site", default="/var/lib/omokage", show_default=True, help="The site's folder.")
@click.option(
    "--receipt",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the receipt; by default omokage-erased-DATE.txt, here.",
)
@click.option("--confirm", help="The site's name, instead of typing it.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("/"),
    show_default=True,
    help="Remove from a system that lies in this folder instead of this machine.",
)
@click.option("--dry-run", is_flag=True, help="Print every step and do none.")
def uninstall(
    erase: bool,
    keep_data: bool,
    site: str,
    receipt: Path | None,
    confirm: str | None,
    root: Path,
    dry_run: bool,
) -> None:
    """Stop the service and remove it; with --erase also all that it kept. Run it as root.

    The private keys are destroyed first, so that even an interrupted erasure leaves nothing that
    opens. A receipt says what was there; it is written outside of what is erased.
    """
    from agent.config.site import Site
    from agent.install.doing import carry_out, inside
    from agent.install.erase import plan_removal

    if erase == keep_data:
        raise ConfigError("say --erase or --keep-data", advice="`--erase` is what people expect.")
    root = root.resolve()
    place = Site(inside(root, PurePosixPath(site)))
    packaged = (root / PACKAGE_LIST).exists()
    if erase:
        _erase(place, PurePosixPath(site), root, packaged, receipt, confirm, dry_run)
        return
    steps = plan_removal(root, packaged=packaged)
    if not _is_dry(steps, dry_run):
        carry_out(steps, root, click.echo)
        click.echo(KEPT)


def _erase(
    site: Site,
    path: PurePosixPath,
    root: Path,
    packaged: bool,
    receipt: Path | None,
    confirm: str | None,
    dry_run: bool,
) -> None:
    from agent.cli.who import operator
    from agent.clock import SystemClock
    from agent.install.doing import carry_out
    from agent.install.erase import plan_erasure
    from agent.install.stock import close_log, refuse_held, take_stock

    _refuse_no_site(site, path)
    clock = SystemClock()
    started = clock.now()
    refuse_held(site, started)
    stock = take_stock(site, root)
    steps = plan_erasure(root, path, stock, packaged=packaged)
    if _is_dry(steps, dry_run):
        return
    name = stock.site or site.root.name
    click.echo(f"This erases {name}: {_amount(stock)}. It can't be brought back.")
    if confirm is None:
        confirm = str(click.prompt(f"Type {name} to erase it", err=True))
    if confirm != name:
        raise ConfigError("that isn't the site's name", advice="Nothing was erased.")
    out = _reserve(receipt, site, started)
    stock = take_stock(site, root, close_log(site, operator(), started))
    carry_out(plan_erasure(root, path, stock, packaged=packaged), root, click.echo)
    _report(out, stock, started, clock.now(), site)
    if packaged:
        click.echo("The program belongs to the package: `apt-get purge omokage` removes it.")


def _refuse_no_site(site: Site, path: PurePosixPath) -> None:
    """Refuse a folder that isn't a site: everything in it would be overwritten.

    Raises:
        ConfigError: it is a link, or holds no file that a site alone has.
    """
    from agent.install.plan import SITE

    known = (site.policy, site.public_keys, site.segments, site.access_log)
    ours = site.root.exists() if path == SITE else any(each.exists() for each in known)
    if site.root.is_symlink() or not ours:
        raise ConfigError(
            f"{site.root} is no site of Omokage's", advice="Name the site's folder with --site."
        )


def _is_dry(steps: Sequence[Step], dry_run: bool) -> bool:
    from agent.install.steps import sentence

    if dry_run:
        for step in steps:
            click.echo(sentence(step))
        click.echo(f"Nothing was done; {len(steps)} steps would be.")
    return dry_run


def _amount(stock: Stock) -> str:
    records = "an unknown number of" if stock.records is None else f"{stock.records:,}"
    return f"{stock.epochs} private keys, {records} sealed records, {len(stock.secret)} files"


def _reserve(receipt: Path | None, site: Site, started: datetime) -> Path:
    """Create the receipt before anything is erased, where it isn't erased itself.

    Raises:
        ConfigError: it would lie in the site, is there already, or can't be written.
    """
    out = receipt or Path(f"omokage-erased-{started:%Y%m%d-%H%M%S}.txt")
    if out.resolve().is_relative_to(site.root.resolve()):
        raise ConfigError("the receipt would be erased with the site", advice="Name another place.")
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("The erasure has begun and has not ended.\n")
    except OSError as error:
        raise ConfigError(
            f"can't write the receipt {out.name}: {error.strerror}",
            advice="Nothing was erased. Name another place with --receipt.",
        ) from error
    return out


def _report(out: Path, stock: Stock, started: datetime, ended: datetime, site: Site) -> None:
    from agent.install.erase import receipt

    left = [str(path) for path in site.root.rglob("*")] if site.root.exists() else []
    text = receipt(stock, started, ended, left)
    out.write_text(text, "utf-8")
    click.echo(f"\n{text}\nThe receipt is in {out}.")
