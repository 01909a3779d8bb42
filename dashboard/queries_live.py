"""What the live page reads: the agent's health file, the disk, and today's released minutes.

The file is another process's, perhaps another version's: whatever is missing in it or isn't what
it should be is simply unknown, and the page says so. A file that can't be read as a whole is a
state of its own, never a crash.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from agent.config.pause_file import read_pause
from agent.domain.aggregate import (
    DROPPED_FRAMES,
    FACES_PEAK,
    OBSERVED_SECONDS,
    SITE_TOTAL,
    TOTAL_SECONDS,
    status_share,
)
from agent.domain.frame import FrameStatus
from agent.domain.schedule import CaptureReason, capture_allowed
from agent.retention.safety import Stop
from agent.retention.trust import Doubt
from agent.store.aggregates import AggregateReader
from dashboard import estimates

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.domain.policy import Policy
    from dashboard.estimates import Coverage

STALE = timedelta(seconds=15)
"""The agent writes every two seconds; so long a silence isn't a slow disk any more."""
LEAST_LOAD_SECONDS = 60
"""Of running, under which a mean load says little."""
LOOKED_AT = frozenset(
    {FrameStatus.OK, FrameStatus.NO_FACE, FrameStatus.TOO_DARK, FrameStatus.BLURRED}
)
"""Statuses of a camera that gives pictures."""
W = TypeVar("W", bound=StrEnum)


class State(StrEnum):
    """How the agent is."""

    RUNNING = "running"
    SILENT = "silent"
    STOPPED = "stopped"
    NEVER = "never"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Camera:
    """One zone's camera, as the agent last said.

    Attributes:
        zone: name.
        status: what it gives; None where a newer agent says a word that we don't know.
        since: when that began, aware UTC; None if unknown.
        rate: frames a second that were looked at lately; None if unknown.
        dropped: frames that came too late, since the agent's start.
        looked: frames that were looked at since then.
    """

    zone: str
    status: FrameStatus | None
    since: datetime | None
    rate: float | None
    dropped: int
    looked: int


@dataclass(frozen=True, slots=True)
class Capture:
    """Whether cameras may be open.

    Attributes:
        allowed: now.
        reason: why, or why not; None if unknown.
        next_change: when that changes by itself, aware UTC; None if it doesn't.
    """

    allowed: bool
    reason: CaptureReason | None
    next_change: datetime | None


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the last round of deletion said; see `agent.retention.round`.

    Attributes:
        at: when it was, aware UTC.
        overdue: records and numbers past their deadline; None where nobody can tell.
        waiting: rows that wait for somebody's word.
        stop: why.
        doubt: about the clock.
        erased: whether nothing deleted is left in a log file.
        held: records under a legal hold.
        next_due: aware UTC.
    """

    at: datetime | None
    overdue: int | None
    waiting: int
    stop: Stop | None
    doubt: Doubt | None
    erased: bool
    held: int
    next_due: datetime | None


@dataclass(frozen=True, slots=True)
class Load:
    """What the agent takes of its machine, since its cameras run.

    Attributes:
        resident: memory, bytes; None if unknown.
        most: the most that it ever took; None likewise.
        cores: processor time by time, 1 for one core; None in its first minute.
        seconds: that this is about.
    """

    resident: int | None
    most: int | None
    cores: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that the agent last said of itself.

    Attributes:
        state: see `State`.
        at: when it said so, aware UTC; None where it never did.
        cameras: by zone, in the policy's order.
        capture: whether cameras may be open.
        hertz: frames a second that the policy asks for; None if unknown.
        policy: digest of the policy that it runs under, "" if unknown.
        models: in use.
        persisting: whether the last attempt to store succeeded; None if unknown.
        stored: records since the start.
        lost: records since the start.
        last_commit: aware UTC.
        keys_known: whether it said anything of keys.
        keys_days: for which keys are valid; None where none is.
        upkeep: None before the first round.
        trouble: its own sentences, English.
        bias: groups that stood out in the last daily comparison.
        bias_at: when that was, aware UTC; None before the first.
        hardening: its own sentences on missing protections, English.
        load: on the machine; None where it didn't say.
    """

    state: State
    at: datetime | None = None
    cameras: tuple[Camera, ...] = ()
    capture: Capture = Capture(True, None, None)  # frozen
    hertz: float | None = None
    policy: str = ""
    models: tuple[str, ...] = ()
    persisting: bool | None = None
    stored: int = 0
    lost: int = 0
    last_commit: datetime | None = None
    keys_known: bool = False
    keys_days: int | None = None
    upkeep: Upkeep | None = None
    trouble: str = ""
    bias: tuple[str, ...] = ()
    bias_at: datetime | None = None
    hardening: tuple[str, ...] = ()
    load: Load | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """Room where the site's data lies, in bytes."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Today:
    """What the cameras could do today, as far as it was released.

    Attributes:
        since: the day's first instant by the site's clock, or the first release after it.
        until: end of the last release.
        zones: by name.
    """

    since: datetime
    until: datetime
    zones: Mapping[str, Coverage]


def health(place: Site, now: datetime) -> Health:
    """Read the agent's health file."""
    try:
        text = place.status.read_text("utf-8")
    except FileNotFoundError:
        return Health(State.NEVER)
    except (OSError, UnicodeDecodeError):
        return Health(State.UNREADABLE)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Health(State.UNREADABLE)
    at = _instant(found.get("written_at")) if isinstance(found, dict) else None
    if at is None:
        return Health(State.UNREADABLE)
    return _parse(found, at, now)


def _parse(found: dict[str, Any], at: datetime, now: datetime) -> Health:
    # A file from the future was written under another clock: as good as silent.
    silent = abs(now - at) > STALE
    stopped = found.get("state") != "running"
    days = found.get("keys_days")
    return Health(
        state=State.STOPPED if stopped else State.SILENT if silent else State.RUNNING,
        at=at,
        cameras=_cameras(found, at),
        capture=_capture(_table(found, "capture")),
        hertz=_number(found.get("sampling_hz")),
        policy=str(found.get("policy", "")),
        models=_texts(found.get("models")),
        persisting=found["persisting"] if isinstance(found.get("persisting"), bool) else None,
        stored=_count(found.get("stored_records")),
        lost=_count(found.get("lost_records")),
        last_commit=_instant(found.get("last_commit")),
        keys_known="keys_until" in found,
        keys_days=_count(days) if found.get("keys_until") else None,
        upkeep=_upkeep(found.get("retention")),
        trouble=str(found.get("trouble") or ""),
        **_bias(found.get("bias")),
        hardening=_texts(found.get("hardening_missing")),
        load=_load(found.get("load")),
    )


def _cameras(found: dict[str, Any], at: datetime) -> tuple[Camera, ...]:
    seconds, rates = _table(found, "zone_seconds"), _table(found, "frames_per_second")
    dropped, ticks = _table(found, "dropped_frames"), _table(found, "ticks")
    cameras = []
    for zone, status in _table(found, "zones").items():
        lasted = _number(seconds.get(zone))
        counts = ticks.get(zone)
        counts = counts if isinstance(counts, dict) else {}
        cameras.append(
            Camera(
                zone=zone,
                status=_word(FrameStatus, status),
                since=None if lasted is None else at - timedelta(seconds=lasted),
                rate=_number(rates.get(zone)),
                dropped=_count(dropped.get(zone)),
                looked=sum(_count(counts.get(status)) for status in LOOKED_AT),
            )
        )
    return tuple(cameras)


def _capture(found: dict[str, Any]) -> Capture:
    return Capture(
        allowed=found.get("allowed", True) is True,
        reason=_word(CaptureReason, found.get("reason")),
        next_change=_instant(found.get("next_change")),
    )


def _bias(found: object) -> dict[str, Any]:
    if not isinstance(found, dict) or not isinstance(found.get("signs"), list):
        return {}
    signs = tuple(str(sign) for sign in found["signs"])
    return {"bias": signs, "bias_at": _instant(found.get("at"))}


def _load(found: object) -> Load | None:
    if not isinstance(found, dict):
        return None
    resident, most = (_number(found.get(f"{name}resident_bytes")) for name in ("", "most_"))
    work, seconds = _number(found.get("cpu_seconds")), _number(found.get("seconds")) or 0.0
    return Load(
        resident=None if resident is None else int(resident),
        most=None if most is None else int(most),
        cores=None if work is None or seconds < LEAST_LOAD_SECONDS else work / seconds,
        seconds=seconds,
    )


def _upkeep(found: object) -> Upkeep | None:
    if not isinstance(found, dict):
        return None
    overdue = [found.get("overdue_records"), found.get("overdue_numbers")]
    return Upkeep(
        at=_instant(found.get("at")),
        overdue=None if None in overdue else sum(_count(number) for number in overdue),
        waiting=_count(found.get("waiting_rows")),
        stop=_word(Stop, found.get("stop")),
        doubt=_word(Doubt, found.get("doubt")),
        erased=found.get("erased", True) is True,
        held=_count(found.get("held_records")),
        next_due=_instant(found.get("next_due")),
    )


def _table(found: dict[str, Any], key: str) -> dict[str, Any]:
    table = found.get(key)
    return table if isinstance(table, dict) else {}


def _texts(found: object) -> tuple[str, ...]:
    return tuple(str(text) for text in found) if isinstance(found, list | tuple) else ()


def _number(found: object) -> float | None:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        number = float(found)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _count(found: object) -> int:
    number = _number(found)
    return 0 if number is None else int(number)


def _instant(found: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant is not None and instant.tzinfo else None


def _word(kind: type[W], found: object) -> W | None:
    try:
        return kind(str(found))
    except ValueError:
        return None


def capture_by_policy(place: Site, rules: Policy, now: datetime) -> Capture:
    """Say whether cameras may be open by the policy and the pause; for when the agent is silent."""
    found = capture_allowed(rules.schedule, read_pause(place.pause), now)
    return Capture(found.allowed, found.reason, found.next_change)


def disk(place: Site) -> Disk | None:
    """Return how much room is left where the site's data lies; None if the system won't say."""
    try:
        usage = shutil.disk_usage(place.aggregates.parent)
    except OSError:
        return None
    return Disk(usage.free, usage.total)


def day_start(rules: Policy, now: datetime) -> datetime:
    """Return the first instant of the site's calendar day, aware UTC."""
    local = now.astimezone(ZoneInfo(rules.timezone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def today(place: Site, rules: Policy, since: datetime, until: datetime) -> Today | None:
    """Sum up what the cameras could do, None where nothing was released.

    Args:
        place: the site.
        rules: its policy; names the zones.
        since: `day_start`.
        until: end of the last release.

    Raises:
        StoreError: the database refuses.
    """
    metrics = [DROPPED_FRAMES, FACES_PEAK, OBSERVED_SECONDS, TOTAL_SECONDS]
    metrics += [status_share(status) for status in FrameStatus]
    rows = AggregateReader(place.aggregates).rows(since, until, None, metrics)
    if not rows:
        return None
    first = min(row.bucket_start for row in rows)
    names = [zone.name for zone in rules.zones]
    names += sorted({row.zone for row in rows} - {*names, SITE_TOTAL})
    sums = estimates.summed(rows)
    return Today(first, until, {n: estimates.coverage(sums, [n], first, until) for n in names})
