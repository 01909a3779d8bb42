"""A sign needs a difference that matters and one that chance hardly brings."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.domain.circumstance import PAIRS, Circumstance
from agent.domain.review import Sampling, Verdict, Why
from agent.evaluation.bias import PAIR_KINDS, Kind, Measure, errors, group, reviewed, signs
from agent.evaluation.differences import Said
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


def under(share: dict[Circumstance, float], count: int) -> list:
    """Return reviews of which a share was rejected, by circumstance."""
    found = []
    for half, rate in share.items():
        for i in range(count):
            verdict = Verdict.REJECT if i < rate * count else Verdict.ACCEPT
            one = review(len(found), at=NOW + timedelta(seconds=i), verdict=verdict)
            found.append(replace(one, circumstances=(half,)))
    return found


@pytest.mark.parametrize(("pair", "kind"), list(zip(PAIRS, PAIR_KINDS, strict=True)))
def test_mistakes_far_away_in_the_dusk_or_of_turned_heads_are_found(
    pair: tuple[Circumstance, Circumstance], kind: Kind
) -> None:
    """Each half has its share; the worse one is a sign, and chance is no explanation."""
    everything = under({pair[0]: 0.05, pair[1]: 0.6}, 60)
    groups = [one for one in reviewed(everything, "UTC") if one.kind is kind]
    told = {one.kind: one for one in errors(everything, "UTC")}

    assert [one.name for one in groups] == [half.value for half in pair]
    assert [one.value for one in groups] == pytest.approx([0.05, 0.6])
    assert [sign.name for sign in signs(groups)] == [pair[1].value]
    assert told[kind].said is Said.DIFFERENT
    assert told[Kind.ZONE].said is Said.TOO_FEW  # there is one place only


def test_halves_that_do_not_differ_are_no_evidence() -> None:
    """Equal shares are no sign, and come with the difference that would have been noticed."""
    everything = under({Circumstance.NEAR: 0.2, Circumstance.FAR: 0.2}, 60)
    (told,) = [one for one in errors(everything, "UTC") if one.kind is Kind.DISTANCE]

    assert signs(reviewed(everything, "UTC")) == ()
    assert (told.said, told.clips, told.unknown) == (Said.NO_EVIDENCE, 120, 0)
    assert 0.1 < (told.noticeable or 0) < 0.5


def test_reviews_without_circumstances_belong_to_no_half() -> None:
    """Those from before they were noted are counted as unknown, in no group."""
    everything = [
        *under({Circumstance.NEAR: 0.2, Circumstance.FAR: 0.2}, 30),
        *(review(100 + i, at=NOW) for i in range(25)),
    ]
    groups = [one for one in reviewed(everything, "UTC") if one.kind is Kind.DISTANCE]
    (told,) = [one for one in errors(everything, "UTC") if one.kind is Kind.DISTANCE]

    assert [one.samples for one in groups] == [30, 30]
    assert (told.clips, told.unknown) == (60, 25)


def test_without_random_reviews_nothing_is_said_of_mistakes() -> None:
    """Neither no review nor hard clips alone give a sentence."""
    assert errors([], "UTC") == ()
    assert errors(wrong_at({"door": 0.5}, 60, Sampling(Why.MARGIN, None)), "UTC") == ()


def test_few_clips_give_no_number() -> None:
    """Under twenty clips a group is listed without a value, and is no sign."""
    found = reviewed(wrong_at({"door": 0.0, "yard": 1.0}, 15), "UTC")

    assert {one.value for one in found if one.kind is Kind.ZONE} == {None}
    assert [one for one in signs(found) if one.kind is Kind.ZONE] == []
