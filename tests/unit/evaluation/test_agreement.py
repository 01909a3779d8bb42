"""What reviews say: unbiased shares, agreement on blind codings, nothing from too few."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.domain.facs import AU_LABELS
from agent.domain.review import Mark, Sampling, Verdict, Why
from agent.evaluation.agreement import FEWEST, assess, doubles, weighted_rate, wilson
from tests.reviewing import coding, review, view

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
SMILE = frozenset({"AU12"})


def many(count: int, wrong: int = 0, **fields):
    """Return reviews of different clips, the first ones rejected."""
    return [
        review(
            i,
            at=NOW + timedelta(minutes=i),
            verdict=Verdict.REJECT if i < wrong else Verdict.ACCEPT,
            **fields,
        )
        for i in range(count)
    ]


def elsewhere(count: int):
    """Return reviews of other clips than `many` does."""
    return [replace(r, clip=replace(r.clip, id=replace(r.clip.id, start=99))) for r in many(count)]


def test_too_few_clips_say_nothing() -> None:
    """Below the limit every share, kappa and calibration is undefined, never 0."""
    found = assess(many(FEWEST - 1, wrong=5))

    assert found.misjudged.value is None
    assert found.expression.kappa is None
    assert found.error is None
    assert () == found.bins
    assert all(pair.pabak is None for pair in found.units)


def test_uncertain_clips_do_not_make_the_model_worse() -> None:
    """Fifty rejected uncertain clips leave the rate of the random sample as it is."""
    hard = [
        replace(r, sampling=Sampling(Why.MARGIN, None), clip=replace(r.clip, zone="x"))
        for r in many(50, wrong=50)
    ]
    hard = [replace(r, clip=replace(r.clip, id=replace(r.clip.id, start=99))) for r in hard]
    found = assess(many(40, wrong=4) + hard)

    assert 0.1 == pytest.approx(found.misjudged.value)
    assert 40 == found.misjudged.clips
    assert 90 == found.reviews


def test_equal_weights_give_wilsons_interval() -> None:
    """10 of 100: Wilson 1927 gives 5.5 % to 17.4 %."""
    rate = weighted_rate([(i < 10, 4.0) for i in range(100)])

    assert (0.0552, 0.1744) == pytest.approx((rate.low, rate.high), abs=5e-4)


def test_weights_undo_unequal_draws() -> None:
    """A zone drawn with 0.1 counts ten times one drawn whole."""
    rate = weighted_rate([(True, 10.0)] * 20 + [(False, 1.0)] * 200)

    assert 0.5 == pytest.approx(rate.value)
    assert (rate.high or 0) - (rate.low or 0) > 0.2  # 220 equal ones: 0.13


def test_the_estimate_is_unbiased_over_many_draws() -> None:
    """Drawn with different probabilities, the mean estimate is the population's share."""
    dice = random.Random(5)
    people = [(dice.random() < (0.4 if i % 2 else 0.1), 0.6 if i % 2 else 0.15) for i in range(800)]
    truth = sum(wrong for wrong, _ in people) / len(people)
    found = []
    for _ in range(200):
        drawn = [(wrong, 1 / p) for wrong, p in people if dice.random() < p]
        found.append(weighted_rate(drawn).value or 0.0)

    assert truth == pytest.approx(sum(found) / len(found), abs=0.01)


def test_a_share_of_nothing_wrong_still_has_an_interval() -> None:
    """No mistake in 30 clips doesn't mean that there are none."""
    low, high = wilson(0.0, 30)

    assert 0 == low
    assert 0.1 < high < 0.13


def test_second_codings_count_once() -> None:
    """A clip that two persons coded is one clip of the sample."""
    first = many(30)
    second = [replace(r, reviewer="mori", at=r.at + timedelta(days=1)) for r in first]
    found = assess(first + second)

    assert 30 == found.random == found.misjudged.clips
    assert 60 == found.reviews


def test_perfect_and_opposite_coders() -> None:
    """Kappa and PABAK are 1 for the same answers and -1 for opposite ones."""
    halves = [SMILE if i % 2 else frozenset() for i in range(40)]
    same = [review(i, at=NOW, coded=coding(one), model=view(one)) for i, one in enumerate(halves)]
    other = [
        review(i, at=NOW, coded=coding(one), model=view(SMILE - one))
        for i, one in enumerate(halves)
    ]
    place = AU_LABELS.index("AU12")

    assert (1.0, 1.0) == (assess(same).units[place].kappa, assess(same).units[place].pabak)
    assert (-1.0, -1.0) == (assess(other).units[place].kappa, assess(other).units[place].pabak)


def test_what_is_always_absent_has_no_kappa() -> None:
    """Where both always say no, kappa is undefined; PABAK is 1."""
    pair = assess(many(30)).units[0]

    assert pair.kappa is None
    assert 1.0 == pair.pabak


def test_cannot_see_is_left_out_and_counted() -> None:
    """It is neither present nor absent."""
    blind = replace(coding(), marks=(Mark.UNSEEN,) * len(AU_LABELS), expression=None)
    found = assess(many(25) + [replace(r, coding=blind) for r in elsewhere(7)])

    assert (25, 7) == (found.units[0].clips, found.units[0].unseen)
    assert (25, 7) == (found.expression.clips, found.expression.unseen)


def test_agreement_is_that_of_the_blind_coding() -> None:
    """Accepting a label after seeing it doesn't count as having seen it oneself."""
    bowed = [
        review(i, at=NOW, coded=coding(expression="neutral"), model=view(top="happiness"))
        for i in range(30)
    ]
    found = assess(bowed)

    assert 0 == found.misjudged.value
    assert 0 == found.expression.agreed


def test_confusion_has_persons_in_rows() -> None:
    """Row 0, column 1: the person saw neutral, the model happiness."""
    seen = [review(i, at=NOW, model=view(top="happiness")) for i in range(25)]

    assert 25 == assess(seen).confusion[0][1]


def test_a_site_without_classes_has_none() -> None:
    """Where the head isn't loaded there is no confusion and no calibration."""
    bare = [replace(r, model=replace(r.model, emotion=None)) for r in many(40)]
    found = assess(bare)

    assert () == found.confusion == found.bins
    assert found.error is None
    assert found.expression.agreed is None


def test_calibration_compares_stated_and_found() -> None:
    """A model that says 80 % and is right in half of the clips is 0.3 off."""
    half = [
        review(i, at=NOW, coded=coding(expression="neutral" if i % 2 else "fear"))
        for i in range(40)
    ]
    found = assess(half)

    assert 0.3 == pytest.approx(found.error)
    assert (0.8, 0.5, 40) == pytest.approx(
        (found.bins[0].stated, found.bins[0].right, found.bins[0].clips)
    )


def test_two_persons_are_compared_whatever_drew_the_clip() -> None:
    """A pair needs two different persons; the same person twice isn't one."""
    clip = review(1, at=NOW)
    again = replace(clip, at=NOW + timedelta(hours=1))
    other = replace(again, reviewer="mori", coding=coding(SMILE))

    assert [] == doubles([clip, again])
    assert [(clip.coding, other.coding)] == doubles([other, clip])


def test_drift_is_by_week_of_the_clip() -> None:
    """Weeks with too few clips stand there without a number."""
    later = [replace(r, clip=replace(r.clip, at=NOW + timedelta(days=9))) for r in elsewhere(5)]
    weeks = assess(many(30, wrong=3) + later).weeks

    assert [30, 5] == [rate.clips for _, rate in weeks]
    assert 0.1 == pytest.approx(weeks[0][1].value)
    assert weeks[1][1].value is None
    assert {0} == {monday.weekday() for monday, _ in weeks}
