"""Checkpoints: a signed note that says how long the log was and what its entries hash to.

Source: C2SP tlog-checkpoint. Three lines: origin, number of entries, base64 of the root of the
RFC 6962 Merkle tree whose leaves are the entries' bodies. No extension lines.

A second kind says that the entries up to a number were deleted on time. It has the same lines but
another origin, so a daily checkpoint can't be passed off as a permission to delete.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.audit.merkle import HASH_BYTES
from agent.audit.note import DASH, Note, Verifier, parse_note, sign_note

EVERY = timedelta(days=1)
ORIGIN = "omokage/access-log"
PRUNED = "/pruned"

_FOUND = re.compile(
    rf"^(?P<text>{ORIGIN}/[^\s+]+\n(?:0|[1-9][0-9]{{0,17}})\n[A-Za-z0-9+/]{{43}}=\n)"
    rf"(?P<signatures>\n(?:{DASH} \S+ \S+(?:\n|\Z))+)?",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says.

    Attributes:
        origin: which log, and whether it is about pruning.
        size: number of entries.
        root: 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class Witness:
    """A checkpoint that somebody kept.

    Attributes:
        checkpoint: what it says.
        note: with its signatures; None where only the three lines were kept, as on paper.
        source: where it was kept, for the report.
    """

    checkpoint: Checkpoint
    note: Note | None
    source: str


def origin_of(log_id: bytes) -> str:
    """Return the name of a log in its checkpoints; also the name of its key."""
    return f"{ORIGIN}/{log_id.hex()}"


def sign_checkpoint(checkpoint: Checkpoint, signer: Ed25519PrivateKey) -> str:
    """Return the signed note of a checkpoint; its key is named as its origin."""
    return sign_note(checkpoint.text(), checkpoint.origin, signer)


def parse_checkpoint(note: str, source: str) -> Witness:
    """Read one signed checkpoint; nothing is checked yet.

    Raises:
        ValueError: it isn't one.
    """
    parsed = parse_note(note)
    return Witness(_parse_text(parsed.text), parsed, source)


def find_checkpoints(text: str, source: str) -> list[Witness]:
    """Return every checkpoint in a text, such as a file of many, or a mail.

    Lines between them are skipped. A checkpoint without a signature line counts too: who typed the
    three lines from paper trusts the paper.
    """
    lines = "\n".join(line.strip() for line in text.replace("\r", "").split("\n"))
    found = []
    for match in _FOUND.finditer(lines):
        note = None
        if match["signatures"]:
            try:
                note = parse_note(match[0] if match[0].endswith("\n") else match[0] + "\n")
            except ValueError:
                note = Note(match["text"], ())  # a signature that can't be read is a bad one
        found.append(Witness(_parse_text(match["text"]), note, source))
    return found


def verifier_of(checkpoint: Checkpoint, verify_key: bytes) -> Verifier:
    """Return whose signature a checkpoint must carry."""
    return Verifier(checkpoint.origin, verify_key)


def checkpoint_due(now: datetime, last: datetime | None) -> bool:
    """Say whether a checkpoint must be signed: a day has passed, or the clock was set back."""
    return last is None or not timedelta(0) <= now - last < EVERY


def _parse_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise ValueError("this isn't a checkpoint")
    origin, size, root = lines[:3]
    if not size.isascii() or not size.isdigit() or str(int(size)) != size:
        raise ValueError("a checkpoint's size isn't a number")
    try:
        raw = base64.b64decode(root, validate=True)
    except binascii.Error as error:
        raise ValueError("a checkpoint's root isn't base64") from error
    if len(raw) != HASH_BYTES:
        raise ValueError("a checkpoint's root has the wrong length")
    return Checkpoint(origin, int(size), raw)
