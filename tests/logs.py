"""A small access log, its keys, and the forger who may write all its files; for tests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.checkpoints import Device
from agent.domain.access import AccessEvent, Action, Role
from agent.domain.access_entry import entry_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START = datetime(2026, 11, 25, 9, tzinfo=UTC)
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VERIFY_KEY = SIGNER.public_key().public_bytes_raw()
DEVICE = Device(SIGNER, (VERIFY_KEY,))
OTHER_SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
OTHER_KEY = OTHER_SIGNER.public_key().public_bytes_raw()
OTHER_DEVICE = Device(OTHER_SIGNER, (OTHER_KEY,))


def event(hours: float = 0.0, actor: str = "mori", **fields: Any) -> AccessEvent:
    """Return something that a reviewer did, so many hours after the start."""
    known: dict[str, Any] = {
        "role": Role.REVIEWER,
        "action": Action.UNLOCKED,
        "purpose": "complaint 12",
        "objects": ("door/2026-11-25T09",),
    }
    return AccessEvent(START + timedelta(hours=hours), actor, **(known | fields))


class Forger:
    """Somebody who may write the database, and knows how the chain is made."""

    def __init__(self, path: Path) -> None:
        """Take the triggers off first."""
        self.path = path
        names = self.run("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names:
            self.run(f"DROP TRIGGER {name}")

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and commit it."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def body(self, number: int) -> str:
        """Return an entry's body."""
        return str(self.run("SELECT body FROM entry WHERE number = ?", (number,))[0][0])

    def rechain(self, number: int) -> None:
        """Make all entries from a number on follow each other again, as their writer would."""
        rows = self.run("SELECT number, body, hash FROM entry WHERE number >= ?", (number - 1,))
        previous = None
        for n, body, stored in sorted(rows):
            previous = stored if n < number else self._rewrite(n, body, previous)

    def _rewrite(self, number: int, body: str, previous: bytes | None) -> bytes:
        start = body.index('"prev":"') + 8
        if previous is not None:
            body = body[:start] + previous.hex() + body[start + 64 :]
        head, _, rest = body.partition('"n":')
        body = f'{head}"n":{number}{rest[rest.index(",") :]}'
        link = entry_hash(body.encode())
        self.run("UPDATE entry SET body = ?, hash = ? WHERE number = ?", (body, link, number))
        return link
