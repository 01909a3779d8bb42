"""What a record costs on the disk: measured on simulated faces, with everything around it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.benchmarks.bench_open import au_only, simulated_hour, stored_bytes

BUDGET = 24
"""Bytes a record, at the example policy's settings: one hour, 5 a second, Action Units only."""


def test_a_record_costs_no_more_than_its_budget(tmp_path: Path) -> None:
    """Keys, headers, signatures, indexes and the pages that an hour's flushes leave behind."""
    hour = au_only(simulated_hour(np.random.default_rng(5), 4000))

    count, size = stored_bytes(tmp_path / "segments.sqlite", [hour] * 3, 60, close=True)

    assert 12_000 == count
    assert size / count <= BUDGET, size / count
