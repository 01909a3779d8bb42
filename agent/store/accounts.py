"""Accounts on disk: one small file, `state/accounts.json`, written whole or not at all.

A file and not a database: there are a dozen accounts, the pages only read them, and whoever audits
a site can read them too. It holds names, roles and password hashes. A file that can't be understood
lets nobody in.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.domain.access import Role
from agent.domain.account import PAGE_ROLES, Account, User, is_name
from agent.errors import NOT_AS_WRITTEN, ConfigError, SchemaTooNew, StoreError
from agent.store.passwords import is_hash

FILE = "accounts.json"
LOCK = ".accounts.lock"
VERSION = 1
MOST = 200
_LARGEST = 1 << 20
"""Bytes; a larger file isn't one of ours."""
_KEYS = {"role", "password", "created", "changed", "disabled"}
_ADVICE = "Bring the file back from a copy, or move it away and add the accounts anew."


class AccountBook:
    """The accounts of one site."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened yet."""
        self._path = path

    def read(self) -> Mapping[str, Account]:
        """Return all accounts by name; none where there is no file.

        Raises:
            SchemaTooNew: a newer Omokage wrote it.
            StoreError: it can't be read or understood.
        """
        try:
            with self._path.open("rb") as file:
                raw = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"can't read {self._path.name}: {error.strerror}") from error
        try:
            return _parse(raw)
        except NOT_AS_WRITTEN as error:
            raise StoreError(f"{self._path.name} is damaged", advice=_ADVICE) from error

    def exists(self) -> bool:
        """Say whether the site has ever had accounts."""
        return self._path.exists()

    def add(self, account: Account) -> None:
        """Add an account.

        Raises:
            ConfigError: the name is taken, or there are too many.
            StoreError: as `read`, or the disk refuses.
        """
        with self._changing() as accounts:
            if account.user.name in accounts:
                raise ConfigError(
                    "there is an account with this name",
                    advice="See `omokage users list`; `omokage users password` replaces its "
                    "password.",
                )
            if len(accounts) >= MOST:
                raise ConfigError(f"a site has at most {MOST} accounts")
            accounts[account.user.name] = account

    def change(
        self,
        name: str,
        now: datetime,
        *,
        disabled: bool | None = None,
        password: str | None = None,
    ) -> None:
        """Change an account; what is None stays.

        Args:
            name: of the account.
            now: aware UTC.
            disabled: whether nobody can sign in with it.
            password: hash of the new password.

        Raises:
            ConfigError: there is no such account.
            StoreError: as `add`.
        """
        with self._changing() as accounts:
            old = _known(accounts, name)
            accounts[name] = replace(
                old,
                changed=now,
                disabled=old.disabled if disabled is None else disabled,
                password=old.password if password is None else password,
            )

    def remove(self, name: str) -> None:
        """Forget an account. Raises as `change`."""
        with self._changing() as accounts:
            _known(accounts, name)
            del accounts[name]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        """Hand out the accounts and write them back, while nobody else does."""
        folder = self._path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            # A file of its own: the folder's lock is the running agent's, for as long as it runs.
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreError(f"can't open the folder {folder.name}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            accounts = dict(self.read())
            yield accounts
            self._write(accounts)
            os.fsync(handle)
        finally:
            os.close(lock)
            os.close(handle)

    def _write(self, accounts: Mapping[str, Account]) -> None:
        table = {name: _row(accounts[name]) for name in sorted(accounts)}
        text = json.dumps({"version": VERSION, "accounts": table}, indent=2) + "\n"
        folder = self._path.parent
        try:
            # As many may read it as may read its folder, but never everybody.
            mode = 0o600 | folder.stat().st_mode & 0o040
            handle, made = tempfile.mkstemp(dir=folder, prefix=f".{FILE}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fchmod(file.fileno(), mode)
                    os.fsync(file.fileno())
                Path(made).replace(self._path)
            except BaseException:
                Path(made).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreError(f"can't write {self._path.name}: {error.strerror}") from error


def _known(accounts: Mapping[str, Account], name: str) -> Account:
    if name not in accounts:
        raise ConfigError("there is no account with this name", advice="See `omokage users list`.")
    return accounts[name]


def _parse(raw: bytes) -> dict[str, Account]:
    table = json.loads(raw.decode())
    if len(raw) > _LARGEST or not isinstance(table, dict):
        raise ValueError("not a file of accounts")
    if isinstance(table["version"], int) and table["version"] > VERSION:
        raise SchemaTooNew(f"a newer Omokage wrote {FILE}")
    if table["version"] != VERSION or set(table) != {"version", "accounts"}:
        raise ValueError("not a file of accounts")
    return {name: _account(name, row) for name, row in table["accounts"].items()}


def _account(name: str, row: Mapping[str, Any]) -> Account:
    role = Role(row["role"])
    fine = (
        set(row) == _KEYS
        and is_name(name)
        and role in PAGE_ROLES
        and is_hash(row["password"])
        and isinstance(row["disabled"], bool)
    )
    if not fine:
        raise ValueError("not an account")
    return Account(
        User(name, role),
        row["password"],
        created=_instant(row["created"]),
        changed=_instant(row["changed"]),
        disabled=row["disabled"],
    )


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return instant.astimezone(UTC)


def _row(account: Account) -> dict[str, object]:
    return {
        "role": account.user.role.value,
        "password": account.password,
        "created": account.created.isoformat(),
        "changed": account.changed.isoformat(),
        "disabled": account.disabled,
    }
