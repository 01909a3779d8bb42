"""Reviews are told apart by the models and thresholds that made the records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.domain.review import Review, Verdict
from agent.evaluation.bias import Kind, errors, reviewed
from agent.evaluation.differences import Said
from agent.evaluation.versions import compared, newest, of_version, versions
from tests.reviewing import review

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
OLD, NEW = ("encoder@1", "head@1"), ("encoder@2", "head@1")


def lot(models: tuple[str, ...], count: int, wrong: int, *, days: int, first: int) -> list[Review]:
    """Return reviews of one version, the first ones wrong."""
    return [
        replace(
            review(
                first + i,
                at=NOW - timedelta(days=days) + timedelta(minutes=i),
                verdict=Verdict.REJECT if i < wrong else Verdict.ACCEPT,
            ),
            models=models,
        )
        for i in range(count)
    ]


def both() -> list[Review]:
    """Return sixty clips of an older version, half wrong, and forty of a newer one, four wrong."""
    return [*lot(OLD, 60, 30, days=40, first=0), *lot(NEW, 40, 4, days=3, first=100)]


def test_each_version_has_its_own_share_and_the_newest_comes_first() -> None:
    """Two versions aren't averaged; their times are those of the clips."""
    new, old = versions(both())

    assert (new.models, new.reviews, new.misjudged.value) == (NEW, 40, 0.1)
    assert (old.models, old.reviews, old.misjudged.value) == (OLD, 60, 0.5)
    assert old.since < old.until < new.since < new.until


def test_newest_is_what_made_the_newest_clip_not_what_was_reviewed_last() -> None:
    """An old clip that is reviewed late doesn't bring its version back."""
    late = [replace(one, at=NOW + timedelta(days=9)) for one in lot(OLD, 3, 0, days=40, first=0)]

    assert {one.models for one in newest([*both()[60:], *late])} == {NEW}


def test_the_order_of_the_models_makes_no_version() -> None:
    """The same names in another order are the same version."""
    turned = [replace(one, models=one.models[::-1]) for one in lot(NEW, 5, 0, days=1, first=300)]

    (found,) = versions([*lot(NEW, 5, 0, days=2, first=200), *turned])

    assert found.reviews == 10


def test_a_changed_threshold_is_a_version() -> None:
    """A calibration's name among the models tells its records apart."""
    changed = lot((*NEW, "calibration@ab"), 5, 0, days=1, first=300)

    assert len(versions([*changed, *lot(NEW, 5, 0, days=2, first=200)])) == 2


def test_of_no_version_are_all() -> None:
    """Asked for none in particular, nothing is left out; asked for one, nothing else is in."""
    everything = both()
    old = versions(everything)[1]

    assert of_version(everything, None) == everything
    assert of_version(everything, old) == everything[:60]


def test_without_reviews_there_is_no_version() -> None:
    """Nothing is newest where there is nothing."""
    assert versions([]) == ()
    assert newest([]) == []
    assert compared([]).said is Said.TOO_FEW


def test_versions_are_compared_as_groups_are() -> None:
    """A version that is wrong half of the time differs from one that is wrong in one of ten."""
    assert compared(both()).said is Said.DIFFERENT
    assert compared(lot(OLD, 60, 30, days=40, first=0)).said is Said.TOO_FEW


def test_circumstances_are_compared_within_the_newest_version() -> None:
    """What an older version got wrong doesn't count against a place or an hour."""
    groups = reviewed(both(), "UTC")

    assert {one.samples for one in groups if one.kind is Kind.ZONE} == {40}
    assert {one.clips for one in errors(both(), "UTC") if one.kind is Kind.ZONE} == {40}
