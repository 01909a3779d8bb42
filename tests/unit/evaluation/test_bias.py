"""A sign needs a difference that matters and one that chance hardly brings."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.domain.review import Sampling, Verdict, Why
from agent.evaluation.bias import Kind, Measure, group, reviewed, signs
from tests.reviewing import review

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)


def lot(measure: Measure, *values: float, error: float = 0.01) -> list:
    """Return places with these values."""
    return [group(Kind.ZONE, f"z{i}", measure, v, error, 500) for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("measure", "values", "worse"),
    [
        (Measure.UNREADABLE, (0.02, 0.03, 0.45), "z2"),
        (Measure.QUALITY, (0.8, 0.5, 0.82), "z1"),
        (Measure.EXPRESSIVENESS, (0.2, 0.1), "z1"),
        (Measure.MISJUDGED, (0.4, 0.1), "z0"),
        (Measure.HIDDEN, (0.1, 0.9, 0.12), "z1"),
    ],
)
def test_the_group_that_is_worse_off_is_named(
    measure: Measure, values: tuple[float, ...], worse: str
) -> None:
    """More unreadable, hidden or wrong, or less quality or movement; never the better one."""
    (found,) = signs(lot(measure, *values))

    assert (found.kind, found.name, found.measure) == (Kind.ZONE, worse, measure)


def test_a_small_difference_is_no_sign() -> None:
    """However certain it is, what doesn't matter isn't said."""
    assert signs(lot(Measure.QUALITY, 0.80, 0.75, error=0.0001)) == ()


def test_an_uncertain_difference_is_no_sign() -> None:
    """However large it is, what chance may bring isn't said."""
    assert signs(lot(Measure.MISJUDGED, 0.6, 0.1, error=0.2)) == ()


def test_a_group_alone_has_nothing_to_differ_from() -> None:
    """One place isn't worse than others that aren't there."""
    assert signs(lot(Measure.UNREADABLE, 0.9)) == ()


def test_chance_alone_rarely_brings_a_sign() -> None:
    """A year of days without any difference, ten groups each, brings next to no alarm."""
    dice = random.Random(4)
    alarms = sum(
        bool(signs(lot(Measure.MISJUDGED, *(dice.gauss(0.2, 0.06) for _ in range(10)), error=0.06)))
        for _ in range(365)
    )

    assert alarms <= 5


def wrong_at(share: dict[str, float], count: int, sampling: Sampling | None = None) -> list:
    """Return reviews of which a share was fixed, by place."""
    found = []
    for zone, rate in share.items():
        for i in range(count):
            verdict = Verdict.REJECT if i < rate * count else Verdict.ACCEPT
            one = review(len(found), at=NOW + timedelta(seconds=i), verdict=verdict)
            one = replace(one, clip=replace(one.clip, zone=zone))
            found.append(replace(one, sampling=sampling or one.sampling))
    return found


def test_a_place_where_reviewers_find_more_mistakes_is_a_sign() -> None:
    """Random clips of one place that are wrong far more often than elsewhere are named."""
    found = signs(reviewed(wrong_at({"door": 0.05, "yard": 0.6}, 60), "UTC"))

    assert ("yard", Measure.MISJUDGED) in {(one.name, one.measure) for one in found}
    assert "door" not in {one.name for one in found}


def test_clips_that_were_chosen_because_they_are_hard_say_nothing() -> None:
    """Only the random sample compares places."""
    hard = Sampling(Why.MARGIN, None)

    assert reviewed(wrong_at({"door": 0.05, "yard": 0.6}, 60, hard), "UTC") == []


def test_few_clips_give_no_number() -> None:
    """Under twenty clips a group is listed without a value, and is no sign."""
    found = reviewed(wrong_at({"door": 0.0, "yard": 1.0}, 15), "UTC")

    assert {one.value for one in found if one.kind is Kind.ZONE} == {None}
    assert [one for one in signs(found) if one.kind is Kind.ZONE] == []
