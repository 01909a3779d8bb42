"""Write the test vectors of the segment format: `python -m tests.vectors.make_segments`.

Each file is one case with everything a reader needs, in hexadecimal, and the class of refusal that
it must end with; `docs/segment-format.md` says how to read it. Keys, bucket keys and records are
the same in every run; HPKE draws an ephemeral key of its own, so sealed keys differ from run to
run, and with them nothing else. The keys are published in `tests/fixed.py` and protect nothing.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.crypto.chain import Finding
from agent.crypto.seal import BucketSealer
from agent.domain.record import FeatureRecord, to_batch
from agent.domain.segment import FIRST_LINK, SealedBucketKey, SealedSegment, delete_by
from agent.errors import (
    SealError,
    SegmentExpired,
    SegmentTampered,
    SegmentTruncated,
    UnknownKey,
)
from tests.fixed import EPOCH_ID, _seed, sealer, signer, verifier

FOLDER = Path(__file__).parent / "segments"
HOUR = timedelta(hours=1)
START = datetime(2026, 11, 25, 10, tzinfo=UTC)
LATER = START + 20 * HOUR
RETENTION = timedelta(hours=72)


@dataclass
class Bucket:
    """One bucket of a case."""

    key: SealedBucketKey
    segments: Sequence[SealedSegment]


def records(seed: int, count: int = 4) -> list[FeatureRecord]:
    """Return a few records of two visits."""
    rng = random.Random(seed)
    return [
        FeatureRecord(
            offset=seed * 50 + i // 2 * 2,
            track=(7, 4000)[i % 2],
            au_sides=tuple(rng.randrange(26) for _ in range(32)),
            presence=rng.randrange(1 << 19),
            emotion=(255,) * 8,
            pose=(rng.randrange(-9, 9), 0, 1),
            gaze=(-128, -128),
            quality=17,
            calibrated=1,
        )
        for i in range(count)
    ]


def open_bucket(hour: int = 0, *, zone: str = "door", previous: bytes = FIRST_LINK) -> BucketSealer:
    """Open an hour's bucket."""
    start = START + hour * HOUR
    return sealer().open_bucket(
        zone,
        start,
        3600,
        delete_by=delete_by(start, 3600, RETENTION),
        policy_digest="ab" * 32,
        models=("face_encoder@0123abcd",),
        now=start,
        previous=previous,
    )


def flushed(hour: int = 0, *, old: bool = False, **where: Any) -> Bucket:
    """Return a bucket of three flushes."""
    writer = open_bucket(hour, **where)
    if old:
        writer._template = replace(writer._template, schema_version=1)
    return Bucket(writer.sealed_key, [writer.seal(records(i)) for i in range(3)])


def closed(hour: int = 0, *, parts: int = 1, **where: Any) -> Bucket:
    """Return a bucket that was closed, by one or more segments."""
    writer = open_bucket(hour, **where)
    for part in range(parts):
        writer.seal(records(part))
        if part < parts - 1:  # as when a segment's limit is reached
            writer._closed.append(writer._seal_waiting(last=False))
    return Bucket(writer.sealed_key, writer.finish())


def zone_of(hours: int = 4) -> list[Bucket]:
    """Return the buckets of some hours, each following the one before."""
    link, buckets = FIRST_LINK, []
    for hour in range(hours):
        buckets.append(closed(hour, previous=link))
        link = buckets[-1].segments[-1].link
    return buckets


def flip(raw: bytes, bit: int = 77) -> bytes:
    """Return bytes with one bit changed."""
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def with_segment(bucket: Bucket, place: int, **changes: Any) -> Bucket:
    """Return a bucket in which one segment was changed."""
    segments = list(bucket.segments)
    segments[place] = replace(segments[place], **changes)
    return Bucket(bucket.key, segments)


def resigned(segment: SealedSegment, device: str, **changes: Any) -> SealedSegment:
    """Return a changed segment that a device's key has signed anew."""
    changed = replace(segment, **changes)
    return replace(changed, signature=signer(device).sign(changed.link))


def buckets_alone() -> dict[str, tuple[str, Bucket, dict[str, Any]]]:
    """Return the cases of one bucket: what it is, the bucket, and how it ends."""
    plain, whole = flushed(), closed(parts=3)
    first = plain.segments[0]
    twin = Bucket(plain.key, [*plain.segments[:2], flushed().segments[2]])
    till = replace(first.header, zone="till")
    more = replace(first.header, count=5)
    tampered, cut = {"expect": SegmentTampered}, {"expect": SegmentTruncated}
    due = {"now": START + HOUR + RETENTION}
    return {
        "good-flushes": ("three flushes of a bucket that is still open", plain, {}),
        "good-closed": ("a closed bucket", closed(parts=1), {}),
        "good-closed-parts": ("a closed bucket of three closing segments", whole, {}),
        "good-schema-1": ("as the first release sealed", flushed(old=True), {}),
        "good-held": ("its time is over, and a legal hold covers it", whole, {**due, "held": True}),
        "wrong-key": ("the reader's epoch has the right name and another key", plain,
                      {**tampered, "epoch": "stranger"}),
        "unknown-key": ("the epoch's private half was destroyed", plain,
                        {"expect": UnknownKey, "epoch": None}),
        "wrong-context": ("another bucket's key under this bucket's name",
                          Bucket(replace(flushed(1).key, key_id=plain.key.key_id,
                                         delete_by=plain.key.delete_by), plain.segments), tampered),
        "flipped-bit-header": ("one more record than was sealed",
                               with_segment(plain, 0, header=more), tampered),
        "flipped-bit-ciphertext": ("one bit in a flush",
                                   with_segment(plain, 1, ciphertext=flip(first.ciphertext)),
                                   tampered),
        "flipped-bit-signature": ("one bit in the last signature",
                                  with_segment(plain, 2,
                                               signature=flip(plain.segments[2].signature)),
                                  tampered),
        "flipped-bit-sealed-key": ("one bit in the bucket's sealed key",
                                   Bucket(replace(plain.key, wrapped=flip(plain.key.wrapped)),
                                          plain.segments), tampered),
        "truncated-ciphertext": ("a flush without its last byte",
                                 with_segment(plain, 2,
                                              ciphertext=plain.segments[2].ciphertext[:-1]), cut),
        "truncated-sealed-key": ("a sealed key without its last byte",
                                 Bucket(replace(plain.key, wrapped=plain.key.wrapped[:-1]),
                                        plain.segments), cut),
        "reordered": ("two flushes exchanged",
                      Bucket(plain.key, [first, plain.segments[2], plain.segments[1]]), tampered),
        "repeated": ("a flush counted twice", Bucket(plain.key, [first, first]), tampered),
        "replayed-segment": ("the last flush comes from another bucket", twin, tampered),
        "replayed-expired": ("a bucket put back after its time", whole,
                             {**due, "expect": SegmentExpired}),
        "lowered-deadline": ("a shorter policy brought its end forward", whole,
                             {"deadline": LATER, "expect": SegmentExpired}),
        "swapped-zone": ("the header of the same hour at another camera",
                         with_segment(plain, 0, header=till), tampered),
        "forged-signature": ("sealed to the right epoch, signed by somebody else",
                             Bucket(plain.key, [resigned(s, "stranger") for s in plain.segments]),
                             tampered),
        "stolen-device-key": ("a changed header, signed anew with the device's own key",
                              Bucket(plain.key, [resigned(first, "camera-1", header=more)]),
                              tampered),
        "unknown-version": ("a later Omokage's segment",
                            Bucket(plain.key, [replace(first, header=replace(
                                first.header, schema_version=3))]),
                            {"expect": SealError}),
        "mixed-kinds": ("a closed bucket with a flush put back",
                        Bucket(plain.key, [first, *closed().segments]), tampered),
        "missing-flush": ("the middle flush is gone",
                          Bucket(plain.key, [first, plain.segments[2]]), cut),
        "missing-last-closing": ("the last closing segment is gone",
                                 Bucket(whole.key, whole.segments[:2]), cut),
        "missing-first-closing": ("the first closing segment is gone",
                                  Bucket(whole.key, whole.segments[1:]), cut),
    }  # fmt: skip


def zones() -> dict[str, tuple[str, list[Bucket], dict[str, Any]]]:
    """Return the cases of a zone: what it is, its buckets, and what is found."""
    four = zone_of()
    end = four[-1].segments[-1].link
    again = closed(2, previous=four[1].segments[-1].link)
    crashed = flushed(4, previous=end)
    return {
        "good-zone": ("four hours, each following the one before", four, {"end": end}),
        "good-purged": ("the two oldest hours were purged in their time", four[2:], {"end": end}),
        "removed-middle": ("an hour in the middle is gone", [*four[:1], *four[2:]],
                           {"findings": [Finding.GAP]}),
        "removed-newest": ("the newest hour is gone, and the store remembers it", four[:-1],
                           {"end": end, "findings": [Finding.END_MISSING]}),
        "missing-close": ("the agent was killed in the last hour", [*four, crashed],
                          {"findings": [Finding.UNCLOSED]}),
        "put-back": ("an hour was put there a second time", [*four[:3], again, four[3]],
                     {"findings": [Finding.FORK]}),
        "tampered-middle": ("a bit in the third hour",
                            [*four[:2], with_segment(four[2], 0, previous=flip(FIRST_LINK)),
                             four[3]], {"findings": [Finding.TAMPERED, Finding.GAP, Finding.GAP]}),
    }  # fmt: skip


def instant(at: datetime) -> str:
    """Return an instant in RFC 3339 form."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def segment_json(segment: SealedSegment) -> dict[str, Any]:
    """Return a segment's fields, and its canonical header for who can't make it yet."""
    header = segment.header
    closing = header.closing
    return {
        "header": {
            "schema_version": header.schema_version,
            "device": header.device,
            "zone": header.zone,
            "bucket_start": instant(header.bucket_start),
            "bucket_seconds": header.bucket_seconds,
            "sequence": header.sequence,
            "count": header.count,
            "policy_digest": header.policy_digest,
            "models": list(header.models),
            "key_id": header.key_id.hex(),
            "epoch": header.epoch,
            "delete_by": instant(header.delete_by),
            "closing": closing and {"records": closing.records, "last": closing.last},
        },
        "header_bytes": header.to_bytes().hex(),
        "nonce": segment.nonce.hex(),
        "ciphertext": segment.ciphertext.hex(),
        "previous": segment.previous.hex(),
        "signature": segment.signature.hex(),
    }


def bucket_json(bucket: Bucket) -> dict[str, Any]:
    """Return a bucket's fields."""
    key = bucket.key
    return {
        "sealed_key": {
            "key_id": key.key_id.hex(),
            "epoch": key.epoch,
            "wrapped": key.wrapped.hex(),
            "delete_by": instant(key.delete_by),
        },
        "segments": [segment_json(segment) for segment in bucket.segments],
    }


def epoch_json(name: str | None) -> dict[str, Any]:
    """Return the seeds of the private halves that the reader has."""
    if name is None:
        return {}
    halves = {"mlkem768_seed": f"{name} mlkem", "x25519": f"{name} x25519"}
    sizes = {"mlkem768_seed": 64, "x25519": 32}
    return {EPOCH_ID: {half: _seed(seed, sizes[half]).hex() for half, seed in halves.items()}}


def bucket_case(about: str, bucket: Bucket, how: dict[str, Any]) -> dict[str, Any]:
    """Return a case of opening one bucket."""
    expect: type[SealError] | None = how.get("expect")
    deadline = how.get("deadline")
    wanted = None
    if expect is None:
        parts = {4: 1, 12: 3}[sum(s.header.count for s in bucket.segments)]
        together = sorted(
            (r for part in range(parts) for r in records(part)), key=lambda r: (r.offset, r.track)
        )
        wanted = [row.tobytes().hex() for row in to_batch(together)]
    return {
        "about": about,
        "task": "open",
        "expect": expect.__name__ if expect else "opens",
        "now": instant(how.get("now", LATER)),
        "deadline": deadline and instant(deadline),
        "held": how.get("held", False),
        "verify_key": verifier().public_bytes_raw().hex(),
        "epochs": epoch_json(how.get("epoch", "epoch")),
        "buckets": [bucket_json(bucket)],
        "records": wanted,
    }


def zone_case(about: str, buckets: list[Bucket], how: dict[str, Any]) -> dict[str, Any]:
    """Return a case of checking a zone's buckets against each other."""
    end = how.get("end")
    return {
        "about": about,
        "task": "verify",
        "expect": [kind.value for kind in how.get("findings", [])],
        "now": instant(LATER),
        "end": end and end.hex(),
        "verify_key": verifier().public_bytes_raw().hex(),
        "buckets": [bucket_json(bucket) for bucket in buckets],
    }


def main(write: Callable[[str, dict[str, Any]], None]) -> None:
    """Make every case; `write` gets its name and what is in it."""
    for name, case in buckets_alone().items():
        write(name, bucket_case(*case))
    for name, case in zones().items():
        write(name, zone_case(*case))


def write_file(name: str, case: dict[str, Any]) -> None:
    """Write one case."""
    text = json.dumps(case, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / f"{name}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    os.urandom = random.Random(20261125).randbytes  # ids and data keys: the same in every run
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.json"):
        file.unlink()
    main(write_file)
