"""What somebody must do something about, most urgent first. Pure: health in, alarms out.

Each alarm is one sentence on what is wrong and one on what to do (`alarm.KEY.what` and
`alarm.KEY.todo`). Rules: what mends itself within a moment is no alarm; a person's own decision
(a pause, closing time) is none either; what follows from another alarm isn't said twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from agent.domain.frame import FrameStatus
from agent.domain.schedule import CaptureReason
from dashboard.queries_live import State

if TYPE_CHECKING:
    from agent.domain.policy import Policy
    from dashboard.queries_live import Camera, Disk, Health, Upkeep

KEYS_SOON = 28
KEYS_NOW = 7
"""Days; `omokage status` warns from the first one on."""
DISK_SOON = 2 << 30
DISK_NOW = 500 << 20
"""Bytes; the three databases together are capped at 2.5 GiB."""
SLOW_SHARE = 0.6
SETTLE = timedelta(seconds=30)
"""A rate means something once a camera has run so long."""
PATIENCE = {
    FrameStatus.CAMERA_LOST: timedelta(seconds=10),
    FrameStatus.FROZEN: timedelta(seconds=20),
    FrameStatus.TOO_DARK: timedelta(minutes=2),
    FrameStatus.BLURRED: timedelta(minutes=2),
}
"""So long a status must last to be worth an alarm."""


class Level(IntEnum):
    """How soon somebody should act."""

    NOW = 0
    SOON = 1
    KNOW = 2


URGENCY = {
    FrameStatus.CAMERA_LOST: Level.NOW,
    FrameStatus.FROZEN: Level.NOW,
    FrameStatus.TOO_DARK: Level.SOON,
    FrameStatus.BLURRED: Level.SOON,
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong.

    Attributes:
        level: how soon somebody should act.
        key: of its texts, below `alarm`.
        values: that its texts name; durations in seconds end in `_seconds`.
        at: an instant that its texts name as `{at}`, aware UTC.
    """

    level: Level
    key: str
    values: dict[str, str | int | float] = field(default_factory=dict)
    at: datetime | None = None


def alarms(
    health: Health, rules: Policy | None, disk: Disk | None, now: datetime
) -> tuple[Alarm, ...]:
    """Return everything that somebody should act on, most urgent first.

    Args:
        health: what the agent last said.
        rules: the policy file as it is now; None where it can't be read.
        disk: room that is left; None if unknown.
        now: aware UTC.
    """
    found = [*_agent(health), *_rules(health, rules), *_disk(disk)]
    if health.state is State.RUNNING:
        found += [*_cameras(health, now), *_storing(health)]
    if health.state in {State.RUNNING, State.SILENT, State.STOPPED}:
        found += [*_keys(health), *_upkeep(health.upkeep, health.at)]
        if health.bias and health.bias_at is not None:
            found.append(Alarm(Level.KNOW, "bias", {"n": len(health.bias)}, health.bias_at))
    known = {alarm.key for alarm in found}
    if health.state is State.RUNNING and health.trouble and not known & _EXPLAINED:
        found.append(Alarm(Level.SOON, "trouble"))
    return tuple(sorted(found, key=lambda alarm: alarm.level))


_EXPLAINED = {
    "not_storing", "no_keys", "pause_unreadable", "waiting", "other_database",
    "clock_ahead", "clock_behind", "overdue", "overdue_unknown",
}  # fmt: skip
"""Where one of these is said, the agent's own sentences belong to it."""


def _agent(health: Health) -> Iterator[Alarm]:
    if health.state is State.SILENT:
        yield Alarm(Level.NOW, "silent", at=health.at)
    elif health.state is State.STOPPED:
        yield Alarm(Level.SOON, "stopped", at=health.at)
    elif health.state is State.NEVER:
        yield Alarm(Level.SOON, "never")
    elif health.state is State.UNREADABLE:
        yield Alarm(Level.SOON, "unreadable")


def _rules(health: Health, rules: Policy | None) -> Iterator[Alarm]:
    if rules is None:
        yield Alarm(Level.SOON, "no_policy")
    elif health.state is State.RUNNING and health.policy and health.policy != rules.digest:
        yield Alarm(Level.SOON, "restart")


def _disk(disk: Disk | None) -> Iterator[Alarm]:
    if disk is not None and disk.free < DISK_SOON:
        level = Level.NOW if disk.free < DISK_NOW else Level.SOON
        yield Alarm(level, "disk", {"megabytes": disk.free >> 20})


def _cameras(health: Health, now: datetime) -> Iterator[Alarm]:
    if health.capture.reason is CaptureReason.PAUSE_UNREADABLE:
        yield Alarm(Level.NOW, "pause_unreadable")
    if not health.capture.allowed:
        return
    for camera in health.cameras:
        lasted = None if camera.since is None else now - camera.since
        status = camera.status
        if status in PATIENCE and (lasted is None or lasted >= PATIENCE[status]):
            yield Alarm(URGENCY[status], status.value, {"zone": camera.zone}, camera.since)
        elif _is_slow(camera, health.hertz, lasted):
            rate, wanted = f"{camera.rate:.1f}", f"{health.hertz:g}"
            yield Alarm(Level.KNOW, "slow", {"zone": camera.zone, "rate": rate, "wanted": wanted})


def _is_slow(camera: Camera, hertz: float | None, lasted: timedelta | None) -> bool:
    if camera.rate is None or hertz is None or camera.status in {None, *PATIENCE}:
        return False
    settled = camera.looked >= hertz * SETTLE.total_seconds() * SLOW_SHARE
    settled = settled or (lasted is not None and lasted >= SETTLE)
    return settled and camera.rate < SLOW_SHARE * hertz


def _storing(health: Health) -> Iterator[Alarm]:
    no_keys = health.keys_known and health.keys_days is None
    if health.persisting is False and not no_keys:
        yield Alarm(Level.NOW, "not_storing")
    if health.lost:
        yield Alarm(Level.KNOW, "lost", {"count": health.lost})


def _keys(health: Health) -> Iterator[Alarm]:
    if not health.keys_known:
        return
    if health.keys_days is None:
        yield Alarm(Level.NOW, "no_keys")
    elif health.keys_days < KEYS_SOON:
        level = Level.NOW if health.keys_days < KEYS_NOW else Level.SOON
        yield Alarm(level, "keys", {"days": health.keys_days})


def _upkeep(upkeep: Upkeep | None, at: datetime | None) -> Iterator[Alarm]:
    if upkeep is None:
        return
    if upkeep.overdue is None:
        yield Alarm(Level.NOW, "overdue_unknown")
    elif upkeep.overdue:
        yield Alarm(Level.NOW, "overdue", {"count": upkeep.overdue})
    if upkeep.stop is not None:
        key = "other_database" if upkeep.stop.value == "other_database" else "waiting"
        yield Alarm(Level.SOON, key, {"count": upkeep.waiting})
    if upkeep.doubt is not None:
        yield Alarm(Level.SOON, f"clock_{upkeep.doubt.value}", at=at)
    if not upkeep.erased:
        yield Alarm(Level.KNOW, "not_erased")
