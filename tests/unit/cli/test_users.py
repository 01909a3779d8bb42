"""`omokage users`: what each command does, refuses, and leaves in the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from agent.cli.main import main
from agent.config.site import Site
from agent.domain.account import PAGE_ROLES
from agent.store.access_log import AccessReader
from agent.store.accounts import AccountBook
from agent.store.passwords import fits
from tests.browser import seed

if TYPE_CHECKING:
    from click.testing import Result

PASSWORD = "river stone lantern"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site without accounts."""
    (tmp_path / "policy.toml").write_bytes(seed.DEMO.read_bytes())
    return Site(tmp_path)


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """Return a file with a password in its first line."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\nnot this\n", "utf-8")
    return str(file)


def users(site: Site, *arguments: str, typed: str | None = None) -> Result:
    """Run one command on a site."""
    return CliRunner().invoke(main, ["users", *arguments, "--site", str(site.root)], input=typed)


def logged(site: Site) -> list[tuple[str, str]]:
    """Return purpose and note of each entry, oldest first."""
    if not site.access_log.exists():
        return []
    events = [entry.event for entry in AccessReader(site.access_log).entries()]
    return [(event.purpose, event.note) for event in reversed(events)]


def test_an_account_is_made_and_written_down(site: Site, secret: str) -> None:
    """The password fits, the log knows who was added, and the name can be erased from it."""
    result = users(site, "add", "hana", "--role", "manager", "--password-file", secret)
    found = AccountBook(site.accounts).read()["hana"]

    assert result.exit_code == 0, result.output
    assert found.user.role == "manager"
    assert fits(PASSWORD, found.password)
    assert [("add", "hana as manager")] == logged(site)
    assert b"hana" not in b"".join(_bodies(site))


def _bodies(site: Site) -> list[bytes]:
    return [bytes(str(row[1]), "utf-8") for row in AccessReader(site.access_log).rows()]


def test_a_password_is_asked_for_twice_and_not_shown(site: Site) -> None:
    """What is typed doesn't appear."""
    result = users(site, "add", "hana", "--role", "admin", typed=f"{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    assert "Repeat" in result.output


@pytest.mark.parametrize(
    "password", ["tiny pw", "1234567890123", "omokage omokage", "hana hana hana"]
)
def test_a_careless_password_is_refused(site: Site, tmp_path: Path, password: str) -> None:
    """Nothing is made and nothing is logged; the password isn't repeated."""
    file = tmp_path / "careless"
    file.write_text(password, "utf-8")
    result = users(site, "add", "hana", "--role", "admin", "--password-file", str(file))

    assert result.exit_code == 2
    assert password not in result.output
    assert "passphrase" not in result.output
    assert AccountBook(site.accounts).read() == {}
    assert logged(site) == []


@pytest.mark.parametrize("name", ["Hana", "花", "a b", "../../x", "x" * 33])
def test_a_name_that_is_none_is_refused(site: Site, secret: str, name: str) -> None:
    """Before anything is asked or logged."""
    result = users(site, "add", name, "--role", "admin", "--password-file", secret)

    assert result.exit_code == 2
    assert logged(site) == []


@pytest.mark.parametrize("role", ["agent", "operator", "visitor", "owner"])
def test_a_role_that_no_person_has_is_refused(site: Site, secret: str, role: str) -> None:
    """Only the four roles of the pages."""
    assert users(site, "add", "a", "--role", role, "--password-file", secret).exit_code == 2


def test_the_roles_are_those_of_the_pages() -> None:
    """The command line's list is the domain's."""
    from agent.cli.users.change import ROLES

    assert [role.value for role in PAGE_ROLES] == list(ROLES)


def test_a_name_is_taken_once(site: Site, secret: str) -> None:
    """The second try changes nothing."""
    for _ in range(2):
        result = users(site, "add", "hana", "--role", "admin", "--password-file", secret)

    assert result.exit_code == 2
    assert len(logged(site)) == 1


def test_disabling_and_enabling(site: Site, secret: str) -> None:
    """The state changes, the password stays, and the log has each step."""
    users(site, "add", "hana", "--role", "admin", "--password-file", secret)
    users(site, "disable", "hana")
    assert AccountBook(site.accounts).read()["hana"].disabled
    assert "disabled" in users(site, "list").output
    users(site, "enable", "hana")
    found = AccountBook(site.accounts).read()["hana"]

    assert not found.disabled
    assert fits(PASSWORD, found.password)
    assert [purpose for purpose, _ in logged(site)] == ["add", "disable", "enable"]


def test_a_new_password_replaces_the_old_one(site: Site, secret: str, tmp_path: Path) -> None:
    """Only the new one fits, and the stamp that open sessions hold no longer does."""
    users(site, "add", "hana", "--role", "admin", "--password-file", secret)
    before = AccountBook(site.accounts).read()["hana"]
    file = tmp_path / "new"
    file.write_text("quiet harbour morning", "utf-8")
    users(site, "password", "hana", "--password-file", str(file))
    after = AccountBook(site.accounts).read()["hana"]

    assert fits("quiet harbour morning", after.password)
    assert not fits(PASSWORD, after.password)
    assert before.stamp != after.stamp


def test_a_removed_account_is_gone(site: Site, secret: str) -> None:
    """Its name leaves the file."""
    users(site, "add", "hana", "--role", "admin", "--password-file", secret)
    users(site, "remove", "hana")

    assert "hana" not in site.accounts.read_text("utf-8")
    assert logged(site)[-1] == ("remove", "hana")


@pytest.mark.parametrize("command", ["disable", "enable", "password", "remove"])
def test_an_unknown_account_is_refused(site: Site, command: str) -> None:
    """Without an entry in the log, and before a password is asked for."""
    result = users(site, command, "nobody")

    assert result.exit_code == 2
    assert "no account" in result.output
    assert logged(site) == []


@pytest.mark.parametrize("command", ["disable", "enable", "remove"])
def test_what_can_not_be_logged_is_not_done(site: Site, secret: str, command: str) -> None:
    """With a log that isn't one, the accounts stay as they are."""
    users(site, "add", "hana", "--role", "admin", "--password-file", secret)
    before = site.accounts.read_bytes()
    site.access_log.write_bytes(b"no database" * 1000)
    result = users(site, command, "hana")

    assert result.exit_code == 7
    assert site.accounts.read_bytes() == before


def test_a_folder_that_is_no_site_gets_no_accounts(tmp_path: Path, secret: str) -> None:
    """A misspelt folder isn't filled."""
    empty = tmp_path / "empty"
    empty.mkdir()
    result = users(Site(empty), "add", "a", "--role", "admin", "--password-file", secret)

    assert result.exit_code == 2
    assert list(empty.iterdir()) == []


def test_the_list_shows_no_hash(site: Site, secret: str) -> None:
    """Neither as a table nor as JSON; an empty one says what to do."""
    assert "omokage users add" in users(site, "list").output
    users(site, "add", "hana", "--role", "reviewer", "--password-file", secret)
    table, rows = users(site, "list").output, json.loads(users(site, "list", "--json").output)

    assert "hana" in table
    assert "argon2" not in table
    assert [{"name", "role", "state", "changed"}] == [set(row) for row in rows]
