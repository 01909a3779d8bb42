"""What a proof found, as a statement that a device may sign and anybody can check.

The file is JSON: `{"format", "statement", "signature"}`. Signed are the bytes

    "omokage/discard-certificate/1" NUL · statement as JSON, keys sorted, no spaces, ASCII only

with the device's Ed25519 key. A certificate without a device's signature says so; its hashes still
tell which models and versions were tried, but anybody could have written it.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.errors import ProofBroken
from agent.proof.controls import smallest
from agent.proof.detect import Hit
from agent.proof.experiment import Finding, Look
from agent.proof.surroundings import Place

FORMAT = "omokage-discard-certificate/1"
_LABEL = b"omokage/discard-certificate/1\0"
LARGEST = 1 << 20
"""Bytes of a certificate; ours have about ten thousand."""

NOTHING_FOUND, FOUND = "nothing found", "residue found"

LIMITS = ("kernel", "devices", "files", "activations", "small", "moment", "administrator")
"""What the proof can't say; keys of the texts `proof.limit`."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Signature(_Strict):
    """Whose word the certificate is."""

    device: str | None
    public_key: str | None
    signature: str | None


class HitRow(_Strict):
    """Hits of one kind and form in one region or place."""

    region: str
    kind: str
    form: str
    pieces: int
    bytes: int


class LookRow(_Strict):
    """One look at the memory."""

    moment: str
    searched: int
    unchanged_files: int
    unread: int
    locked: int
    swapped: int
    hits: list[HitRow]


class PlaceRow(_Strict):
    """One place with files."""

    place: str
    files: int
    searched: int
    skipped: int
    hits: list[HitRow]


class ControlRow(_Strict):
    """Something kept on purpose."""

    what: str
    kind: str
    form: str
    bytes: int
    found: bool
    required: bool


class Model(_Strict):
    """A model file that ran."""

    name: str
    sha256: str


class Statement(_Strict):
    """Everything that is signed."""

    made_at: str
    seconds: float
    result: str
    residue_bytes: int
    backend: str
    versions: dict[str, str]
    models: list[Model]
    seed: int
    frames_sent: dict[str, int]
    frames_looked_at: int
    faces_looked_at: int
    controls: list[ControlRow]
    smallest_found: dict[str, int]
    looks: list[LookRow]
    places: list[PlaceRow]
    settings: dict[str, str | int | bool | None]
    limits: list[str] = Field(min_length=1)

    def to_bytes(self) -> bytes:
        """Return the bytes that are signed."""
        return _LABEL + json.dumps(
            self.model_dump(), sort_keys=True, separators=(",", ":"), allow_nan=False
        ).encode("ascii")


class Certificate(_Strict):
    """The file."""

    format: str = Field(pattern=f"^{FORMAT}$")
    statement: Statement
    signature: Signature

    @property
    def public_key(self) -> bytes | None:
        """Return the raw Ed25519 key that it is signed with; None where nobody signed."""
        key = self.signature.public_key
        return None if key is None else base64.b64decode(key)

    def to_json(self) -> str:
        """Return the file's text."""
        return json.dumps(self.model_dump(), indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class About:
    """What a statement says beside the finding.

    Attributes:
        made_at: UTC, ISO 8601.
        seconds: that the proof took.
        backend: `own` or `mediapipe`.
        versions: of the program and of what it computes with.
        models: name and SHA-256.
    """

    made_at: str
    seconds: float
    backend: str
    versions: dict[str, str]
    models: list[tuple[str, str]]


def state(found: Finding, about: About) -> Statement:
    """Put a finding into the form that is signed."""
    ticks = [count for zone in found.health["ticks"].values() for count in zone.items()]
    return Statement(
        made_at=about.made_at,
        seconds=round(about.seconds, 1),
        result=FOUND if found.residue else NOTHING_FOUND,
        residue_bytes=found.residue,
        backend=about.backend,
        versions=about.versions,
        models=[Model(name=name, sha256=digest) for name, digest in about.models],
        seed=found.seed,
        frames_sent={str(kind): count for kind, count in found.sent.items()},
        frames_looked_at=sum(n for status, n in ticks if status in _LOOKED),
        faces_looked_at=int(found.health["faces"]),
        controls=[
            ControlRow(
                what=c.what, kind=c.kind, form=c.form, bytes=c.size, found=c.found,
                required=c.required,
            )
            for c in found.controls
        ],
        smallest_found=smallest(found.controls),
        looks=[_look_row(look) for look in found.looks],
        places=[_place_row(place) for place in found.places],
        settings=found.settings,
        limits=list(LIMITS),
    )  # fmt: skip


_LOOKED = ("ok", "no_face", "too_dark", "blurred")


def _look_row(look: Look) -> LookRow:
    return LookRow(
        moment=look.moment,
        searched=look.size,
        unchanged_files=look.unchanged,
        unread=look.unread,
        locked=look.locked,
        swapped=look.swapped,
        hits=_rows(look.hits),
    )


def _place_row(place: Place) -> PlaceRow:
    return PlaceRow(
        place=place.name,
        files=place.files,
        searched=place.size,
        skipped=place.skipped,
        hits=_rows(tuple((place.name, hit) for hit in place.hits)),
    )


def _rows(hits: tuple[tuple[str, Hit], ...]) -> list[HitRow]:
    pieces: Counter[tuple[str, str, str]] = Counter()
    sizes: Counter[tuple[str, str, str]] = Counter()
    for region, hit in hits:
        key = (region, str(hit.kind), hit.form)
        pieces[key] += 1
        sizes[key] += hit.size
    return [
        HitRow(region=r, kind=k, form=f, pieces=pieces[r, k, f], bytes=sizes[r, k, f])
        for r, k, f in sorted(pieces)
    ]


def sign(statement: Statement, key: Ed25519PrivateKey | None, device: str | None) -> Certificate:
    """Sign a statement with the device's key; without one it stays unsigned, and says so."""
    signature = Signature(device=None, public_key=None, signature=None)
    if key is not None:
        signature = Signature(
            device=device,
            public_key=base64.b64encode(key.public_key().public_bytes_raw()).decode(),
            signature=base64.b64encode(key.sign(statement.to_bytes())).decode(),
        )
    return Certificate(format=FORMAT, statement=statement, signature=signature)


def read_certificate(content: bytes, name: str) -> Certificate:
    """Return a certificate whose signature fits, or which has none.

    Raises:
        ProofBroken: it isn't a certificate, or was changed after it was signed.
    """
    advice = "Ask for the file as `omokage prove-discard --json` wrote it."
    if len(content) > LARGEST:
        raise ProofBroken(f"{name} is too large for a certificate", advice=advice)
    try:
        # Decoded by json and not by pydantic: what is signed is what Python's json writes.
        found = Certificate.model_validate(json.loads(content), strict=True)
        statement = found.statement.to_bytes()
    except (ValidationError, ValueError, RecursionError) as error:
        raise ProofBroken(f"{name} isn't a certificate of discard", advice=advice) from error
    key, signature = found.signature.public_key, found.signature.signature
    if key is None and signature is None:
        return found
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key or "", validate=True))
        public.verify(base64.b64decode(signature or "", validate=True), statement)
    except (InvalidSignature, ValueError) as error:
        raise ProofBroken(
            f"{name} was changed after it was signed", advice="Don't believe it; make a new one."
        ) from error
    return found
