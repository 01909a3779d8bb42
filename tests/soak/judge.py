"""What a soak's samples say, and whether that is within the limits. Pure.

A slope is fitted to the means of equal blocks of time (neighbouring samples repeat each other), by
least squares, with Student's 95 % interval. Memory fails when it surely grows, and, in a run of an
hour and more, also when it can't be shown not to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Any, Protocol

WARM_UP_SHARE = 1 / 6
"""Caches, pools and the allocator's arenas fill at first; an hour's first ten minutes."""
BLOCKS = 25
MEMORY_MB = 250.0
SURE_GROWTH_MB_PER_HOUR = 2.0
UNPROVEN_GROWTH_MB_PER_HOUR = 10.0
MORE_FILES = 4
MORE_THREADS = 1
WAL_KB = 16 * 1024
LATE_SHARE_OF_PERIOD = 0.25
PERIOD_MS = 100.0
MISSED_SHARE = 0.01
LOOKED_SHARE = 0.8
"""Of the ticks; a clip has pictures that are bit by bit the one before."""
STRETCH_SECONDS = 300.0
STOP_SECONDS = 5.0


class Sample(Protocol):
    """What is read of a sample; see `tests.soak.soak.Sample`."""

    seconds: float
    rss_mb: float
    threads: int
    files: int
    wal_kb: float
    cpu_seconds: float
    late_ms: float
    late_max_ms: float
    missed: int
    looked: int
    lost_or_frozen: int
    lost: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the table.

    Attributes:
        what: was measured.
        measured: in words.
        limit: in words; empty where there is none.
        holds: whether it does.
    """

    what: str
    measured: str
    limit: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Slope:
    """A trend and its 95 % interval, in units an hour."""

    value: float
    low: float
    high: float


def slope(seconds: Sequence[float], values: Sequence[float], blocks: int = BLOCKS) -> Slope | None:
    """Fit a trend to block means; None with fewer than four blocks.

    Args:
        seconds: growing.
        values: as many.
        blocks: at most so many, of equal length in time.
    """
    points = _block_means(seconds, values, blocks)
    n = len(points)
    if n < 4:
        return None
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    value = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = sum((y - mean_y - value * (x - mean_x)) ** 2 for x, y in points)
    reach = student(n - 2) * math.sqrt(rest / (n - 2) / spread)
    return Slope(3600 * value, 3600 * (value - reach), 3600 * (value + reach))


def student(freedom: int) -> float:
    """Return Student's two-sided 95 % quantile.

    Source: Abramowitz and Stegun 26.7.5, three terms; within 0.4 % from 4 degrees on.
    """
    z = NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def _block_means(
    seconds: Sequence[float], values: Sequence[float], blocks: int
) -> list[tuple[float, float]]:
    if len(seconds) < 2:
        return []
    start, length = seconds[0], (seconds[-1] - seconds[0]) / min(blocks, len(seconds))
    found: dict[int, list[tuple[float, float]]] = {}
    for x, y in zip(seconds, values, strict=True):
        found.setdefault(min(int((x - start) / length), blocks - 1), []).append((x, y))
    return [(fmean(x for x, _ in block), fmean(y for _, y in block)) for block in found.values()]


def judge(samples: Sequence[Sample], report: Mapping[str, Any]) -> list[Verdict]:
    """Hold a run against the limits.

    Args:
        samples: in order of time.
        report: `minutes`, `exit_code`, `stop_seconds`, `ended_early`, `records`.
    """
    if not samples:
        return [Verdict("health", "the agent never wrote any", "", holds=False)]
    steady = [s for s in samples if s.seconds >= WARM_UP_SHARE * samples[-1].seconds]
    return [
        *_memory(samples, steady, report["minutes"]),
        _count("open files", steady, lambda s: s.files, MORE_FILES),
        _count("threads", steady, lambda s: s.threads, MORE_THREADS),
        _wal(steady),
        *_timing(samples, steady),
        _looked(samples),
        *_records(samples, report),
        _end(report),
    ]


def _memory(samples: Sequence[Sample], steady: Sequence[Sample], minutes: float) -> list[Verdict]:
    most = max(s.rss_mb for s in samples)
    top = Verdict("resident memory, most", f"{most:.1f} MB", f"{MEMORY_MB:g} MB", most <= MEMORY_MB)
    found = slope([s.seconds for s in steady], [s.rss_mb for s in steady])
    if found is None:
        return [top, Verdict("resident memory, slope", "too few samples", "", holds=False)]
    text = f"{found.value:+.2f} MB/h ({found.low:+.2f} to {found.high:+.2f})"
    whole_hour = minutes >= 60
    holds = found.low <= SURE_GROWTH_MB_PER_HOUR and (
        not whole_hour or found.high <= UNPROVEN_GROWTH_MB_PER_HOUR
    )
    limit = f"{UNPROVEN_GROWTH_MB_PER_HOUR if whole_hour else SURE_GROWTH_MB_PER_HOUR:g} MB/h"
    return [top, Verdict("resident memory, slope", text, limit, holds)]


def _count(what: str, steady: Sequence[Sample], of: Callable[[Sample], int], more: int) -> Verdict:
    counts = [of(s) for s in steady]
    if min(counts) < 0:
        return Verdict(what, "only root may look", "", holds=True)
    text = f"{counts[0]} at first, {max(counts)} at most, {counts[-1]} at last"
    return Verdict(what, text, f"{more} more than at first", max(counts) - counts[0] <= more)


def _wal(steady: Sequence[Sample]) -> Verdict:
    most = max(s.wal_kb for s in steady)
    text = f"{most:.0f} kB at most, {steady[-1].wal_kb:.0f} at last"
    return Verdict("write-ahead log", text, f"{WAL_KB} kB", most <= WAL_KB)


def _timing(samples: Sequence[Sample], steady: Sequence[Sample]) -> list[Verdict]:
    late = sorted(s.late_ms for s in steady)
    median, bound = late[len(late) // 2], LATE_SHARE_OF_PERIOD * PERIOD_MS
    worst = max(s.late_max_ms for s in steady)
    trend = slope([s.seconds for s in steady], [s.late_ms for s in steady])
    drift = (
        "" if trend is None else f"{trend.value:+.2f} ms/h ({trend.low:+.2f} to {trend.high:+.2f})"
    )
    last = samples[-1]
    places = last.seconds * 1000 / PERIOD_MS
    share = last.missed / places
    busy = (last.cpu_seconds - samples[0].cpu_seconds) / (last.seconds - samples[0].seconds or 1)
    return [
        Verdict(
            "tick lateness", f"median {median:.2f} ms, worst {worst:.0f} ms",
            f"median {bound:g} ms", median <= bound,
        ),
        Verdict("tick lateness, drift", drift, "", holds=True),
        Verdict(
            "ticks missed", f"{last.missed} of {places:.0f} ({100 * share:.2f} %)",
            f"{100 * MISSED_SHARE:g} %", share <= MISSED_SHARE,
        ),
        Verdict("processor", f"{100 * busy:.1f} % of one core", "", holds=True),
    ]  # fmt: skip


def _looked(samples: Sequence[Sample]) -> Verdict:
    """Say whether frames were looked at all the time, not only on average."""
    shares = []
    first = samples[0]
    for sample in samples:
        passed = sample.seconds - first.seconds
        if passed >= STRETCH_SECONDS or sample is samples[-1]:
            places = passed * 1000 / PERIOD_MS
            shares += [(sample.looked - first.looked) / places] if passed > 20 else []
            first = sample
    worst = min(shares, default=0.0)
    text = f"worst {STRETCH_SECONDS / 60:.0f} minutes: {100 * worst:.0f} % of the ticks"
    return Verdict(
        "frames looked at", text, f"{100 * LOOKED_SHARE:.0f} %", holds=worst >= LOOKED_SHARE
    )


def _records(samples: Sequence[Sample], report: Mapping[str, Any]) -> list[Verdict]:
    found = report["records"]
    text = "{acknowledged} acknowledged = {kept} kept + {deleted} deleted".format(**found)
    lost, overdue = samples[-1].lost, max(s.overdue for s in samples)
    return [
        Verdict("acknowledged records", text, "none missing", found["missing"] == 0),
        Verdict("records never stored", f"{lost}", "0", lost == 0),
        Verdict("records overdue", f"{overdue} at most", "0", overdue <= 0),
    ]


def _end(report: Mapping[str, Any]) -> Verdict:
    text = f"exit {report['exit_code']} {report['stop_seconds']:.1f} s after SIGTERM"
    fine = not report["ended_early"] and report["exit_code"] == 0
    early = ", before its time" if report["ended_early"] else ""
    limit = f"exit 0 within {STOP_SECONDS:g} s"
    return Verdict("end", text + early, limit, fine and report["stop_seconds"] <= STOP_SECONDS)
