"""What becomes of a site's keys, decided on values: begin, extend, replace, leave out.

Epochs are ISO weeks (Monday, 00:00 UTC), each with a key pair of its own, in order and without an
overlap. A week has more than one epoch only where one was replaced in the middle of it. Nothing
here reads a file or a clock; `agent.crypto.change` carries it out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from agent.crypto.devices import DeviceKey, DeviceKeys
from agent.crypto.keys import PublicEpoch, PublicKeys
from agent.crypto.wrapping import new_seed, public_half
from agent.errors import ConfigError

WEEK = timedelta(weeks=1)
MOST_WEEKS = 520
_DEVICE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Half:
    """One epoch, with both of its halves.

    Attributes:
        id: ISO week and a piece of the public key's digest; unique.
        valid_from: first instant, aware UTC.
        valid_to: first instant after it, aware UTC.
        public: raw ML-KEM-768 (1184 bytes), then raw X25519 (32 bytes).
        seed: ML-KEM seed (64), X25519 key (32).
    """

    id: str
    valid_from: datetime
    valid_to: datetime
    public: bytes = field(repr=False)
    seed: bytes = field(repr=False)

    def to_public(self) -> PublicEpoch:
        """Return what the agent may know of it."""
        return PublicEpoch(self.id, self.valid_from, self.valid_to, self.public)


@dataclass(frozen=True, slots=True)
class KeyState:
    """All of a site's keys but the root.

    Attributes:
        devices: the device's id and verification keys.
        serial: of the newest signature.
        halves: in order of time, not overlapping.
    """

    devices: DeviceKeys
    serial: int
    halves: tuple[Half, ...]

    def to_public(self) -> PublicKeys:
        """Return what the agent may know, not signed yet."""
        return PublicKeys(self.devices, tuple(half.to_public() for half in self.halves))


def make_half(valid_from: datetime, valid_to: datetime) -> Half:
    """Draw a key pair for a span of time."""
    seed = new_seed()
    public = public_half(seed)
    # The digest keeps ids of two keys for the same week apart.
    epoch = f"{valid_from:%G-W%V}-{hashlib.sha256(public).hexdigest()[:8]}"
    return Half(epoch, valid_from, valid_to, public, seed)


def begin(now: datetime, *, weeks: int, device: str, verify_key: bytes) -> KeyState:
    """Make the keys of a site that has none: one epoch a week, from this week on.

    Raises:
        ConfigError: an argument is out of its range.
    """
    if _DEVICE.fullmatch(device) is None:
        raise ConfigError("a device id is 1-32 of a-z, 0-9 and hyphen")
    key = DeviceKey(verify_key, monday(now))
    return extended(KeyState(DeviceKeys(device, (key,)), 1, ()), now, weeks)


def extended(state: KeyState, now: datetime, weeks: int) -> KeyState:
    """Add epochs right after the last one; where that is over, from this week on.

    A hole between now and then, left by an epoch that was destroyed, is filled as well.

    Raises:
        ConfigError: the number of weeks is out of its range, or the keys would last too long.
    """
    if not 1 <= weeks <= MOST_WEEKS:
        raise ConfigError(f"keys are made for 1-{MOST_WEEKS} weeks")
    start = monday(now)
    last = max([start, *(half.valid_to for half in state.halves)])
    end = last + weeks * WEEK
    if end > start + MOST_WEEKS * WEEK:
        raise ConfigError(f"keys don't last longer than {MOST_WEEKS} weeks from now")
    added = [make_half(a, b) for a, b in _uncovered(state.halves, start, end) if b > now]
    together = sorted((*state.halves, *added), key=lambda half: half.valid_from)
    return replace(state, halves=tuple(together))


def _uncovered(
    halves: tuple[Half, ...], start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans between two instants that no epoch covers, cut where weeks begin."""
    reach = start
    for first, stop in (*((h.valid_from, h.valid_to) for h in halves), (end, end)):
        while reach < first:
            cut = min(first, monday(reach) + WEEK)
            yield reach, cut
            reach = cut
        reach = max(reach, stop)


def with_new_epoch(state: KeyState, at: datetime) -> KeyState:
    """Replace the recipient of the week that an instant falls in, from that instant on.

    The old epoch ends there and stays: it opens what was sealed to it before.

    Args:
        state: of the site.
        at: start of a bucket that hasn't begun, aware UTC.

    Raises:
        ConfigError: no epoch is valid then, or it begins just then.
    """
    old = next((h for h in state.halves if h.valid_from <= at < h.valid_to), None)
    if old is None:
        raise ConfigError(
            "no epoch is valid then, so there is none to replace",
            advice="Make new epochs with `omokage keys extend`.",
        )
    if old.valid_from == at:
        raise ConfigError(
            "the epoch in use ends with the running bucket anyway",
            advice="Wait until the next bucket has begun, then look at `omokage keys status`.",
        )
    pair = (replace(old, valid_to=at), make_half(at, old.valid_to))
    place = state.halves.index(old)
    return replace(state, halves=(*state.halves[:place], *pair, *state.halves[place + 1 :]))


def with_new_device(state: KeyState, verify_key: bytes, now: datetime) -> KeyState:
    """List another key that the device may sign with; those before stay valid for now."""
    key = DeviceKey(verify_key, now.replace(microsecond=0))
    return replace(state, devices=replace(state.devices, keys=(*state.devices.keys, key)))


def with_old_devices_ended(state: KeyState, now: datetime) -> KeyState:
    """End every key of the device but the newest; they verify what was signed before."""
    *earlier, newest = state.devices.keys
    end = now.replace(microsecond=0)
    ended = (k if k.valid_to else replace(k, valid_to=max(end, k.valid_from)) for k in earlier)
    return replace(state, devices=replace(state.devices, keys=(*ended, newest)))


def without(state: KeyState, ids: frozenset[str]) -> KeyState:
    """Leave epochs out, for good."""
    return replace(state, halves=tuple(half for half in state.halves if half.id not in ids))


def monday(now: datetime) -> datetime:
    """Return the beginning of an instant's ISO week, UTC."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())
