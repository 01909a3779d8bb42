"""What a closed bucket shows: each reason to hide, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.aggregate.suppress import DOMINANCE_SHARE, MIN_SAMPLES, release
from agent.aggregate.window import BucketSummary, Moments
from agent.config.policy_file import parse_policy
from agent.domain.aggregate import (
    ATTENTION,
    FACES_PEAK,
    METRICS,
    SITE_TOTAL,
    TOTAL_SECONDS,
    Aggregate,
    Reason,
    au_rate,
    emotion_share,
    status_share,
)
from agent.domain.frame import FrameStatus
from agent.domain.policy import Head, PersonBound, Policy, Release, Zone

START = datetime(2026, 9, 27, 1, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "policies" / "demo.toml"
RATE = au_rate("AU12")


def rules(
    *, k: int = 3, bound: PersonBound = PersonBound.PEAK, roster: int | None = None
) -> Policy:
    """Return the demo's policy with three zones and these rules."""
    policy = parse_policy(DEMO.read_bytes(), DEMO.name)
    return replace(
        policy,
        zones=tuple(Zone(name, None, roster) for name in ("a", "b", "c")),
        release=Release(policy.release.bucket, k, bound),
    )


def equal(tracks: int, each: int = 20, rate: float = 0.25) -> Moments:
    """Return moments of tracks that contribute equally."""
    hits = each * rate
    return Moments(
        tracks * each, tracks * hits, tracks, tracks * hits * hits, tracks * hits * each,
        tracks * each * each, each if tracks else 0,
    )  # fmt: skip


def cell(
    zone: str, peak: int, moments: Moments | None = None, tracks: int | None = None
) -> BucketSummary:
    """Return a zone's bucket in which all face metrics have the same moments."""
    found = equal(peak if tracks is None else tracks) if moments is None else moments
    faces = {name: found for name, metric in METRICS.items() if not metric.technical}
    status = dict.fromkeys(FrameStatus, 0.0) | {FrameStatus.OK: 20.0, FrameStatus.TOO_DARK: 5.0}
    return BucketSummary(
        zone, START, 30, status, 3, peak, found.tracks, faces if found.samples else {}
    )


def only(rows: list[Aggregate], zone: str, metric: str = RATE) -> Aggregate:
    """Return the one row of this zone and metric."""
    found = [row for row in rows if (row.zone, row.metric) == (zone, metric)]
    assert len(found) == 1
    return found[0]


def test_enough_persons_are_shown_with_their_counts() -> None:
    """At k simultaneous faces a rate appears with interval, counts and release terms."""
    row = only(release([cell("a", 3)], rules(), models=("m 1",)), "a")

    assert (row.value, row.samples, row.tracks, row.persons) == (0.25, 60, 3, 3)
    assert (row.k, row.models, row.suppressed) == (3, ("m 1",), False)
    assert row.policy == rules().digest


def test_too_few_persons_hide_every_face_number() -> None:
    """One face fewer than k hides all face-derived rows, counts and the peak included."""
    rows = release([cell("a", 2)], rules(), models=())
    faces = [row for row in rows if not METRICS[row.metric].technical]

    assert {row.reason for row in faces} == {Reason.TOO_FEW_PERSONS}
    assert only(rows, "a", FACES_PEAK).value is None


def test_coverage_stays_when_faces_are_hidden() -> None:
    """Coverage says what the camera could do, whoever was there."""
    rows = release([cell("a", 1)], rules(), models=())

    assert only(rows, "a", TOTAL_SECONDS).value == 25
    assert only(rows, "a", status_share(FrameStatus.TOO_DARK)).value == 0.2


def test_a_bucket_without_ticks_has_no_shares() -> None:
    """Shares of no time at all are missing, not 0."""
    empty = replace(cell("a", 0), status_seconds=dict.fromkeys(FrameStatus, 0.0))
    rows = release([empty], rules(), models=())

    assert only(rows, "a", status_share(FrameStatus.OK)).value is None


def test_faces_without_records_do_not_count_as_persons() -> None:
    """Five faces in view, of which two gave records, are two persons behind the number."""
    row = only(release([cell("a", 5, tracks=2)], rules(), models=()), "a")

    assert row.reason is Reason.TOO_FEW_PERSONS


def test_too_few_records_are_hidden() -> None:
    """A mean of fewer than ten face-records says nothing."""
    moments = equal(3, each=MIN_SAMPLES // 3)
    row = only(release([cell("a", 3, moments)], rules(), models=()), "a")

    assert row.reason is Reason.TOO_FEW_SAMPLES


def test_a_cell_of_mostly_one_face_is_hidden() -> None:
    """Three persons of whom one gives more than 80 % of the records protect nobody."""
    moments = replace(equal(3, each=40), largest=int(120 * DOMINANCE_SHARE) + 1)
    row = only(release([cell("a", 3, moments)], rules(), models=()), "a")

    assert row.reason is Reason.DOMINATED


def test_visits_count_tracks() -> None:
    """Under `visits`, tracks are what is compared with k."""
    policy = rules(k=6, bound=PersonBound.VISITS)

    assert only(release([cell("a", 1, tracks=6)], policy, models=()), "a").persons == 6
    assert only(release([cell("a", 9, tracks=5)], policy, models=()), "a").suppressed


def test_roster_counts_who_works_there() -> None:
    """Under `roster`, the zone's roster is what is compared with k."""
    enough = rules(k=3, bound=PersonBound.ROSTER, roster=4)
    few = rules(k=3, bound=PersonBound.ROSTER, roster=2)

    assert only(release([cell("a", 2)], enough, models=()), "a").persons == 4
    assert only(release([cell("a", 2)], few, models=()), "a").suppressed


def test_total_appears_when_all_zones_are_shown() -> None:
    """With nothing hidden there is nothing to subtract."""
    row = only(release([cell("a", 3), cell("b", 4)], rules(), models=()), SITE_TOTAL)

    assert (row.value, row.samples, row.persons) == (0.25, 140, 4)


def test_total_is_hidden_when_one_zone_is() -> None:
    """Total minus shown zones would be the hidden zone."""
    rows = release([cell("a", 5), cell("b", 4), cell("c", 1)], rules(), models=())

    assert only(rows, SITE_TOTAL).reason is Reason.COMPLEMENTARY
    assert not only(rows, "a").suppressed


def test_total_may_cover_several_hidden_zones_of_enough_visits() -> None:
    """Two hidden zones that pass the rules together can't be told apart in the total."""
    policy = rules(k=6, bound=PersonBound.VISITS)
    cells = [cell("a", 1, tracks=8), cell("b", 1, tracks=4), cell("c", 1, tracks=4)]

    assert not only(release(cells, policy, models=()), SITE_TOTAL).suppressed


def test_total_stays_hidden_over_too_few_hidden_visits() -> None:
    """Two hidden zones with fewer than k visits between them still hide the total."""
    policy = rules(k=6, bound=PersonBound.VISITS)
    cells = [cell("a", 1, tracks=8), cell("b", 1, tracks=2), cell("c", 1, tracks=2)]

    assert only(release(cells, policy, models=()), SITE_TOTAL).reason is Reason.COMPLEMENTARY


def test_an_empty_zone_does_not_hide_the_total() -> None:
    """A zone in which nobody was seen adds nothing that could be subtracted."""
    rows = release([cell("a", 3), cell("b", 4), cell("c", 0)], rules(), models=())

    assert not only(rows, SITE_TOTAL).suppressed


def test_a_single_zone_has_no_total() -> None:
    """A total that equals its only zone isn't released twice."""
    rows = release([cell("a", 3)], rules(), models=())

    assert SITE_TOTAL not in {row.zone for row in rows}


def test_rows_depend_on_the_policy_not_on_what_was_seen() -> None:
    """A full and an empty bucket give the same list of metrics."""
    full, empty = (release([cell("a", n)], rules(), models=()) for n in (5, 0))

    assert [row.metric for row in full] == [row.metric for row in empty]


def test_a_head_that_is_not_allowed_has_no_rows() -> None:
    """Without the emotion head there is no emotion row, not even a hidden one."""
    policy = replace(rules(), heads=frozenset({Head.AU}))
    names = {row.metric for row in release([cell("a", 5)], policy, models=())}

    assert emotion_share("anger") not in names
    assert {RATE, ATTENTION} <= names


@pytest.mark.parametrize("part", ["value", "samples", "tracks", "persons", "standard_error"])
def test_a_hidden_row_refuses_to_carry_a_number(part: str) -> None:
    """The type itself refuses a hidden row with a number in it."""
    row = only(release([cell("a", 1)], rules(), models=()), "a")

    with pytest.raises(ValueError, match="hidden row"):
        replace(row, **{part: 1})


def test_a_shown_row_refuses_fewer_than_k_persons() -> None:
    """The type itself refuses a shown row below k."""
    row = only(release([cell("a", 3)], rules(), models=()), "a")

    with pytest.raises(ValueError, match="fewer than k"):
        replace(row, persons=2)


def test_a_row_refuses_naive_time_and_unknown_metrics() -> None:
    """Instants are aware UTC and names come from the catalogue."""
    row = only(release([cell("a", 3)], rules(), models=()), "a")

    with pytest.raises(ValueError, match="UTC"):
        replace(row, bucket_start=START.replace(tzinfo=None))
    with pytest.raises(ValueError, match="catalogue"):
        replace(row, metric="mood.score")
