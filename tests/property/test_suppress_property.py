"""Whatever was seen: nobody's number leaves, neither directly nor by subtraction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.aggregate.suppress import DOMINANCE_SHARE, MIN_SAMPLES, release
from agent.aggregate.window import BucketSummary, Moments
from agent.config.policy_file import parse_policy
from agent.domain.aggregate import ATTENTION, METRICS, SITE_TOTAL, Aggregate
from agent.domain.frame import FrameStatus
from agent.domain.policy import PersonBound, Policy, Release, Zone

START = datetime(2026, 9, 27, 1, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "policies" / "demo.toml"
BASE = parse_policy(DEMO.read_bytes(), DEMO.name)


def _moments(records: list[int]) -> Moments:
    total = [n * 0.5 for n in records]
    return Moments(
        sum(records),
        sum(total),
        len(records),
        sum(s * s for s in total),
        sum(s * n for s, n in zip(total, records, strict=True)),
        sum(n * n for n in records),
        max(records, default=0),
    )


@st.composite
def cells(draw: st.DrawFn) -> list[BucketSummary]:
    """Draw one bucket of one to four zones with any faces."""
    found = []
    for name in draw(st.sampled_from(["a", "ab", "abc", "abcd"])):
        records = draw(st.lists(st.integers(1, 60), max_size=8))
        moments = _moments(records)
        faces = {m.name: moments for m in METRICS.values() if not m.technical} if records else {}
        peak = draw(st.integers(0, 9))
        status = dict.fromkeys(FrameStatus, 1.0)
        found.append(BucketSummary(name, START, 30, status, 0, peak, len(records), faces))
    return found


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw release rules."""
    rosters = st.integers(1, 9)
    return replace(
        BASE,
        zones=tuple(Zone(name, None, draw(rosters)) for name in "abcd"),
        release=Release(
            BASE.release.bucket, draw(st.integers(1, 7)), draw(st.sampled_from(PersonBound))
        ),
    )


def _persons(policy: Policy, found: list[BucketSummary]) -> int:
    """Count persons again, apart from the code under test."""
    if policy.release.bound is PersonBound.VISITS:
        return sum(cell.tracks for cell in found)
    if policy.release.bound is PersonBound.PEAK:
        return max(min(cell.peak, cell.tracks) for cell in found)
    rosters = {zone.name: zone.roster or 0 for zone in policy.zones}
    return max(rosters[cell.zone] for cell in found)


def _safe(policy: Policy, found: list[BucketSummary]) -> bool:
    moments = [cell.moments[ATTENTION] for cell in found]
    records = sum(m.samples for m in moments)
    return (
        _persons(policy, found) >= policy.release.k
        and records >= MIN_SAMPLES
        and max(m.largest for m in moments) <= DOMINANCE_SHARE * records
    )


def _shown(rows: list[Aggregate], zone: str) -> bool:
    return any(
        row.zone == zone and not METRICS[row.metric].technical and not row.suppressed
        for row in rows
    )


@settings(max_examples=150)
@given(cells(), policies())
def test_no_shown_zone_has_fewer_than_k_persons(found: list[BucketSummary], policy: Policy) -> None:
    """Every zone with a shown face number has k persons, enough records, and no main face."""
    rows = release(found, policy, models=())

    for cell in found:
        if _shown(rows, cell.zone):
            assert _safe(policy, [cell])


@settings(max_examples=300)
@given(cells(), policies())
def test_subtraction_isolates_nobody(found: list[BucketSummary], policy: Policy) -> None:
    """Where the total is shown, total minus shown zones is empty or itself safe to show."""
    rows = release(found, policy, models=())
    rest = [cell for cell in found if cell.tracks and not _shown(rows, cell.zone)]

    if _shown(rows, SITE_TOTAL) and rest:
        assert len(rest) > 1
        assert _safe(policy, rest)


@settings(max_examples=100)
@given(cells(), policies())
def test_hidden_rows_are_all_alike(found: list[BucketSummary], policy: Policy) -> None:
    """A hidden row carries no number, and shown values are rounded to three decimals."""
    for row in release(found, policy, models=()):
        if row.suppressed:
            assert (row.value, row.samples, row.tracks, row.persons) == (None,) * 4
        elif row.value is not None:
            assert row.value == round(row.value, 3)


@settings(max_examples=50)
@given(cells(), policies())
def test_release_is_a_function_of_its_arguments(found: list[BucketSummary], policy: Policy) -> None:
    """The same bucket gives the same rows, in whichever order the zones come."""
    forwards = release(found, policy, models=())
    backwards = release(found[::-1], policy, models=())

    assert sorted(map(repr, forwards)) == sorted(map(repr, backwards))
