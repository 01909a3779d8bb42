"""A soak fails for what creeps, and for nothing else."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest

from tests.soak.judge import Verdict, judge, slope, student


@dataclass
class Sample:
    """A sample of a calm agent, unless said otherwise."""

    seconds: float
    rss_mb: float = 180.0
    threads: int = 7
    files: int = 11
    wal_kb: float = 400.0
    cpu_seconds: float = 0.0
    late_ms: float = 0.3
    late_max_ms: float = 9.0
    missed: int = 0
    looked: int = 0
    lost_or_frozen: int = 0
    lost: int = 0
    overdue: int = 0


REPORT = {
    "minutes": 60.0, "exit_code": 0, "stop_seconds": 0.7, "ended_early": False,
    "records": {"acknowledged": 100, "kept": 60, "deleted": 40, "missing": 0},
}  # fmt: skip


def hour(**changes: Any) -> list[Sample]:
    """Return an hour's samples; a change is a value, or a function of the seconds."""
    noise = random.Random(1)
    made = []
    for second in range(5, 3600, 5):
        values = {k: v(second) if callable(v) else v for k, v in changes.items()}
        made.append(
            Sample(
                second,
                **{"rss_mb": 180 + noise.uniform(-0.3, 0.3), "looked": 10 * second, **values},
            )
        )
    return made


def failed(samples: list[Sample], **changes: Any) -> list[str]:
    """Return what doesn't hold."""
    verdicts: list[Verdict] = judge(samples, {**REPORT, **changes})
    return [verdict.what for verdict in verdicts if not verdict.holds]


def test_a_calm_hour_passes() -> None:
    """Noise alone is no finding."""
    assert [] == failed(hour())


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"rss_mb": lambda s: 180 + 4 * s / 3600}, "resident memory, slope"),
        ({"rss_mb": lambda s: 180 + 60 * (s % 1800 > 900)}, "resident memory, slope"),
        ({"rss_mb": 251.0}, "resident memory, most"),
        ({"files": lambda s: 11 + s // 500}, "open files"),
        ({"threads": lambda s: 7 + s // 1500}, "threads"),
        ({"wal_kb": 20_000.0}, "write-ahead log"),
        ({"late_ms": 40.0}, "tick lateness"),
        ({"missed": lambda s: s}, "ticks missed"),
        ({"looked": lambda s: 10 * min(s, 3000)}, "frames looked at"),
        ({"lost": 1}, "records never stored"),
        ({"overdue": lambda s: int(s == 1800)}, "records overdue"),
    ],
)
def test_what_creeps_is_found(changes: dict[str, Any], what: str) -> None:
    """Each limit is enforced by itself: growth, also unproven one, and everything else."""
    assert [what] == failed(hour(**changes))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"records": {**REPORT["records"], "missing": 1}}, "acknowledged records"),
        ({"exit_code": -9}, "end"),
        ({"stop_seconds": 6.0}, "end"),
        ({"ended_early": True}, "end"),
    ],
)
def test_a_bad_end_is_found(changes: dict[str, Any], what: str) -> None:
    """An acknowledged record that is nowhere, a crash and a slow end fail the run."""
    assert [what] == failed(hour(), **changes)


def test_an_agent_that_never_spoke_fails() -> None:
    """No sample is no success."""
    assert ["health"] == failed([])


def test_the_interval_covers_the_true_slope() -> None:
    """Of 200 noisy lines about 95 % of the intervals hold the truth."""
    noise = random.Random(7)
    seconds = [5.0 * i for i in range(300)]

    held = 0
    for _ in range(200):
        found = slope(seconds, [3 * s / 3600 + noise.gauss(0, 1) for s in seconds])
        assert found is not None
        held += found.low <= 3 <= found.high

    assert 180 <= held <= 199


@pytest.mark.parametrize(("freedom", "quantile"), [(4, 2.776), (10, 2.228), (23, 2.069)])
def test_students_quantile(freedom: int, quantile: float) -> None:
    """The approximation agrees with the printed tables."""
    assert pytest.approx(quantile, rel=0.005) == student(freedom)
