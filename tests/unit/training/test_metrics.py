"""Metrics against values worked out by hand or taken from their papers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from training.metrics import (
    area_under_roc,
    bootstrap_interval,
    calibration_error,
    intraclass,
    pearson,
    pearson_per_column,
)


def test_pearson_of_a_straight_line_is_one():
    """A linear relation correlates fully, with its sign."""
    x = np.arange(10.0)

    assert pearson(x, 3 * x + 1) == pytest.approx(1)
    assert pearson(x, -x) == pytest.approx(-1)


def test_pearson_of_a_constant_is_undefined():
    """A constant has no correlation: NaN, not 0."""
    assert math.isnan(pearson(np.ones(5), np.arange(5.0)))


def test_columns_use_known_rows_only():
    """Unknown truth is left out, and a column without variation is absent."""
    truth = np.array([[1, np.nan, 2], [2, np.nan, 2], [3, np.nan, 2.0]])
    predicted = np.array([[1, 5, 1], [2, 6, 2], [4, 7, 3.0]])

    found = pearson_per_column(predicted, truth)

    assert list(found) == [0]


def test_intraclass_matches_shrout_and_fleiss():
    """ICC(3,1) of two of the raters in Shrout & Fleiss 1979, table 2, by their formulas."""
    first, second = np.array([9, 6, 8, 7, 10, 6.0]), np.array([2, 1, 4, 1, 5, 2.0])
    ms_rows = 2 * ((np.stack([first, second]).mean(0) - 5.083333333333333) ** 2).sum() / 5
    residual = np.stack([first, second]) - np.stack([first, second]).mean(0)
    residual -= residual.mean(1, keepdims=True)
    ms_error = (residual**2).sum() / 5

    expected = (ms_rows - ms_error) / (ms_rows + ms_error)

    assert intraclass(first, second) == pytest.approx(expected)


def test_intraclass_ignores_a_constant_offset():
    """Consistency, not agreement: a rater who always adds one agrees fully."""
    x = np.array([0.0, 1, 3, 5])

    assert intraclass(x, x + 1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("score", "expected"), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0), ([1, 1, 1, 1], 0.5)]
)
def test_area_under_roc(score, expected):
    """Perfect order, reversed order, and all ties."""
    positive = np.array([False, False, True, True])

    assert area_under_roc(np.array(score, float), positive) == expected


def test_area_under_roc_without_positives_is_undefined():
    """No positive, no area."""
    assert math.isnan(area_under_roc(np.arange(3.0), np.zeros(3, bool)))


def test_calibration_error_of_overconfidence():
    """Always sure and right half of the time is wrong by a half."""
    probability = np.tile([1.0, 0.0], (10, 1))

    assert calibration_error(probability, np.arange(10) % 2) == pytest.approx(0.5)


def test_intervals_widen_when_persons_repeat():
    """Ten pictures of one person are less evidence than ten persons."""
    values = np.repeat([0.0, 1.0], 50)
    persons = np.repeat(np.arange(10), 10)

    single, grouped = bootstrap_interval(values), bootstrap_interval(values, persons)

    assert grouped[1] - grouped[0] > single[1] - single[0]
