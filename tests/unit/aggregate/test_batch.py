"""Adding a batch gives the same sums as adding its records one by one."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from agent.aggregate.batch import add_batch
from agent.aggregate.window import BucketWindow
from agent.domain.aggregate import BLINK_RATE
from agent.domain.blink import AU45
from agent.domain.record import MISSING, PRESENCE_BYTES, RECORD_DTYPE, from_batch
from tests.fakes import NOON as BUCKET_START


def some(count: int, *, seed: int = 1, tracks: int = 7):
    """Return random records in any order of tracks."""
    rng = np.random.default_rng(seed)
    batch = np.zeros(count, RECORD_DTYPE)
    batch["track"] = rng.integers(0, tracks, count) * 9000
    batch["au_sides"] = rng.integers(0, 26, (count, 32))
    batch["presence"] = packed(rng.integers(0, 1 << 19, count))
    batch["emotion"] = rng.integers(0, 40, (count, 8))
    batch["pose"] = rng.integers(-12, 12, (count, 3))
    batch["calibrated"] = rng.integers(0, 2, count)
    return batch


def packed(bits):
    """Return presence as a record holds it: three bytes, lowest bits first."""
    return bits.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :PRESENCE_BYTES]


def both(batch):
    """Return the moments by either way."""
    together = BucketWindow("door", BUCKET_START, 3600)
    one_by_one = BucketWindow("door", BUCKET_START, 3600)
    add_batch(together, batch)
    for record in from_batch(batch):
        one_by_one.add(record)
    return together.summary(), one_by_one.summary()


@pytest.mark.parametrize("missing", ["nothing", "sides", "unit", "emotion", "everything"])
def test_a_batch_adds_up_like_its_records(missing: str) -> None:
    """Every moment of every metric agrees, also where values are missing."""
    batch = some(500)
    rng = np.random.default_rng(2)
    if missing in {"sides", "everything"}:
        batch["au_sides"][rng.random((500, 32)) < 0.3] = MISSING
    if missing in {"unit", "everything"}:
        batch["au_sides"][:, :2] = MISSING
    if missing in {"emotion", "everything"}:
        batch["emotion"][rng.random(500) < 0.5] = MISSING

    found, expected = both(batch)

    assert expected.tracks == found.tracks
    assert list(expected.moments) == list(found.moments)
    for name, moments in expected.moments.items():
        assert astuple(found.moments[name]) == pytest.approx(astuple(moments), rel=1e-6), name


def test_without_the_emotion_head_there_is_no_emotion() -> None:
    """A head that wasn't loaded gives no metric, not zeros."""
    batch = some(50)
    batch["emotion"] = MISSING

    found, expected = both(batch)

    assert set(expected.moments) == set(found.moments)
    assert not any(name.startswith("emotion") for name in found.moments)


def test_blinks_of_a_batch_are_those_of_its_records() -> None:
    """Looks five times a second, some left out, some without AU45: the same blinks either way."""
    rng = np.random.default_rng(3)
    batch = some(3000, tracks=4)
    batch["offset"] = np.sort(rng.integers(0, 3000, 3000)) * 2
    batch["presence"] = packed((rng.random(3000) < 0.3).astype(np.uint32) << AU45)
    batch["au_sides"][rng.random(3000) < 0.1] = MISSING

    found, expected = both(batch)

    assert astuple(found.moments[BLINK_RATE]) == pytest.approx(
        astuple(expected.moments[BLINK_RATE])
    )
    assert (expected.moments[BLINK_RATE].value or 0) > 1


def test_nothing_adds_nothing() -> None:
    """An empty batch leaves the window as it was."""
    found, expected = both(some(0))

    assert expected == found
    assert found.moments == {}


def test_two_batches_of_one_track_are_one_track() -> None:
    """A track that goes on in the next batch is counted once."""
    window = BucketWindow("door", BUCKET_START, 3600)

    add_batch(window, some(20, tracks=1))
    add_batch(window, some(30, tracks=1))

    assert window.summary().tracks == 1
    assert window.summary().moments["faces.calibrated_share"].samples == 50
