"""What becomes of the keys is decided on values: no gap, no overlap, nothing without an end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.crypto.devices import DeviceKey, DeviceKeys
from agent.crypto.lifecycle import (
    KeyState,
    begin,
    extended,
    monday,
    with_new_device,
    with_new_epoch,
    with_old_devices_ended,
    without,
)
from agent.crypto.wrapping import public_half
from agent.errors import ConfigError, UnknownKey
from tests.sealing import BUCKET_START, NOW

WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)


def key() -> Ed25519PrivateKey:
    """Return a signing key."""
    return Ed25519PrivateKey.generate()


def raw(signer: Ed25519PrivateKey) -> bytes:
    """Return a signing key's public half."""
    return signer.public_key().public_bytes_raw()


def state(weeks: int = 4) -> KeyState:
    """Return fresh keys."""
    return begin(NOW, weeks=weeks, device="camera-1", verify_key=raw(key()))


def spans(keys: KeyState) -> list[tuple[object, object]]:
    """Return when each epoch is valid."""
    return [(half.valid_from, half.valid_to) for half in keys.halves]


def test_extension_follows_the_last_epoch() -> None:
    """Old epochs stay as they are; the first new one begins where the last one ends."""
    before = state()

    after = extended(before, NOW, 2)

    assert after.halves[:4] == before.halves
    assert spans(after)[4:] == [
        (before.halves[-1].valid_to + i * WEEK, before.halves[-1].valid_to + (i + 1) * WEEK)
        for i in range(2)
    ]
    assert all(half.public == public_half(half.seed) for half in after.halves)


def test_keys_that_have_run_out_begin_again_this_week() -> None:
    """No epoch is made for weeks that are over."""
    later = NOW + 10 * WEEK

    after = extended(state(), later, 1)

    assert spans(after)[-1] == (monday(later), monday(later) + WEEK)
    assert len(after.halves) == 5


def test_a_hole_ahead_is_filled() -> None:
    """An epoch that was destroyed leaves a hole; the next extension closes it."""
    whole = state()
    holed = without(whole, frozenset({whole.halves[0].id, whole.halves[2].id}))

    after = extended(holed, NOW, 1)

    assert spans(after) == spans(extended(whole, NOW, 1))
    assert not {h.id for h in whole.halves[::2]} & {h.id for h in after.halves}


@pytest.mark.parametrize("weeks", [-1, 0, 521])
def test_extension_by_an_odd_number_is_refused(weeks: int) -> None:
    """Neither none nor more than ten years."""
    with pytest.raises(ConfigError):
        extended(state(), NOW, weeks)


def test_extension_beyond_ten_years_is_refused() -> None:
    """Also step by step nobody gets keys without an end."""
    with pytest.raises(ConfigError, match="520"):
        extended(state(), NOW, 517)


def test_a_new_epoch_takes_over_at_an_instant() -> None:
    """The old one ends there, the new one lasts for the rest of the week, ids and keys differ."""
    before = state()
    at = BUCKET_START + HOUR

    after = with_new_epoch(before, at)

    old, new = after.halves[:2]
    assert (old.id, old.valid_to, old.seed) == (before.halves[0].id, at, before.halves[0].seed)
    assert (new.valid_from, new.valid_to) == (at, before.halves[0].valid_to)
    assert new.id[:9] == old.id[:9]
    assert new.id != old.id
    assert after.halves[2:] == before.halves[1:]


def test_a_new_epoch_can_be_replaced_again() -> None:
    """Two replacements in one week give three epochs without gap and overlap."""
    after = with_new_epoch(with_new_epoch(state(), BUCKET_START + HOUR), BUCKET_START + 2 * HOUR)

    assert len({half.id for half in after.halves}) == 6
    assert [s[1] for s in spans(after)[:-1]] == [s[0] for s in spans(after)[1:]]


def test_a_new_epoch_at_a_weeks_beginning_is_refused() -> None:
    """Then the old one ends anyway, and the new one would replace what nobody suspects."""
    with pytest.raises(ConfigError, match="running bucket"):
        with_new_epoch(state(), monday(NOW) + WEEK)


def test_a_new_epoch_where_none_is_valid_is_refused() -> None:
    """There is nothing to replace before the first and after the last."""
    for at in (NOW - WEEK, NOW + 9 * WEEK):
        with pytest.raises(ConfigError, match="replace"):
            with_new_epoch(state(), at)


@pytest.mark.parametrize("device", ["", "Camera 1", "-x", "a" * 33, 'x"\ny'])
def test_an_odd_device_id_is_refused(device: str) -> None:
    """It stands in file names, headers and TOML."""
    with pytest.raises(ConfigError, match="device id"):
        begin(NOW, weeks=1, device=device, verify_key=bytes(32))


def test_between_two_signing_keys_both_are_accepted() -> None:
    """While the device changes over, either may sign; afterwards only the new one."""
    old, new = key(), key()
    first = begin(NOW, weeks=1, device="d", verify_key=raw(old))

    both = with_new_device(first, raw(new), NOW)
    done = with_old_devices_ended(both, NOW)

    assert both.devices.accepts(raw(old))
    assert both.devices.accepts(raw(new))
    assert not done.devices.accepts(raw(old))
    assert done.devices.current == raw(new)


@pytest.mark.parametrize(
    ("hours", "old_counts", "new_counts"),
    [(-30, True, False), (-2, True, True), (0, True, True), (1, False, True), (24, False, True)],
)
def test_a_signature_counts_in_its_keys_time(
    hours: int, old_counts: bool, new_counts: bool
) -> None:
    """Old records verify by the old key, new ones by the new, the bucket between by either."""
    old, new = key(), key()
    devices = DeviceKeys(
        "d",
        (
            DeviceKey(raw(old), NOW - 5 * WEEK, NOW),
            DeviceKey(raw(new), NOW),
        ),
    )
    check = devices("d", BUCKET_START + hours * HOUR)

    for signer, counts in ((old, old_counts), (new, new_counts)):
        if counts:
            check.verify(signer.sign(b"link"), b"link")
        else:
            with pytest.raises(InvalidSignature):
                check.verify(signer.sign(b"link"), b"link")


def test_a_time_before_every_key_is_unknown() -> None:
    """No key is guessed for what was written before the device had one."""
    devices = DeviceKeys("d", (DeviceKey(raw(key()), NOW),))

    with pytest.raises(UnknownKey):
        devices("d", NOW - 2 * WEEK)


def test_a_device_key_that_ends_before_it_begins_is_refused() -> None:
    """Contradicting times aren't kept."""
    with pytest.raises(ConfigError):
        DeviceKey(bytes(32), NOW, NOW - HOUR)
    with pytest.raises(ConfigError):
        DeviceKey(bytes(31), NOW)


def test_a_device_without_a_valid_key_has_no_current_one() -> None:
    """Nobody signs with a key that has ended."""
    with pytest.raises(ConfigError):
        _ = DeviceKeys("d", (DeviceKey(bytes(32), NOW, NOW),)).current
