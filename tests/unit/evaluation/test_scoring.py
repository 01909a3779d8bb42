"""Scores with intervals, and scores by group."""

from __future__ import annotations

import math

import numpy as np

from agent.evaluation.scoring import Sample, mean_of, own_units
from agent.evaluation.slices import Axis, What, by_group, divided, flagged, sharpness


def test_a_score_lies_in_its_interval() -> None:
    """The interval holds the value, and its units are the persons."""
    values = np.random.default_rng(0).random(100)

    score = Sample(np.repeat(np.arange(20), 5)).mean(values)

    assert score.low < score.value < score.high
    assert score.count == 20


def test_one_unit_has_no_interval() -> None:
    """Nothing can be resampled from one person or clip."""
    score = Sample(np.array(["one"] * 9)).mean(np.arange(9.0))

    assert score.value == 4
    assert math.isnan(score.low)


def test_nothing_has_no_score() -> None:
    """An empty sample is undefined, not 0."""
    assert math.isnan(Sample(own_units(0)).mean(np.zeros(0)).value)


def test_rows_without_a_value_are_left_out() -> None:
    """NaN rows don't count; only NaN rows leave the mean undefined."""
    values = np.array([1.0, np.nan, 3.0])

    assert mean_of(values)(np.arange(3)) == 2
    assert math.isnan(mean_of(values)(np.array([1])))


def test_bounds_belong_above() -> None:
    """A value on a bound is in the upper group, an unknown one in none."""
    axis = divided("light", np.array([10.0, 90.0, 200.0, np.nan]), (90, 170), ("a", "b", "c"))

    assert axis.place.tolist() == [0, 1, 2, -1]


def test_the_gap_is_best_less_worst() -> None:
    """Groups of known means: their gap, its sign and its names."""
    right = np.r_[np.ones(60), np.zeros(20), np.ones(40)]
    axis = Axis("light", ("bright", "dark"), np.r_[np.zeros(60, int), np.ones(60, int)])
    what = What("accuracy", "accuracy", "share", mean_of(right))

    slices = by_group(what, Sample(own_units(120)), [axis])

    (gap,) = slices.gaps
    assert (gap.best, gap.worst) == ("bright", "dark")
    assert round(gap.score.value, 3) == 0.333
    assert gap.score.low > 0


def test_an_error_s_gap_is_positive_too() -> None:
    """For errors the best group is the one with the least."""
    error = np.r_[np.full(40, 1.0), np.full(40, 3.0)]
    flag = np.arange(80) >= 40
    what = What("mae", "error", "degrees", mean_of(error), lower_is_better=True)

    (gap,) = by_group(what, Sample(own_units(80)), [flagged("glasses", "without", flag)]).gaps

    assert (gap.best, gap.worst, gap.score.value) == ("without", "with glasses", 2.0)


def test_no_difference_has_an_interval_around_zero() -> None:
    """Where groups don't differ, the interval of their gap reaches below 0."""
    values = np.random.default_rng(1).random(200)
    axis = flagged("glasses", "without", np.arange(200) % 2 == 0)
    what = What("accuracy", "accuracy", "share", mean_of(values))

    (gap,) = by_group(what, Sample(own_units(200)), [axis]).gaps

    assert gap.score.low < 0 < gap.score.high


def test_small_groups_are_named_but_not_scored() -> None:
    """Under 30 examples there is no score, but the reader hears of the group."""
    axis = flagged("mask", "without", np.arange(100) < 5)
    what = What("accuracy", "accuracy", "share", mean_of(np.ones(100)))

    slices = by_group(what, Sample(own_units(100)), [axis])

    assert [group.name for group in slices.groups] == ["without"]
    assert slices.left_out == ("mask with mask (5)",)
    assert not slices.gaps


def test_sharpness_tells_a_blurred_picture() -> None:
    """Blur lowers it; exposure doesn't change it."""
    import cv2

    rng = np.random.default_rng(0)
    crisp = rng.integers(0, 200, (96, 96), np.uint8)
    soft = np.asarray(cv2.GaussianBlur(crisp, (0, 0), 6), np.uint8)

    assert sharpness(soft) < 0.7 * sharpness(crisp)
    assert abs(sharpness(crisp // 2) - sharpness(crisp)) < 0.02
