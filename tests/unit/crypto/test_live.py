"""The running agent takes new keys by itself, and stops sealing rather than trust weaker ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.config.site import Site
from agent.crypto.change import KeyPaths, adding, carry_out, open_box, replacing_device
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.files import put
from agent.crypto.lifecycle import extended, with_new_epoch
from agent.crypto.live import LiveKeys
from agent.crypto.root import fingerprint
from agent.crypto.vault import CHEAPEST
from agent.errors import ConfigError, NoRecipient
from tests.sealing import BUCKET_START, DIGEST, NOW, PASSPHRASE, keyset

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


@pytest.fixture
def paths(tmp_path: Path) -> KeyPaths:
    """Return a site's key files on the disk."""
    site = Site(tmp_path)
    write_keys(site, keyset())
    return KeyPaths.of(site)


@pytest.fixture
def live(paths: KeyPaths) -> LiveKeys:
    """Return the running agent's view of them."""
    return LiveKeys(paths.public, paths.device)


def recipient(live: LiveKeys, now: datetime) -> str:
    """Return to which epoch a bucket would be sealed."""
    start = now.replace(minute=0, second=0)
    return live.sealer().open_bucket(
        "door", start, 3600, delete_by=start + WEEK, policy_digest=DIGEST, models=(), now=now
    ).sealed_key.epoch  # fmt: skip


def test_unchanged_files_are_not_read_again(live: LiveKeys) -> None:
    """The same sealer serves every bucket while the files stay."""
    assert live.sealer() is live.sealer()


def test_an_extension_counts_without_a_restart(paths: KeyPaths, live: LiveKeys) -> None:
    """What had run out goes on with the epochs of the new file."""
    later = NOW + 4 * WEEK
    with pytest.raises(NoRecipient):
        recipient(live, later)

    box = open_box(paths, PASSPHRASE, now=NOW)
    carry_out(adding(paths, box.become(extended(box.state, NOW, 2))))

    assert recipient(live, later).startswith("2026-W52-")


def test_a_new_recipient_counts_from_the_next_bucket_on(paths: KeyPaths, live: LiveKeys) -> None:
    """In the running bucket the old one stays, in the next one the new one is used."""
    old = recipient(live, NOW)
    box = open_box(paths, PASSPHRASE, now=NOW)
    carry_out(adding(paths, box.become(with_new_epoch(box.state, BUCKET_START + HOUR))))

    assert recipient(live, NOW + HOUR / 4) == old
    assert recipient(live, NOW + HOUR) not in {e.id for e in keyset().public.epochs}


def test_a_new_device_key_is_taken_in_every_step(paths: KeyPaths, live: LiveKeys) -> None:
    """The agent can seal after each of the files was replaced."""
    for step in replacing_device(paths, open_box(paths, PASSPHRASE, now=NOW), NOW):
        carry_out([step])
        assert recipient(live, NOW)


def test_a_device_key_that_stays_behind_is_refused(paths: KeyPaths, live: LiveKeys) -> None:
    """A credential that nobody renewed signs nothing any more: the agent says so and stops."""
    old = paths.device.read_bytes()
    carry_out(replacing_device(paths, open_box(paths, PASSPHRASE, now=NOW), NOW))
    put(paths.device, old, 0o600)

    with pytest.raises(NoRecipient, match="signing key"):
        live.sealer()


def test_missing_keys_at_the_start_are_found_later(tmp_path: Path) -> None:
    """An agent that began without a recipient begins to seal when there is one."""
    site = Site(tmp_path)
    live = LiveKeys(site.public_keys, site.device_key)
    with pytest.raises(NoRecipient, match="doesn't exist"):
        live.sealer()

    write_keys(site, keyset())

    assert recipient(live, NOW)


def test_removed_keys_end_the_sealing(paths: KeyPaths, live: LiveKeys) -> None:
    """After `keys destroy --all` nothing more is sealed to anybody."""
    paths.public.unlink()

    with pytest.raises(NoRecipient, match="doesn't exist"):
        live.sealer()
    assert live.report(NOW)["keys_until"] is None


def test_unusable_keys_at_the_start_are_refused(paths: KeyPaths) -> None:
    """A file that doesn't fit its signature, or a foreign device key, stops the start."""
    good = paths.public.read_text()
    paths.public.write_text(good.replace("serial = 1", "serial = 2"))
    with pytest.raises(ConfigError, match="signature"):
        LiveKeys(paths.public, paths.device)

    paths.public.write_text(good)
    put(paths.device, keyset("camera-2").device_pem, 0o600)
    with pytest.raises(ConfigError, match="signing key"):
        LiveKeys(paths.public, paths.device)


def _older(paths: KeyPaths) -> bytes:
    """Extend the keys on the disk; return the public side from before."""
    before = paths.public.read_bytes()
    box = open_box(paths, PASSPHRASE, now=NOW)
    carry_out(adding(paths, box.become(extended(box.state, NOW, 1))))
    return before


def test_weaker_keys_are_refused_while_the_agent_runs(paths: KeyPaths) -> None:
    """Unsigned, older, another root, or changed: nothing is sealed until the right one is back."""
    before = _older(paths)
    live = LiveKeys(paths.public, paths.device)
    good = paths.public.read_bytes()
    public = keyset().public
    unsigned = replace(public, root=None, serial=0, signature=None)
    foreign = create_epochs(
        NOW, weeks=3, passphrase=PASSPHRASE, device_id="camera-1", profile=CHEAPEST
    ).public  # fmt: skip
    broken = good.replace(b"serial = 2", b"serial = 3")

    for content in (before, unsigned.to_toml(), foreign.to_toml(), broken, b"", b"\xff"):
        put(paths.public, content, 0o644)
        with pytest.raises(NoRecipient, match="changed while the agent ran"):
            live.sealer()
        assert live.report(NOW)["keys_days"] == 0

    put(paths.public, good, 0o644)
    assert recipient(live, NOW)


def test_unsigned_keys_may_become_signed(paths: KeyPaths) -> None:
    """The first extension of old keys is taken without a restart."""
    unsigned = replace(keyset().public, root=None, serial=0, signature=None)
    put(paths.public, unsigned.to_toml(), 0o644)
    live = LiveKeys(paths.public, paths.device)
    assert live.report(NOW)["keys_fingerprint"] is None

    put(paths.public, keyset().public.to_toml(), 0o644)

    assert live.report(NOW)["keys_fingerprint"] == fingerprint(keyset().public.root)


def test_the_health_knows_how_long_keys_last(live: LiveKeys) -> None:
    """Until when and how many days, and nothing once they have run out."""
    end = keyset().public.epochs[-1].valid_to

    assert live.report(NOW)["keys_until"] == end.isoformat()
    assert live.report(NOW)["keys_days"] == (end - NOW).days
    assert live.report(end)["keys_until"] is None
