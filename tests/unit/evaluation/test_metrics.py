"""Metrics against values worked out by hand, or printed in papers and manuals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agent.evaluation import metrics

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
"""Shrout & Fleiss 1979, table 2: six targets, four judges."""


def test_pearson_as_scipy_prints_it() -> None:
    """The example of SciPy's manual for `pearsonr`: -0.8285."""
    x, y = np.arange(1.0, 8), np.array([10, 9, 2.5, 6, 4, 3, 2])

    assert metrics.pearson(x, y) == pytest.approx(-0.828503883588428)


def test_pearson_of_a_constant_is_undefined() -> None:
    """A constant, or a single value, has no correlation: NaN, not 0."""
    assert math.isnan(metrics.pearson(np.ones(5), np.arange(5.0)))
    assert math.isnan(metrics.pearson(np.ones(1), np.ones(1)))


def test_columns_without_truth_are_absent() -> None:
    """A column is correlated over its known rows, and left out where nothing is defined."""
    truth = np.array([[1, np.nan, 2], [2, np.nan, 2], [3, np.nan, 2.0]])
    predicted = np.array([[1, 5, 1], [2, 6, 2], [4, 7, 3.0]])

    assert list(metrics.pearson_per_column(predicted, truth)) == [0]


def test_intraclass_as_shrout_and_fleiss_print_it() -> None:
    """ICC(3,1) of the paper's table is .71."""
    assert metrics.intraclass(*SHROUT_FLEISS.T) == pytest.approx(0.7148, abs=1e-4)


def test_intraclass_is_consistency() -> None:
    """A rater who always adds one agrees fully; one who answers backwards gives -1."""
    x = np.array([0.0, 1, 3, 5])

    assert metrics.intraclass(x, x + 1) == pytest.approx(1)
    assert metrics.intraclass(x, -x) == pytest.approx(-1)


def test_intraclass_of_constants_is_undefined() -> None:
    """Two constants, or one row, say nothing."""
    assert math.isnan(metrics.intraclass(np.ones(4), np.ones(4)))
    assert math.isnan(metrics.intraclass(np.ones(1), np.zeros(1)))


def test_concordance_punishes_an_offset() -> None:
    """By hand: 2 (2/3) / (2/3 + 2/3 + 1) = 4/7, where the correlation is 1."""
    x = np.array([1.0, 2, 3])

    assert metrics.concordance(x, x) == pytest.approx(1)
    assert metrics.concordance(x, x + 1) == pytest.approx(4 / 7)
    assert math.isnan(metrics.concordance(np.ones(3), np.ones(3)))


def test_errors_by_hand() -> None:
    """Differences 1, 1, 4: mean 2, mean square 6."""
    a, b = np.array([1.0, 2, 3]), np.array([2.0, 1, 7])

    assert metrics.mean_absolute_error(a, b) == 2
    assert metrics.mean_squared_error(a, b) == 6
    assert math.isnan(metrics.mean_absolute_error(a[:0], b[:0]))


def test_f1_as_scikit_learn_prints_it() -> None:
    """The example of scikit-learn's manual for `f1_score`: macro 0.2667."""
    truth, answer = np.array([0, 1, 2, 0, 1, 2]), np.array([0, 2, 1, 0, 0, 1])

    assert metrics.f1_macro(answer, truth, 3) == pytest.approx(0.26666666)
    assert metrics.f1_binary(answer == 0, truth == 0) == pytest.approx(0.8)


def test_f1_without_positives_is_undefined() -> None:
    """Nothing to find and nothing claimed: no F1; a class that nobody names is no zero."""
    nothing = np.zeros(4, int)

    assert math.isnan(metrics.f1_binary(nothing, nothing))
    assert metrics.f1_macro(nothing, nothing, 8) == 1


def test_recalls_by_hand() -> None:
    """Half of class 0, all of class 2; class 1 has no example and doesn't count."""
    truth, answer = np.array([0, 0, 2, 2]), np.array([0, 1, 2, 2])

    assert metrics.recalls(answer, truth, 3)[::2] == [0.5, 1.0]
    assert metrics.mean_recall(answer, truth, 3) == 0.75


def test_confusion_as_scikit_learn_prints_it() -> None:
    """The example of scikit-learn's manual for `confusion_matrix`."""
    truth, answer = np.array([2, 0, 2, 2, 0, 1]), np.array([0, 0, 2, 2, 0, 2])

    assert metrics.confusion(answer, truth, 3).tolist() == [[2, 0, 0], [0, 0, 1], [1, 0, 2]]


@pytest.mark.parametrize(
    ("score", "positive", "area"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),  # scikit-learn's manual, roc_auc_score
        ([1, 2, 2, 3], [0, 1, 0, 1], 0.875),  # a tie counts half: 3.5 of 4 pairs
        ([1, 1, 1, 1], [0, 1, 0, 1], 0.5),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0.0),
    ],
)
def test_area_under_roc(score: list[float], positive: list[int], area: float) -> None:
    """Areas known from elsewhere, ties included."""
    assert metrics.area_under_roc(np.array(score, float), np.array(positive)) == area


def test_area_without_positives_is_undefined() -> None:
    """One class alone has no area."""
    assert math.isnan(metrics.area_under_roc(np.arange(3.0), np.zeros(3)))
    assert math.isnan(metrics.area_under_roc(np.arange(3.0), np.ones(3)))


def test_calibration_error_by_hand() -> None:
    """Half of the answers 0.9 sure and all right, half 0.6 sure and none right: 0.05 + 0.3."""
    probability = np.array([[0.9, 0.1]] * 5 + [[0.6, 0.4]] * 5)
    truth = np.array([0] * 5 + [1] * 5)

    assert metrics.calibration_error(probability, truth) == pytest.approx(0.35)


def test_calibration_error_of_overconfidence() -> None:
    """Always sure and right half of the time is wrong by a half."""
    probability = np.tile([1.0, 0.0], (10, 1))

    assert metrics.calibration_error(probability, np.arange(10) % 2) == pytest.approx(0.5)


def test_abstention_gives_the_surest_answers() -> None:
    """The surer half is all right, the whole three quarters."""
    confidence = np.array([0.9, 0.8, 0.7, 0.6])
    right = np.array([1, 1, 0, 1])

    curve = metrics.abstention_curve(confidence, right, (0.5, 1.0))

    assert curve == [(0.5, 1.0, 0.8), (1.0, 0.75, 0.6)]


def test_abstention_ignores_a_temperature() -> None:
    """Any rising change of the confidences leaves the curve's accuracies as they are."""
    rng = np.random.default_rng(0)
    confidence, right = rng.random(50), rng.integers(0, 2, 50)

    plain, cubed = (
        [point[1] for point in metrics.abstention_curve(c, right, (0.2, 0.6, 1.0))]
        for c in (confidence, confidence**3)
    )

    assert plain == cubed


def test_abstention_keeps_ties_together() -> None:
    """Answers that are equally sure are given together."""
    (point,) = metrics.abstention_curve(np.ones(4), np.array([1, 0, 1, 1]), [0.25])

    assert point[:2] == (1.0, 0.75)


def test_kappa_as_scikit_learn_prints_it() -> None:
    """The example of scikit-learn's manual for `cohen_kappa_score`: 0.6875."""
    first, second = np.array([0, 2, 0, 1, 2]), np.array([0, 2, 0, 1, 0])

    assert metrics.kappa(first, second) == pytest.approx(0.6875)


def test_kappa_and_pabak_by_hand() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: kappa 0.4, PABAK 2 x 0.7 - 1."""
    first = np.array([1] * 25 + [0] * 25)
    second = np.array([1] * 20 + [0] * 5 + [1] * 10 + [0] * 15)

    assert metrics.kappa(first, second) == pytest.approx(0.4)
    assert metrics.pabak(first, second) == pytest.approx(0.4)
    assert metrics.pabak(first, second, classes=8) == pytest.approx((8 * 0.7 - 1) / 7)


def test_kappa_without_choice_is_undefined() -> None:
    """Raters who only ever said one thing agree by chance alone; PABAK still is 1."""
    same = np.zeros(5, int)

    assert math.isnan(metrics.kappa(same, same))
    assert metrics.pabak(same, same) == 1


def test_intervals_widen_when_persons_repeat() -> None:
    """Ten pictures of one person are less evidence than ten persons."""
    values = np.repeat([0.0, 1.0], 50)
    persons = np.repeat(np.arange(10), 10)

    single = metrics.bootstrap_interval(values)
    grouped = metrics.bootstrap_interval(values, persons)

    assert grouped[1] - grouped[0] > single[1] - single[0]


def test_the_interval_of_a_mean_covers_as_it_says() -> None:
    """Of 200 samples with mean 0, about 95 % of the intervals hold 0."""
    rng = np.random.default_rng(3)

    held = 0
    for seed in range(200):
        low, high = metrics.bootstrap_interval(rng.normal(0, 1, 60), draws=400, seed=seed)
        held += low <= 0 <= high

    assert 0.88 <= held / 200 <= 0.99


def test_resamples_take_whole_persons() -> None:
    """Whoever is drawn comes with all rows, however often."""
    persons = np.array(["a", "a", "b", "c", "c", "c"])

    for rows in metrics.resamples(persons, 20):
        drawn = {name: int((persons[rows] == name).sum()) for name in "abc"}
        assert drawn["a"] % 2 == 0
        assert drawn["c"] % 3 == 0


def test_resamples_of_single_rows_have_the_samples_size() -> None:
    """Without persons, as many rows are drawn as there are; the same ones again."""
    first, second = (metrics.resamples(np.arange(7), 3, seed=2) for _ in range(2))

    assert [len(rows) for rows in first] == [7, 7, 7]
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


def test_an_interval_of_what_is_mostly_undefined_is_undefined() -> None:
    """A measure that most resamples leave undefined has no interval."""
    samples = metrics.resamples(np.arange(4), 10)
    answers = iter([float("nan")] * 6 + [1.0] * 4)

    low, high = metrics.interval_of(lambda _: next(answers), samples)

    assert math.isnan(low)
    assert math.isnan(high)
