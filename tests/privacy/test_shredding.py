"""What is deleted is gone: from the site's files by their bytes, and from every backup."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.open import unlock
from agent.crypto.seal import load_sealer
from agent.crypto.vault import CHEAPEST, load_vault
from agent.domain.segment import SealedBucketKey, SealedSegment, delete_by
from agent.errors import SegmentExpired, UnknownKey
from agent.store.access_log import AccessLog
from agent.store.segments import SegmentReader
from agent.upkeep import Upkeep
from tests.fakes import FrozenClock
from tests.sealing import BUCKET_START, MODELS, PASSPHRASE, records

ROOT = Path(__file__).resolve().parents[2]
HOUR = 3600
PIECE = 32
"""Bytes of a ciphertext, a signature or a wrapped key that are searched for."""

Sealed = tuple[SealedBucketKey, list[SealedSegment]]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site that keeps records for two hours, with keys for two weeks."""
    made = Site(tmp_path / "site")
    made.segments.parent.mkdir(parents=True)
    policy = (ROOT / "policies" / "demo.toml").read_text("utf-8")
    policy = policy.replace('records = "1h"', 'records = "2h"')
    made.policy.write_text(policy.replace('bucket = "30s"', 'bucket = "1h"'), "utf-8")
    keys = create_epochs(
        BUCKET_START, weeks=2, passphrase=PASSPHRASE, device_id="camera-1", profile=CHEAPEST
    )
    write_keys(made, keys)
    return made


def upkeep(site: Site, clock: FrozenClock) -> Upkeep:
    """Open a site's stores as the agent does."""
    return Upkeep(site, load_policy(site.policy), AccessLog(site.access_log), clock)


def write_hours(site: Site, keeper: Upkeep, hours: int) -> list[Sealed]:
    """Store so many hours, every second one closed; return what was stored."""
    sealer = load_sealer(site.public_keys, site.device_key)
    store, stored = keeper.stores.segments, []
    for hour in range(hours):
        start = BUCKET_START + timedelta(hours=hour)
        bucket = sealer.open_bucket(
            "entrance",
            start,
            HOUR,
            delete_by=delete_by(start, HOUR, timedelta(hours=2)),
            policy_digest="ab" * 32,
            models=MODELS,
            now=start,
            previous=store.last_link("entrance"),
        )
        segments = [bucket.seal(records(40, seed=i)) for i in range(5)]
        for segment in segments:
            store.append(segment, bucket.sealed_key)
        if hour % 2 == 0:
            closing = bucket.finish()
            store.close_bucket(bucket.sealed_key, closing)
            segments += closing
        stored.append((bucket.sealed_key, segments))
    return stored


def pieces(sealed: Sealed) -> list[bytes]:
    """Return pieces that only this bucket's rows and key have."""
    key, segments = sealed
    found = [key.key_id, key.wrapped[:PIECE], key.wrapped[-PIECE:]]
    for segment in segments:
        found += [segment.signature, segment.ciphertext[:PIECE], segment.ciphertext[-PIECE:]]
    return found


def files_with(folder: Path, sealed: Sealed) -> list[str]:
    """Return the files below a folder in which a piece of a bucket is found."""
    wanted = pieces(sealed)
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(piece in path.read_bytes() for piece in wanted)
    )


def test_a_purge_leaves_no_byte_of_rows_or_keys(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a round of deletion no file of the site, nor a temporary one, holds a piece."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("SQLITE_TMPDIR", str(temporary))
    clock = FrozenClock(BUCKET_START)
    keeper = upkeep(site, clock)
    stored = write_hours(site, keeper, 6)
    assert all(files_with(site.root, sealed) for sealed in stored[:4])

    clock.advance(6 * HOUR)
    keeper.hint()
    keeper.keep_if_due()

    # Hours 0-3 ended at least two hours ago; 4 and 5 haven't.
    assert [[]] * 4 == [files_with(site.root, sealed) for sealed in stored[:4]]
    assert [] == [found for sealed in stored for found in files_with(temporary, sealed)]
    assert all(files_with(site.root, sealed) for sealed in stored[4:])
    keeper.close()


def test_a_quarantined_copy_goes_with_its_deadline(site: Site) -> None:
    """A damaged database that was moved aside is erased once nothing in it may exist any more."""
    clock = FrozenClock(BUCKET_START)
    keeper = upkeep(site, clock)
    stored = write_hours(site, keeper, 3)
    keeper.close()
    raw = bytearray(site.segments.read_bytes())
    raw[4096 * 2 : 4096 * 3] = b"\xff" * 4096
    site.segments.write_bytes(raw)

    keeper = upkeep(site, clock)
    aside = [path for path in site.segments.parent.iterdir() if "corrupt" in path.name]
    clock.advance(6 * HOUR)
    keeper.hint()
    keeper.keep_if_due()

    assert aside
    assert not any(path.exists() for path in aside)
    assert [[]] * 3 == [files_with(site.root, sealed) for sealed in stored]
    keeper.close()


def backup(site: Site, to: Path) -> Site:
    """Copy state and public keys as a backup of the edge PC would; the vault isn't there."""
    for name in ("state", "keys"):
        shutil.copytree(site.root / name, to / name)
    return Site(to)


def opened(copy: Site, vault: Path, now: datetime) -> int:
    """Open every bucket of a copy as somebody with the passphrase would; return the records."""
    opener = unlock(vault, PASSPHRASE)
    with SegmentReader(copy.segments) as reader:
        return sum(
            len(opener.open_bucket(b.segments, b.key, opener.verifier, now=now))
            for b in reader.buckets()
        )


def test_a_backup_cant_be_opened_once_the_epochs_key_is_destroyed(
    site: Site, tmp_path: Path
) -> None:
    """A copy of the whole state folder opens before the purge, and with no clock after it."""
    clock = FrozenClock(BUCKET_START)
    keeper = upkeep(site, clock)
    write_hours(site, keeper, 4)
    copy = backup(site, tmp_path / "backup")
    first = load_vault(site.vault).epochs[0]
    before = opened(copy, site.vault, BUCKET_START)

    clock.advance((first.valid_to - clock.now() + timedelta(days=2)).total_seconds())
    keeper.hint()
    keeper.keep_if_due()
    keeper.close()

    assert before == 4 * 200
    assert first.id not in {epoch.id for epoch in load_vault(site.vault).epochs}
    # The clock is turned back on purpose: the deadline isn't what keeps the backup shut.
    with pytest.raises(UnknownKey):
        opened(copy, site.vault, BUCKET_START)


def test_a_backup_is_refused_after_its_deadline_even_while_the_key_lives(
    site: Site, tmp_path: Path
) -> None:
    """Between a bucket's deadline and its epoch's end the tools refuse a restored copy."""
    keeper = upkeep(site, FrozenClock(BUCKET_START))
    write_hours(site, keeper, 1)
    copy = backup(site, tmp_path / "backup")
    keeper.close()

    with pytest.raises(SegmentExpired):
        opened(copy, site.vault, BUCKET_START + timedelta(hours=3))
