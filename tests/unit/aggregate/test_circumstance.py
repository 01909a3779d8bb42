"""Near and far, in light and in the dusk, facing and turned: counted, and hidden in pairs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.aggregate.suppress import release
from agent.aggregate.window import BucketSummary, BucketWindow
from agent.config.policy_file import parse_policy
from agent.domain.aggregate import Aggregate, Reason, expressiveness_when, quality_when
from agent.domain.circumstance import (
    BRIGHT,
    NEAR,
    OTHER,
    Circumstance,
    Scene,
    circumstances,
    scene_code,
    scene_halves,
)
from agent.domain.frame import FrameStatus
from agent.domain.policy import Policy, Zone
from agent.domain.record import QUALITY_STEP, FeatureRecord
from tests.browser.seed import DEMO
from tests.reviewing import course

START = datetime(2026, 11, 25, 10, tzinfo=UTC)
CLOSE, AWAY = Scene(0.4, 0.6), Scene(0.1, 0.6)


def rules(k: int = 3) -> Policy:
    """Return the demo's policy with two zones."""
    policy = parse_policy(DEMO.read_bytes(), DEMO.name)
    zones = (Zone("a", None, None), Zone("b", None, None))
    return replace(policy, zones=zones, release=replace(policy.release, k=k))


def bucket(near: int, far: int, zone: str = "a", quality: int = 16) -> BucketSummary:
    """Return a bucket in which so many people stood near and others far."""
    window = BucketWindow(zone, START, 60)
    window.tick(FrameStatus.OK, near + far, 60)
    for track in range(near + far):
        for record in course(track, 5.0, seed=3):
            scene = CLOSE if track < near else AWAY
            window.add(replace(record, quality=quality), scene)
    return window.summary()


def shown(rows: list[Aggregate], metric: str, zone: str = "a") -> Aggregate:
    """Return the row of a metric."""
    (found,) = [row for row in rows if row.metric == metric and row.zone == zone]
    return found


def test_each_record_belongs_to_one_half_of_each_pair() -> None:
    """The bounds belong to the near, bright half; no record is in both halves."""
    at_the_bound = circumstances(Scene(NEAR, BRIGHT), facing=True)
    below = circumstances(Scene(NEAR - 0.01, BRIGHT - 0.01), facing=False)

    assert at_the_bound == (Circumstance.NEAR, Circumstance.BRIGHT, Circumstance.FACING)
    assert below == tuple(OTHER[one] for one in at_the_bound)


@pytest.mark.parametrize("near", [True, False])
@pytest.mark.parametrize("bright", [True, False])
def test_a_code_says_what_the_scene_was(near: bool, bright: bool) -> None:
    """What a record keeps is read back as the halves that it came from."""
    scene = Scene(NEAR if near else NEAR / 2, BRIGHT if bright else BRIGHT / 2)

    assert scene_halves(scene_code(scene)) == circumstances(scene, facing=True)[:2]


@pytest.mark.parametrize("code", [0, 5, 255])
def test_another_code_claims_nothing(code: int) -> None:
    """Not known, or never written by anybody: no half is made up."""
    assert scene_halves(code) == ()


def test_quality_is_a_mean_over_the_half_alone() -> None:
    """Near and far have their own means, with visits behind them as everywhere."""
    window = BucketWindow("a", START, 60)
    window.tick(FrameStatus.OK, 8, 60)
    for track in range(8):
        near = track < 4
        for record in course(track, 5.0, seed=3):
            window.add(replace(record, quality=18 if near else 8), CLOSE if near else AWAY)
    rows = release([window.summary()], rules(), models=())
    near, far = (shown(rows, quality_when(c)) for c in (Circumstance.NEAR, Circumstance.FAR))

    assert near.value == pytest.approx(18 * QUALITY_STEP, abs=0.001)
    assert far.value == pytest.approx(8 * QUALITY_STEP, abs=0.001)
    assert (near.tracks, far.tracks) == (4, 4)


@pytest.mark.parametrize("name", [quality_when, expressiveness_when])
def test_one_hidden_half_hides_the_other(name: object) -> None:
    """With one person far away, all minus near would be that person: neither is shown."""
    rows = release([bucket(5, 1)], rules(), models=())
    near, far = (shown(rows, name(c)) for c in (Circumstance.NEAR, Circumstance.FAR))  # type: ignore[operator]

    assert (near.value, near.reason) == (None, Reason.COMPLEMENTARY)
    assert (far.value, far.reason) == (None, Reason.TOO_FEW_PERSONS)


def test_a_half_that_nobody_was_in_hides_nothing() -> None:
    """Where all stood near, nothing can be taken out of their number."""
    rows = release([bucket(5, 0)], rules(), models=())

    assert shown(rows, quality_when(Circumstance.NEAR)).value is not None
    assert shown(rows, quality_when(Circumstance.FAR)).reason is Reason.TOO_FEW_PERSONS


def test_the_total_does_not_give_a_hidden_half_away() -> None:
    """One zone's hidden halves hide those of all zones together."""
    rows = release([bucket(5, 5, "a"), bucket(5, 1, "b")], rules(), models=())

    assert shown(rows, quality_when(Circumstance.NEAR), "a").value is not None
    assert shown(rows, quality_when(Circumstance.NEAR), "*").reason is Reason.COMPLEMENTARY
    assert shown(rows, quality_when(Circumstance.FAR), "*").reason is Reason.COMPLEMENTARY


def test_without_a_scene_nothing_is_claimed() -> None:
    """Opened records don't know their circumstances; no number is made up for them."""
    window = BucketWindow("a", START, 60)
    records: list[FeatureRecord] = course(1, 5.0)
    for record in records:
        window.add(record)

    assert not [name for name in window.summary().moments if name.startswith("circumstance.")]
