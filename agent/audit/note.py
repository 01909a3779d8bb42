"""Signed notes: a text, a blank line, and a line for each signature over the text.

Source: C2SP signed-note. Only Ed25519 (signature type 0x01) is made and checked; lines of other
keys, such as a witness adds, are left alone, as the specification asks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\1"
DASH = "\u2014"
KEY_ID_BYTES = 4
MAX_SIGNATURES = 64


@dataclass(frozen=True, slots=True)
class Verifier:
    """Who may have signed a note.

    Attributes:
        name: of the key; the log's origin for its own.
        key: raw Ed25519 public key, 32 bytes.
    """

    name: str
    key: bytes

    @property
    def key_id(self) -> bytes:
        """Return the four bytes by which a signature names its key."""
        named = self.name.encode() + b"\n" + ED25519 + self.key
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    def text(self) -> str:
        """Return the key as other programs take it: name, key id and key with plus signs."""
        key = base64.b64encode(ED25519 + self.key).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was read; nothing is checked yet.

    Attributes:
        text: with its last newline.
        signatures: name of the key, and key id with signature, in the note's order.
    """

    text: str
    signatures: tuple[tuple[str, bytes], ...]

    def signed_by(self, verifier: Verifier) -> bool:
        """Say whether this key signed the text; one bad signature of it spoils the note."""
        named = (verifier.name, verifier.key_id)
        mine = [s for name, s in self.signatures if (name, s[:KEY_ID_BYTES]) == named]
        try:
            key = Ed25519PublicKey.from_public_bytes(verifier.key)
            for signature in mine:
                key.verify(signature[KEY_ID_BYTES:], self.text.encode())
        except (InvalidSignature, ValueError):
            return False
        return bool(mine)


def sign_note(text: str, name: str, signer: Ed25519PrivateKey) -> str:
    """Return a note with one signature.

    Args:
        text: ends in a newline.
        name: of the key; no space and no plus sign.
        signer: its private half.

    Raises:
        ValueError: the text or the name can't be part of a note.
    """
    if not _is_name(name):
        raise ValueError("a key's name has neither spaces nor plus signs")
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise ValueError("a note is lines of text")
    verifier = Verifier(name, signer.public_key().public_bytes_raw())
    signature = base64.b64encode(verifier.key_id + signer.sign(text.encode())).decode()
    return f"{text}\n{DASH} {name} {signature}\n"


def parse_note(note: str) -> Note:
    """Read a note.

    Raises:
        ValueError: it isn't one.
    """
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise ValueError("this isn't a signed note")
    signatures = [_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > MAX_SIGNATURES:
        raise ValueError("a note has too many signatures")
    return Note(text + "\n", tuple(signatures))


def parse_verifier(text: str) -> Verifier:
    """Read what `Verifier.text` wrote.

    Raises:
        ValueError: it isn't the text of an Ed25519 key, or its key id is another key's.
    """
    name, _, rest = text.strip().partition("+")
    key_id, _, key = rest.partition("+")
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error as error:
        raise ValueError("this isn't a verifier key") from error
    found = Verifier(name, raw[1:])
    if len(raw) != 33 or raw[:1] != ED25519 or found.key_id.hex() != key_id or not _is_name(name):
        raise ValueError("this isn't a verifier key")
    return found


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() for c in name)


def _signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a note's signature isn't base64") from error
    if dash != DASH or not _is_name(name) or len(raw) <= KEY_ID_BYTES:
        raise ValueError("a note's signature line is malformed")
    return name, raw
