"""Everything that reads a file which somebody else may have written, one function each.

A target takes the file's bytes. It may return, or refuse as its own documentation says: with an
`AgentError` that has a sentence and advice, or, below the floor that speaks to operators, with a
`ValueError`. Anything else is a finding.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import bias_check
from agent.audit.checkpoint import Checkpoint, find_checkpoints, parse_checkpoint, sign_checkpoint
from agent.audit.note import Verifier, parse_note, parse_verifier
from agent.cli.main import main
from agent.config.calibration_file import read_steps
from agent.config.markers import parse_markers
from agent.config.pause_file import read_pause
from agent.config.policy_file import parse_policy
from agent.config.profiles import parse_profile
from agent.crypto.codec import decode, encode
from agent.crypto.create import write_keys
from agent.crypto.keys import load_signer, parse_public
from agent.crypto.vault import load_vault
from agent.domain.record import to_batch
from agent.inference.card import parse_card
from agent.memory import recall
from agent.metrics import render
from agent.privacy.register import parse_register
from agent.proof.certificate import read_certificate
from agent.store.accounts import AccountBook
from agent.store.aggregates import AggregateReader
from agent.store.central_address import parse as parse_address
from agent.store.identity import check_identity, known_identity
from agent.store.passwords import CHEAPEST, hash_password
from agent.store.segments import SegmentReader, SegmentStore
from agent.sync.state import read_state
from tests.fuzz.handed import HANDED
from tests.fuzz.sets import SETS
from tests.fuzz.target import Target, at_path, files, folder, texts
from tests.sealing import NOW, closed_bucket, keyset, opener, records, verifier


@cache
def key_files() -> dict[str, bytes]:
    """Return a site's three key files."""
    from agent.config.site import Site

    site = Site(folder() / "keys")
    write_keys(site, keyset())
    return {
        "public": site.public_keys.read_bytes(),
        "device": site.device_key.read_bytes(),
        "vault": site.vault.read_bytes(),
    }


def checkpoints() -> Sequence[bytes]:
    """Return one signed checkpoint, two in a mail, and one typed from paper."""
    signer = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    note = sign_checkpoint(Checkpoint("omokage/" + "ab" * 16, 12, bytes(32)), signer)
    typed = note.split("\n\n", maxsplit=1)[0] + "\n"
    return [note.encode(), f"Dear all,\n\n{note}\nand\n{note}\n".encode(), typed.encode()]


def read_register(content: bytes) -> object:
    """Read a register as the service does."""
    return parse_register(content.decode(), now=date(2026, 11, 27))


def read_payload(content: bytes) -> object:
    """Decode a segment's payload that claims 20 records."""
    return decode([content], [20])


@cache
def database() -> bytes:
    """Return a database of records with one closed bucket."""
    path = folder() / "seed.sqlite"
    key, segments = closed_bucket()
    with SegmentStore(path) as store:
        store.close_bucket(key, segments)
    with contextlib.closing(sqlite3.connect(path)) as link:
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        link.execute("PRAGMA journal_mode=DELETE")
    return path.read_bytes()


def read_database(path: Path) -> object:
    """Open a database of records and everything in it."""
    who = opener()
    with SegmentReader(path) as reader:
        return [
            who.open_bucket(bucket.segments, bucket.key, verifier(), now=NOW)
            for bucket in reader.buckets()
        ]


COLUMNS = (
    ("segments", "ciphertext"), ("segments", "previous"), ("segments", "signature"),
    ("segments", "sequence"), ("segments", "records"), ("segments", "closing_records"),
    ("segments", "closing_last"), ("buckets", "wrapped"), ("buckets", "epoch"),
    ("buckets", "device"), ("buckets", "zone"), ("buckets", "bucket_start"),
    ("buckets", "bucket_seconds"), ("buckets", "policy_digest"), ("buckets", "models"),
    ("buckets", "delete_by"), ("buckets", "key_id"), ("buckets", "schema_version"),
    ("buckets", "lowered"), ("chains", "link"), ("chains", "zone"),
)  # fmt: skip


def read_row(content: bytes) -> object:
    """Put a value into one column of a sound database, as whoever may write the file could."""
    table, column = COLUMNS[content[0] % len(COLUMNS)] if content else COLUMNS[0]
    value: object = content[2:]
    match content[1] % 4 if len(content) > 1 else 0:
        case 1:
            value = content[2:].decode("utf-8", errors="replace")
        case 2:
            value = int.from_bytes(content[2:10], "big", signed=True)
        case 3:
            value = None
    path = folder() / "row.sqlite"
    path.write_bytes(database())
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as link:
        for (name,) in link.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
            link.execute(f'DROP TRIGGER "{name}"')
        link.execute("PRAGMA ignore_check_constraints=ON")
        with contextlib.suppress(sqlite3.IntegrityError):
            link.execute(f"UPDATE {table} SET {column} = ?", (value,))  # noqa: S608
    return read_database(path)


def rows() -> Sequence[bytes]:
    """Return a sound and an odd value for each column."""
    odd = (bytes(32), b"door", b"x", (1).to_bytes(8, "big"), b"\x7f" * 8, b"[]", b'["a@b"]')
    return [bytes([i, kind]) + v for i in range(len(COLUMNS)) for kind in range(4) for v in odd]


def status_command(path: Path) -> object:
    """Ask `omokage status` about a health file."""
    from agent.config.site import Site

    site = Site(folder() / "site")
    site.status.parent.mkdir(parents=True, exist_ok=True)
    site.status.write_bytes(path.read_bytes())
    with contextlib.redirect_stdout(None), contextlib.suppress(click.exceptions.Exit):
        command = main.get_command(click.Context(main), "status")
        assert command is not None
        command.main(["--site", str(site.root)], standalone_mode=False)
    return None


def identity(content: bytes) -> object:
    """Compare a sound database with a marker of these bytes."""
    path = folder() / "marked.sqlite"
    path.write_bytes(database())
    path.with_suffix(".marker").write_bytes(content)
    return check_identity(path)


def markers() -> Sequence[bytes]:
    """Return the marker that belongs to the sound database."""
    database()
    number = known_identity(folder() / "seed.sqlite")
    return [f"{number:016x} of marked.sqlite: keep this file beside it\n".encode()]


def accounts() -> bytes:
    """Return a file with one account."""
    stamp = datetime(2026, 11, 27, tzinfo=UTC).isoformat()
    row = {
        "role": "manager", "password": hash_password("a long enough password", CHEAPEST),
        "created": stamp, "changed": stamp, "disabled": False,
    }  # fmt: skip
    return json.dumps({"version": 1, "accounts": {"mori": row}}).encode()


def health() -> bytes:
    """Return a health file as the agent writes it, near enough."""
    return json.dumps(
        {
            "state": "running", "written_at": NOW.isoformat(), "site": "s", "demo": False,
            "models": ["m"], "zones": {"door": "ok"}, "ticks": {"door": {"ok": 5}},
            "dropped_frames": {"door": 0}, "persisting": True, "stored_records": 1,
            "lost_records": 0, "released_buckets": 0, "last_commit": None,
            "capture": {"allowed": False, "reason": "pause", "next_change": NOW.isoformat()},
            "hardening_missing": [], "trouble": "", "keys_until": NOW.isoformat(),
            "retention": {"at": NOW.isoformat(), "overdue_records": 0, "overdue_numbers": 0,
                          "erased": True, "waiting_rows": 0, "held_records": 0, "doubt": None,
                          "next_due": None},
        }
    ).encode()  # fmt: skip


def aggregates() -> bytes:
    """Return an empty database of released numbers."""
    from agent.store.aggregates import open_or_replace

    path = folder() / "aggregates.sqlite"
    store, _ = open_or_replace(path, NOW)
    store.close()
    return path.read_bytes()


def read_aggregates(path: Path) -> object:
    """Read all released numbers."""
    return list(AggregateReader(path).rows(NOW - timedelta(days=9), NOW + timedelta(days=9)))


def certificates() -> Sequence[bytes]:
    """Return a signed certificate of discard."""
    from tests.unit.proof.test_certificate import certificate

    return [certificate().to_json().encode()]


def said(key: str, value: object) -> bytes:
    """Return a small JSON file with two instants."""
    stamp = datetime(2026, 11, 27, tzinfo=UTC).isoformat()
    return json.dumps({"since": stamp, "until": stamp, key: value}).encode()


UPKEEP = json.dumps(
    {"proven": NOW.isoformat(), "wall": NOW.isoformat(), "since_boot": 5.0, "boot": "x",
     "doubted_for": 3.0, "store": 7}
).encode()  # fmt: skip

BIAS = json.dumps(
    {"at": NOW.isoformat(), "since": NOW.isoformat(), "until": NOW.isoformat(), "groups": [],
     "signs": []}
).encode()  # fmt: skip

CALIBRATION = json.dumps(
    {"steps": [{"at": NOW.isoformat(), "thresholds": {"AU12": 1.5}, "temperature": 1.2,
                "models": ["m@1"], "clips": 40}]}
).encode()  # fmt: skip

CENTRAL = [
    b'site = "kyoto"\nurl = "postgresql://kyoto:a%20b@db.example/omokage?sslrootcert=/etc/ca"\n',
    b'url = "postgresql://office:b@/omokage?host=/run/postgresql"\n',
    b'url = "sqlite:////srv/central.sqlite"\n',
]

SYNC = json.dumps(
    {"tried_at": NOW.isoformat(), "complete_at": NOW.isoformat(),
     "through": {"cell": 1775044800, "day": -1}, "trouble": ""}
).encode()  # fmt: skip

TARGETS: dict[str, Target] = {
    "policy": Target(
        lambda c: parse_policy(c, "policy.toml"),
        files("policies/*.toml", "docs/examples/*.toml", "tests/golden/policies/*/*.toml"),
    ),
    "profile": Target(lambda c: parse_profile(c, "jp"), files("policies/profiles/*.toml")),
    "register": Target(read_register, files("policies/features.toml"), (ValueError,)),
    "card": Target(lambda c: parse_card(c, "net.card.toml"), files("models/*.card.toml")),
    "markers": Target(
        parse_markers,
        lambda: [b'[[marker]]\ndate = 2026-03-03\ntext = { en = "a", ja = "b" }\n'],
    ),
    "pause": Target(at_path("pause.json", read_pause), lambda: [said("reason", "lunch")]),
    "public-keys": Target(
        lambda c: parse_public(c, "public.toml"), lambda: [key_files()["public"]]
    ),
    "device-key": Target(at_path("device.pem", load_signer), lambda: [key_files()["device"]]),
    "vault": Target(at_path("epochs.toml", load_vault), lambda: [key_files()["vault"]]),
    "checkpoint": Target(texts(lambda t: parse_checkpoint(t, "mail")), checkpoints, (ValueError,)),
    "checkpoints": Target(texts(lambda t: find_checkpoints(t, "mail")), checkpoints),
    "note": Target(texts(parse_note), checkpoints, (ValueError,)),
    "verifier": Target(
        texts(parse_verifier),
        lambda: [Verifier("omokage/ab", bytes(32)).text().encode()],
        (ValueError,),
    ),
    "payload": Target(read_payload, lambda: [encode(to_batch(records(20)))]),
    "row": Target(read_row, rows),
    "database": Target(at_path("any.sqlite", read_database), lambda: [database()]),
    "aggregates": Target(at_path("numbers.sqlite", read_aggregates), lambda: [aggregates()]),
    "identity": Target(identity, markers),
    "accounts": Target(
        at_path("accounts.json", lambda p: AccountBook(p).read()), lambda: [accounts()]
    ),
    "upkeep": Target(at_path("upkeep.json", recall), lambda: [UPKEEP]),
    "bias": Target(at_path("bias.json", bias_check.read), lambda: [BIAS]),
    "calibration": Target(at_path("calibration.json", read_steps), lambda: [CALIBRATION]),
    "metrics": Target(at_path("status.json", lambda p: render(p, lambda: NOW)), lambda: [health()]),
    "status": Target(at_path("status.json", status_command), lambda: [health()]),
    "central": Target(parse_address, lambda: CENTRAL),
    "sync": Target(at_path("sync.json", read_state), lambda: [SYNC]),
    "certificate": Target(lambda c: read_certificate(c, "c.json"), certificates),
    **HANDED,
    **SETS,
}
"""By name. `make fuzz` runs each for a minute, `make fuzz FUZZ="vault --seconds 3600"` one of them
for an hour."""
