"""How long does it take to verify an access log of a million entries?

    python -m tests.benchmarks.bench_audit [ENTRIES]

Writes a log (in bulk, not as the program does), signs 30 checkpoints over it, verifies it once, and
compares that with what the machine needs for the hashing alone: plain SHA-256 over the same bytes
in one piece, and one SHA-256 call for each hash that a verification makes. Seconds are of the
processor's time, so other programs don't count.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from agent.audit.checkpoint import Checkpoint, origin_of, sign_checkpoint
from agent.audit.merkle import Tree
from agent.checkpoints import verify_log
from agent.domain.access_entry import first_link, write_entry
from agent.store.access_log import AccessLog, AccessReader
from agent.store.access_reader import StoredCheckpoint
from tests.logs import SIGNER, VERIFY_KEY, event

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKPOINTS = 30


def fill(path: Path, entries: int) -> int:
    """Write a log; return how many bytes its bodies and names have."""
    log = AccessLog(path)
    log_id = AccessReader(path).log_id() or b""
    tree, previous, size = Tree(), first_link(log_id), 0
    signed: list[StoredCheckpoint] = []

    def rows() -> Iterator[tuple[object, ...]]:
        nonlocal previous, size
        for number in range(1, entries + 1):
            made = event(number / 60, f"reviewer-{number % 7}", objects=(f"door/{number}",))
            row = write_entry(
                made, number, previous, actor_salt=os.urandom(32), note_salt=os.urandom(32)
            )
            previous = row.hash
            tree.add(row.hash)
            size += len(row.body) + len(row.actor or b"") + 32
            if number % (entries // CHECKPOINTS) == 0:
                told = Checkpoint(origin_of(log_id), number, tree.root())
                signed.append(StoredCheckpoint(number, made.at, sign_checkpoint(told, SIGNER)))
            yield (number, row.body.decode(), row.hash, (row.actor or b"").decode(), row.actor_salt)

    columns = "number, body, hash, actor, actor_salt"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER entry_follows")
        statement = f"INSERT INTO entry ({columns}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608
        connection.executemany(statement, rows())
    for checkpoint in signed:
        log.add_checkpoint(checkpoint)
    return size


def hashing(path: Path) -> tuple[float, float]:
    """Return seconds for SHA-256 over all bytes at once, and in as many calls as a check makes."""
    with closing(sqlite3.connect(path)) as connection:
        bodies = [row[0].encode() for row in connection.execute("SELECT body FROM entry")]
    whole = b"".join(bodies)
    begin = time.process_time()
    sha256(whole).digest()
    one_piece = time.process_time() - begin
    pair = bytes(65)
    begin = time.process_time()
    for body in bodies:
        sha256(body).digest()  # the entry
        sha256(pair).digest()  # the tree
        sha256(pair).digest()  # the name's commitment
    return one_piece, time.process_time() - begin


def main() -> None:
    """Measure and print."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "access.sqlite"
        size = fill(path, entries)
        begin = time.process_time()
        verdict = verify_log(path, (VERIFY_KEY,))
        took = time.process_time() - begin
        assert verdict.sound
        assert (entries, CHECKPOINTS) == (verdict.entries, verdict.checkpoints)
        one_piece, calls = hashing(path)
        on_disk = path.stat().st_size
    print(f"{entries} entries, {size / 1e6:.0f} MB hashed, {on_disk / 1e6:.0f} MB on disk")
    print(f"verify: {took:.1f} s, {entries / took:,.0f} entries a second")
    print(
        f"SHA-256 over the same bytes, one piece: {one_piece:.2f} s, ratio {took / one_piece:.1f}"
    )
    print(f"the same hashes in single calls: {calls:.2f} s, ratio {took / calls:.1f}")


if __name__ == "__main__":
    main()
