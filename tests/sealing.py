"""A small site with keys, for tests that seal and open; the Argon2 cost is the cheapest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agent.crypto.create import KeySet, create_epochs
from agent.crypto.open import Opener
from agent.crypto.seal import BucketSealer, Sealer
from agent.crypto.vault import CHEAPEST
from agent.crypto.wrapping import open_wrapping
from agent.domain.record import FeatureRecord
from agent.domain.segment import FIRST_LINK, SealedBucketKey, SealedSegment, delete_by
from agent.store.segments import Purge, SegmentStore

NOW = datetime(2026, 11, 25, 10, 0, 30, tzinfo=UTC)
BUCKET_START = datetime(2026, 11, 25, 10, tzinfo=UTC)
BUCKET_SECONDS = 3600
RETENTION = timedelta(days=7)
DELETE_BY = delete_by(BUCKET_START, BUCKET_SECONDS, RETENTION)
PASSPHRASE = "correct horse battery"
DIGEST = "ab" * 32
MODELS = ("face_encoder@0123abcd", "emotion_head@89ef0123")


@cache
def _keyset(device: str) -> KeySet:
    return create_epochs(NOW, weeks=3, passphrase=PASSPHRASE, device_id=device, profile=CHEAPEST)


def keyset(device: str = "camera-1") -> KeySet:
    """Return a device's keys, made once per test run."""
    return _keyset(device)


def sealer(device: str = "camera-1") -> Sealer:
    """Return the writer of these keys."""
    keys = keyset(device)
    return Sealer(keys.public, load_pem_private_key(keys.device_pem, password=None))


def opener(device: str = "camera-1") -> Opener:
    """Return the reader of these keys."""
    vault = keyset(device).vault
    wrapping = open_wrapping(vault, PASSPHRASE)
    return Opener({epoch.id: wrapping.unwrap(epoch) for epoch in vault.epochs})


def verifier(device: str = "camera-1"):
    """Return the key that checks this device's signatures."""
    return keyset(device).public.verifier()


def bucket(
    zone: str = "door",
    *,
    start: datetime = BUCKET_START,
    device: str = "camera-1",
    previous: bytes = FIRST_LINK,
) -> BucketSealer:
    """Open an hour's bucket."""
    return sealer(device).open_bucket(
        zone,
        start,
        BUCKET_SECONDS,
        delete_by=delete_by(start, BUCKET_SECONDS, RETENTION),
        policy_digest=DIGEST,
        models=MODELS,
        now=NOW,
        previous=previous,
    )


def old_bucket(zone: str = "door", *, start: datetime = BUCKET_START) -> BucketSealer:
    """Open a bucket as the first release did: schema 1, never closed."""
    writer = bucket(zone, start=start)
    writer._template = replace(writer._template, schema_version=1)
    return writer


def closed_bucket(
    flushes: int = 3, *, previous: bytes = FIRST_LINK, start: datetime = BUCKET_START, **where: str
) -> tuple[SealedBucketKey, list[SealedSegment]]:
    """Return a bucket of one closing segment, 20 records a flush."""
    writer = bucket(start=start, previous=previous, **where)
    for i in range(flushes):
        writer.seal(records(20, seed=i))
    return writer.sealed_key, writer.finish()


def expire(store: SegmentStore, now: datetime) -> Purge:
    """Purge every bucket whose effective deadline has come, as the plan would have it."""
    return store.purge([held.id for held in store.holdings() if held.delete_by <= now])


def records(count: int = 50, *, seed: int = 0) -> list[FeatureRecord]:
    """Return plausible records in time order, of two tracks."""
    return [
        FeatureRecord(
            offset=i // 2,
            track=(7, 4000)[i % 2],
            au_sides=tuple((seed + i // 9 + side) % 26 for side in range(32)),
            presence=(seed + i) % (1 << 19),
            emotion=(60, 20, 4, 4, 4, 4, 2, 2),
            pose=(i % 5 - 2, -3, 1),
            gaze=(-128, -128),
            quality=17,
            calibrated=i % 2,
        )
        for i in range(count)
    ]
