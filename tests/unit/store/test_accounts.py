"""Accounts on disk: what comes back, and what is refused."""

from __future__ import annotations

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from agent.domain.access import Role
from agent.domain.account import LONGEST_NAME, PAGE_ROLES, Account, User, is_name
from agent.errors import ConfigError, SchemaTooNew, StoreError
from agent.store.accounts import FILE, LOCK, AccountBook
from agent.store.claim import Claim
from agent.store.passwords import CHEAPEST, LONGEST, USUAL, fits, hash_password, is_hash

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HASH = hash_password("river stone lantern", CHEAPEST)


def account(name: str = "hana", role: Role = Role.MANAGER) -> Account:
    """Return an account."""
    return Account(User(name, role), HASH, NOW, NOW)


@pytest.fixture
def book(tmp_path: Path) -> AccountBook:
    """Return a book whose file doesn't exist yet."""
    return AccountBook(tmp_path / "state" / FILE)


def path(tmp_path: Path) -> Path:
    """Return the book's file."""
    return tmp_path / "state" / FILE


def test_what_is_added_comes_back(book: AccountBook) -> None:
    """Name, role, hash, times and state survive."""
    book.add(account())
    book.add(account("ren", Role.REVIEWER))

    assert {"hana": account(), "ren": account("ren", Role.REVIEWER)} == book.read()


def test_accounts_change_while_an_agent_runs(book: AccountBook, tmp_path: Path) -> None:
    """The agent holds the state folder while it runs; that keeps no account from being made."""
    folder = tmp_path / "state"
    folder.mkdir()
    claim = Claim(folder)
    try:
        writer = threading.Thread(target=book.add, args=(account(),), daemon=True)
        writer.start()
        writer.join(timeout=10)
        done = not writer.is_alive()
    finally:
        claim.release()

    assert done


def test_no_file_means_no_accounts(book: AccountBook) -> None:
    """Before the first account nobody can sign in, and that is no error."""
    assert book.read() == {}
    assert not book.exists()


def test_removing_the_last_account_is_not_the_same_as_none_ever(book: AccountBook) -> None:
    """A site that once had accounts doesn't become a demo again."""
    book.add(account())
    book.remove("hana")

    assert book.read() == {}
    assert book.exists()


def test_a_taken_name_is_refused(book: AccountBook) -> None:
    """Adding never replaces somebody's password."""
    book.add(account())

    with pytest.raises(ConfigError, match="this name"):
        book.add(account(role=Role.ADMIN))
    assert book.read()["hana"].user.role is Role.MANAGER


@pytest.mark.parametrize("change", ["remove", "disable"])
def test_an_unknown_account_is_not_changed(book: AccountBook, change: str) -> None:
    """Changing nobody is refused."""
    with pytest.raises(ConfigError, match="no account"):
        book.remove("hana") if change == "remove" else book.change("hana", NOW, disabled=True)


def test_a_change_touches_only_what_it_names(book: AccountBook) -> None:
    """Disabling keeps the password, a new password keeps the state."""
    later = NOW + timedelta(days=1)
    other = hash_password("another lantern", CHEAPEST)
    book.add(account())
    book.change("hana", later, disabled=True)
    book.change("hana", later, password=other)
    found = book.read()["hana"]

    assert found == Account(account().user, other, NOW, later, disabled=True)


def test_the_stamp_follows_role_and_password() -> None:
    """Open sessions end when either changes, and not when the account is merely read again."""
    mine = account()

    assert mine.stamp == account().stamp
    assert mine.stamp != account(role=Role.ADMIN).stamp
    assert mine.stamp != Account(mine.user, hash_password("x", CHEAPEST), NOW, NOW).stamp


def test_the_file_is_for_its_owner_only(book: AccountBook, tmp_path: Path) -> None:
    """In a private folder nobody else may read the hashes."""
    book.add(account())

    assert stat.S_IMODE(path(tmp_path).stat().st_mode) == 0o600
    beside = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path(tmp_path).parent.iterdir()}
    assert beside == {FILE: 0o600, LOCK: 0o600}


def test_a_groups_folder_lets_the_group_read(book: AccountBook, tmp_path: Path) -> None:
    """Where the folder is a group's, its members may read; nobody may write but the owner."""
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o775)
    book.add(account())

    assert stat.S_IMODE(path(tmp_path).stat().st_mode) == 0o640


def test_nothing_printed_holds_a_hash() -> None:
    """An account in a message or a log shows no hash."""
    assert "argon2" not in repr(account())


DAMAGES = {
    "no JSON": lambda table: "{",
    "a list": lambda table: "[]",
    "not UTF-8": lambda table: "\udcff",
    "another key": lambda table: json.dumps(table | {"more": 1}),
    "no version": lambda table: json.dumps({"accounts": table["accounts"]}),
    "a text as version": lambda table: json.dumps(table | {"version": "1"}),
    "a program's role": lambda table: _with(table, role="agent"),
    "an unknown role": lambda table: _with(table, role="owner"),
    "another hash": lambda table: _with(table, password="$2b$12$" + "a" * 53),
    "an empty hash": lambda table: _with(table, password=""),
    "a hash that costs too much": lambda table: _with(
        table, password=HASH.replace("m=8", "m=9999999")
    ),
    "no state": lambda table: _with(table, disabled=None),
    "a naive time": lambda table: _with(table, created="2026-11-24T09:00:00"),
    "deep": lambda table: "[" * 100_000,
    "too large": lambda table: json.dumps(table) + " " * (2 << 20),
}


def _with(table: dict[str, object], **values: object) -> str:
    accounts = table["accounts"]
    assert isinstance(accounts, dict)
    row = {**accounts["hana"], **values}
    return json.dumps({"version": 1, "accounts": {"hana": row}})


@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_a_damaged_file_lets_nobody_in(book: AccountBook, tmp_path: Path, damage: str) -> None:
    """What can't be understood is refused as a whole, and not written over."""
    book.add(account())
    table = json.loads(path(tmp_path).read_text("utf-8"))
    broken = DAMAGES[damage](table).encode("utf-8", "surrogateescape")
    path(tmp_path).write_bytes(broken)

    with pytest.raises(StoreError):
        book.read()
    with pytest.raises(StoreError):
        book.add(account("ren"))
    assert path(tmp_path).read_bytes() == broken


def test_a_newer_file_asks_for_an_upgrade(book: AccountBook, tmp_path: Path) -> None:
    """A later version is left as it is."""
    path(tmp_path).parent.mkdir()
    path(tmp_path).write_text('{"version": 2, "accounts": {}, "more": 1}', "utf-8")

    with pytest.raises(SchemaTooNew):
        book.read()


def test_changes_side_by_side_lose_nothing(book: AccountBook) -> None:
    """Ten writers at once leave ten accounts."""
    names = [f"person{number}" for number in range(10)]
    threads = [threading.Thread(target=book.add, args=(account(name),)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(book.read()) == names


@pytest.mark.parametrize(
    "name", ["", "Hana", "はな", "a b", "../x", "-a", ".a", "a" * (LONGEST_NAME + 1), "a\n", "a@b"]
)
def test_a_name_that_could_mislead_is_no_name(name: str) -> None:
    """Names are short, lower-case and ASCII, so that two can't look the same."""
    assert not is_name(name)


@pytest.mark.parametrize("name", ["hana", "h", "hana.s-2", "0_a"])
def test_usual_names_are_names(name: str) -> None:
    """What people would choose works."""
    assert is_name(name)


def test_only_people_have_page_roles() -> None:
    """A program or a visitor can't have an account."""
    assert set(PAGE_ROLES) == set(Role) - {Role.AGENT, Role.OPERATOR, Role.VISITOR}


def test_a_password_fits_its_hash_alone() -> None:
    """The same password fits, whatever keyboard it came from; any other doesn't."""
    wide = hash_password("ﾗﾝﾀﾝ stone river", CHEAPEST)

    assert fits("river stone lantern", HASH)
    assert fits("ランタン stone river", wide)
    assert not fits("river stone lanterm", HASH)
    assert not fits("", HASH)


def test_two_hashes_of_a_password_differ() -> None:
    """Each has a salt of its own."""
    assert HASH != hash_password("river stone lantern", CHEAPEST)


def test_the_usual_cost_is_rfc_9106s() -> None:
    """64 MiB, three passes, four lanes; the cost stands in the hash."""
    found = hash_password("x" * 12)

    assert found.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert (USUAL.memory_kib, USUAL.iterations, USUAL.lanes) == (65536, 3, 4)
    assert is_hash(found)


def test_an_endless_password_is_not_hashed() -> None:
    """Its length is bounded before any work is done."""
    assert not fits("x" * (LONGEST + 1), HASH)
    with pytest.raises(ValueError, match="too long"):
        hash_password("x" * (LONGEST + 1), CHEAPEST)
