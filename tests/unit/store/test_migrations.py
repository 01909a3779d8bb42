"""Databases of earlier releases come forward whole, or stay exactly as they were."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from agent.errors import MigrationFailed, SchemaTooNew, StoreError
from agent.store import migrations
from agent.store.database import writer_engine
from agent.store.migrations import migrate, newest
from agent.store.segments import SegmentReader, SegmentStore
from agent.store.tables import SCHEMA
from tests.sealing import BUCKET_START, DELETE_BY, NOW, old_bucket, opener, records, verifier

ROOT = Path(__file__).parents[3]
FIRST_RELEASE = """
CREATE TABLE meta (name VARCHAR NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (name));
CREATE TABLE buckets (
    id INTEGER NOT NULL, key_id BLOB NOT NULL, wrapped BLOB NOT NULL, epoch VARCHAR NOT NULL,
    schema_version INTEGER NOT NULL, device VARCHAR NOT NULL, zone VARCHAR NOT NULL,
    bucket_start INTEGER NOT NULL, bucket_seconds INTEGER NOT NULL, policy_digest BLOB NOT NULL,
    models JSON NOT NULL, delete_by INTEGER NOT NULL, PRIMARY KEY (id), UNIQUE (key_id)
);
CREATE INDEX buckets_by_deadline ON buckets (delete_by);
CREATE INDEX buckets_by_time ON buckets (bucket_start, zone);
CREATE TABLE segments (
    bucket INTEGER NOT NULL, sequence INTEGER NOT NULL, records INTEGER NOT NULL,
    ciphertext BLOB NOT NULL, previous BLOB NOT NULL, signature BLOB NOT NULL,
    PRIMARY KEY (bucket, sequence), FOREIGN KEY(bucket) REFERENCES buckets (id) ON DELETE CASCADE
);
INSERT INTO meta VALUES ('schema', 1);
"""
"""What the first release executed."""


def first_release(path: Path, count: int = 4):
    """Write a database as the first release did; return the bucket's key and segments."""
    writer = old_bucket()
    segments = [writer.seal(records(20, seed=i)) for i in range(count)]
    key, header = writer.sealed_key, segments[0].header
    start, end = int(BUCKET_START.timestamp()), int(DELETE_BY.timestamp())
    digest = bytes.fromhex(header.policy_digest)
    models = '["' + '", "'.join(header.models) + '"]'
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.executescript(FIRST_RELEASE)
        raw.execute(
            "INSERT INTO buckets VALUES (1, ?, ?, ?, 1, 'camera-1', 'door', ?, 3600, ?, ?, ?)",
            (key.key_id, key.wrapped, key.epoch, start, digest, models, end),
        )
        raw.executemany(
            "INSERT INTO segments VALUES (1, ?, ?, ?, ?, ?)",
            [(s.header.sequence, s.header.count, s.ciphertext, s.previous, s.signature)
             for s in segments],
        )  # fmt: skip
    return key, segments


def described(path: Path) -> dict[str, object]:
    """Return a database's tables, columns and indexes, whatever the words that made them."""
    with closing(sqlite3.connect(path)) as raw:
        names = "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
        kinds = raw.execute(names).fetchall()
        return {
            f"{kind} {name}": sorted(
                (column[1], column[2], column[3], column[5])
                for column in raw.execute(f"PRAGMA table_info({name})")
            )
            for kind, name in kinds
        }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database will lie."""
    return tmp_path / "segments.sqlite"


def test_the_first_releases_database_comes_forward(path: Path) -> None:
    """Its segments are there, unchanged, and still open."""
    key, segments = first_release(path)

    with SegmentStore(path) as store:
        (found,) = store.buckets()
        assert (found.key, found.segments) == (key, tuple(segments))
        assert len(opener().open_bucket(found.segments, key, verifier(), now=NOW)) == 80
        assert [h.rows for h in store.holdings()] == [80]
        assert store.holds.all() == []
        assert store.purge([key.key_id.hex()]).segments == 4


def test_a_migrated_database_is_like_a_new_one(path: Path, tmp_path: Path) -> None:
    """Both ways to the newest schema end at the same tables, columns and indexes."""
    first_release(path)
    SegmentStore(path).close()
    SegmentStore(tmp_path / "new.sqlite").close()

    assert described(path) == described(tmp_path / "new.sqlite")


def test_a_migrated_database_has_the_same_rules(path: Path, tmp_path: Path) -> None:
    """Its triggers refuse what a new one's refuse."""
    first_release(path)
    SegmentStore(path).close()
    SegmentStore(tmp_path / "new.sqlite").close()

    assert rules(path) == rules(tmp_path / "new.sqlite")
    assert len(rules(path)) == 5


def rules(path: Path) -> dict[str, str]:
    """Return a database's triggers by name."""
    with closing(sqlite3.connect(path)) as raw:
        return dict(raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))


def test_the_newest_step_is_the_schema_of_today() -> None:
    """Whoever changes the tables has written the step that leads there."""
    assert newest("segments") == SCHEMA


def test_migrating_again_does_nothing(path: Path) -> None:
    """A current database is left alone."""
    first_release(path)
    SegmentStore(path).close()
    before = described(path)

    engine = writer_engine(path)
    assert migrate(engine, "segments") == SCHEMA
    engine.dispose()
    assert described(path) == before


@pytest.mark.parametrize("database", ["segments", "aggregates", "access_log", "reviews"])
def test_a_newer_schema_is_refused_and_untouched(tmp_path: Path, database: str) -> None:
    """A database of a later Omokage isn't changed by a byte."""
    path = tmp_path / "later.sqlite"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE meta (name TEXT, number INTEGER)")
        raw.execute("INSERT INTO meta VALUES ('schema', 99)")
        raw.commit()
    before = path.read_bytes()
    engine = create_engine(f"sqlite:///{path}")

    with pytest.raises(SchemaTooNew) as caught:
        migrate(engine, database)
    engine.dispose()
    assert "Upgrade" in caught.value.advice
    assert path.read_bytes() == before


@pytest.mark.parametrize("statement", ["CREATE TABLE x (y)", "CREATE TABLE meta (name, number)"])
def test_a_database_without_a_number_is_refused(tmp_path: Path, statement: str) -> None:
    """Something else's database isn't brought anywhere."""
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(statement)
    before = path.read_bytes()
    engine = create_engine(f"sqlite:///{path}")

    with pytest.raises(StoreError, match="isn't Omokage's"):
        migrate(engine, "segments")
    engine.dispose()
    assert path.read_bytes() == before


@pytest.fixture
def steps(tmp_path: Path, monkeypatch) -> Path:
    """Return a folder with steps of its own, two of them, for a database "sample"."""
    folder = tmp_path / "steps"
    (folder / "sample").mkdir(parents=True)
    for number, before, work in (
        ("0001", None, "pass"),
        ("0002", "0001", "op.execute('CREATE TABLE two (x)')"),
        ("0003", "0002", "op.execute('INSERT INTO two VALUES (3)')"),
    ):
        (folder / "sample" / f"v{number}_step.py").write_text(
            f"from alembic import op\nrevision = {number!r}\ndown_revision = {before!r}\n"
            f"def upgrade():\n    {work}\n"
        )
    monkeypatch.setattr(migrations, "_FOLDER", folder)
    return folder / "sample"


def numbered(path: Path, number: int) -> None:
    """Write a database that keeps its number in SQLite's header."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE one (x)")
        raw.execute(f"PRAGMA user_version={number}")


def test_several_steps_are_one_transaction_with_their_number(tmp_path, steps) -> None:
    """With the driver's own transactions too, all steps and the number come together."""
    path = tmp_path / "sample.sqlite"
    numbered(path, 1)
    engine = create_engine(f"sqlite:///{path}")

    assert migrate(engine, "sample") == 1
    engine.dispose()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (3,)
        assert raw.execute("SELECT x FROM two").fetchall() == [(3,)]


def test_a_failing_step_undoes_the_ones_before_it(tmp_path, steps) -> None:
    """The last step's error leaves the first schema, not the second."""
    path = tmp_path / "sample.sqlite"
    numbered(path, 1)
    (steps / "v0003_step.py").write_text(
        "from alembic import op\nrevision = '0003'\ndown_revision = '0002'\n"
        "def upgrade():\n    op.execute('INSERT INTO nowhere VALUES (1)')\n"
    )
    engine = create_engine(f"sqlite:///{path}")

    with pytest.raises(StoreError):
        migrate(engine, "sample")
    engine.dispose()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("one",)]


def test_a_missing_step_is_refused(tmp_path, steps) -> None:
    """Where no way leads forward, nothing is guessed."""
    path = tmp_path / "sample.sqlite"
    numbered(path, 1)
    (steps / "v0002_step.py").unlink()
    engine = create_engine(f"sqlite:///{path}")

    with (
        pytest.warns(UserWarning, match="not present"),
        pytest.raises(MigrationFailed, match="no way"),
    ):
        migrate(engine, "sample")
    engine.dispose()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)


KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from agent.store.database import writer_engine
from agent.store.migrations import migrate

engine, left = writer_engine(Path(sys.argv[1])), int(sys.argv[2])

@event.listens_for(engine, "after_cursor_execute")
def _count(conn, cursor, statement, parameters, context, executemany):
    global left
    if not statement.startswith(("PRAGMA", "SELECT")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

migrate(engine, "segments")
print("done")
"""


def test_a_killed_migration_leaves_the_old_schema(path: Path, tmp_path: Path) -> None:
    """Killed after any of its statements, the database is the first release's, and migrates."""
    first_release(path)
    statement = killed = 0
    while True:
        statement += 1
        copy = tmp_path / f"killed-{statement}.sqlite"
        shutil.copy(path, copy)
        before = described(copy)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(copy), str(statement)],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        if done.returncode == 0:
            break
        killed += 1
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert described(copy) == before
    with SegmentStore(tmp_path / "killed-2.sqlite") as store:
        assert store.count() == 4

    assert killed >= 7  # three columns, three tables, two rows of meta


def test_a_reader_waits_for_the_agent(path: Path) -> None:
    """An old database isn't migrated by somebody who may only read."""
    first_release(path)

    with pytest.raises(StoreError, match="older") as caught:
        SegmentReader(path)
    assert "Start the agent" in caught.value.advice


def test_alembic_is_loaded_only_when_it_is_needed(path: Path) -> None:
    """An agent with current databases starts without it."""
    program = """
import sys
from pathlib import Path
from agent.store.segments import SegmentStore
SegmentStore(Path(sys.argv[1])).close()
SegmentStore(Path(sys.argv[1])).close()
print("alembic" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip

    assert done.stdout.strip() == "False"


def test_the_steps_are_installed_with_the_package() -> None:
    """Each database has its steps in a package folder, so that a wheel carries them."""
    for database in ("segments", "aggregates", "access_log", "reviews"):
        folder = Path(migrations.__file__).parent / database
        assert (folder / "__init__.py").exists()
        assert newest(database) >= 1
