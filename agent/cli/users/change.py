"""`omokage users add|disable|enable|password|remove`: each is in the access log before it is done.

The account's name goes into the entry's note, from which it can be erased; never into what stays.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agent.cli.options import site_option
from agent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.site import Site
    from agent.store.accounts import AccountBook

    Command = TypeVar("Command", bound=Callable[..., Any])

ROLES = ("manager", "reviewer", "auditor", "admin")
"""The values of `agent.domain.account.PAGE_ROLES`, written out so that `--help` stays fast."""


def password_option(command: Command) -> Command:
    """Add `--password-file`."""
    return click.option(
        "--password-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Read the password from the first line of a file instead of asking for it.",
    )(command)


@click.command()
@click.argument("name")
@site_option
@click.option(
    "--role",
    type=click.Choice(ROLES),
    required=True,
    help="As what; decides which pages there are.",
)
@password_option
def add(name: str, site: Path, role: str, password_file: Path | None) -> None:
    """Make the account NAME; its password is asked for twice."""
    from agent.clock import SystemClock
    from agent.domain.access import Role
    from agent.domain.account import Account, User, is_name

    if not is_name(name):
        raise ConfigError(
            "an account's name is at most 32 of a-z, 0-9, '.', '_' and '-'",
            advice="Choose another name; a role or a number will do.",
        )
    place, book = open_book(site)
    if name in book.read():
        # Before anybody has thought of a password for it.
        raise ConfigError(
            "there is an account with this name",
            advice="`omokage users password` replaces its password.",
        )
    hashed = new_hash(name, password_file)
    now = SystemClock().now()
    record(place, "add", f"{name} as {role}")
    book.add(Account(User(name, Role(role)), hashed, created=now, changed=now))
    click.echo(f"{name} can sign in as {role}")


@click.command()
@click.argument("name")
@site_option
@password_option
def password(name: str, site: Path, password_file: Path | None) -> None:
    """Replace the password of NAME; its open sessions end."""
    from agent.clock import SystemClock

    place, book = known(site, name)
    hashed = new_hash(name, password_file)
    record(place, "password", name)
    book.change(name, SystemClock().now(), password=hashed)
    click.echo(f"{name} has a new password")


@click.command()
@click.argument("name")
@site_option
def disable(name: str, site: Path) -> None:
    """Let nobody sign in as NAME any more; its open sessions end. `enable` takes it back."""
    from agent.clock import SystemClock

    place, book = known(site, name)
    record(place, "disable", name)
    book.change(name, SystemClock().now(), disabled=True)
    click.echo(f"{name} is disabled")


@click.command()
@click.argument("name")
@site_option
def enable(name: str, site: Path) -> None:
    """Let NAME sign in again, with the password it had."""
    from agent.clock import SystemClock

    place, book = known(site, name)
    record(place, "enable", name)
    book.change(name, SystemClock().now(), disabled=False)
    click.echo(f"{name} is enabled")


@click.command()
@click.argument("name")
@site_option
def remove(name: str, site: Path) -> None:
    """Forget the account NAME. The access log keeps its entries; see `omokage audit erase`."""
    place, book = known(site, name)
    record(place, "remove", name)
    book.remove(name)
    click.echo(f"{name} is gone")


def open_book(site: Path) -> tuple[Site, AccountBook]:
    """Return a site that is there, and its accounts.

    Raises:
        ConfigError: the folder is no site.
    """
    from agent.cli.pause import existing_site
    from agent.config.site import Site
    from agent.store.accounts import AccountBook

    place = existing_site(Site(site))
    return place, AccountBook(place.accounts)


def known(site: Path, name: str) -> tuple[Site, AccountBook]:
    """Return a site and its accounts, in which this one is.

    Raises:
        ConfigError: the folder is no site, or the account isn't there: nothing is logged then.
    """
    place, book = open_book(site)
    if name not in book.read():
        raise ConfigError("there is no account with this name", advice="See `omokage users list`.")
    return place, book


def new_hash(name: str, file: Path | None) -> str:
    """Ask for a new password and return its hash.

    Raises:
        ConfigError: it is short, or what everybody would try first.
    """
    from agent.crypto.passphrase import judge
    from agent.store.passwords import LONGEST, hash_password

    if file is not None:
        typed = first_line(file)
    else:
        typed = str(
            click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
        )
    if len(typed) > LONGEST:
        raise ConfigError(f"the password is longer than {LONGEST} characters")
    try:
        judge(typed, names=(name,))
    except ConfigError as error:
        # Its own words are about the reviewer's passphrase.
        said = str(error).replace("passphrase", "password")
        raise ConfigError(said, advice=error.advice) from error
    return hash_password(unicodedata.normalize("NFKC", typed))


def first_line(file: Path) -> str:
    """Return a file's first line.

    Raises:
        ConfigError: it can't be read.
    """
    try:
        return file.read_text("utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read the password from {file.name}") from error


def record(site: Site, purpose: str, note: str) -> None:
    """Write a change into the access log, before it is done.

    Raises:
        StoreError: the log refuses; nothing was changed.
    """
    from agent.cli.who import operator
    from agent.clock import SystemClock
    from agent.domain.access import AccessEvent, Action, Role
    from agent.store.access_log import AccessLog

    event = AccessEvent(
        SystemClock().now(), operator(), Role.OPERATOR, Action.ACCOUNT_CHANGED, purpose, note=note
    )
    log = AccessLog(site.access_log)
    try:
        log.record(event)
    finally:
        log.close()
