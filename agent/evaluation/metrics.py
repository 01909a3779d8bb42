"""Metrics, written once; plain numpy, shared with training.

Rules:
- What a sample doesn't define (a constant's correlation, an area without positives) is NaN and is
  reported as undefined; it never counts as 0 and is never left out silently.
- A metric takes whole arrays: pooled over all rows. Whoever averages over folds, persons or AUs
  says so beside the number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.intp]

NAN = float("nan")
CONSTANT = 1e-9
"""Deviation under which a sample counts as constant."""


def pearson(a: Array, b: Array) -> float:
    """Correlate two vectors; NaN where either is constant.

    Source: Pearson 1895; `cov(a, b) / (sd(a) sd(b))`.
    """
    if len(a) < 2 or a.std() < CONSTANT or b.std() < CONSTANT:
        return NAN
    return float(np.corrcoef(a, b)[0, 1])


def pearson_per_column(predicted: Array, truth: Array) -> dict[int, float]:
    """Correlate each column over the rows whose truth is known; undefined columns are absent."""
    result: dict[int, float] = {}
    for column in range(truth.shape[1]):
        known = ~np.isnan(truth[:, column])
        value = pearson(predicted[known, column], truth[known, column])
        if not np.isnan(value):
            result[column] = value
    return result


def intraclass(*raters: Array) -> float:
    """ICC(3,1) of two raters or more: consistency, two-way mixed, single; NaN where undefined.

    Source: Shrout & Fleiss 1979, `(BMS - EMS) / (BMS + (k - 1) EMS)`, k raters.
    """
    ratings = np.stack(raters, 1).astype(np.float64)
    rows, count = ratings.shape
    if rows < 2 or count < 2:
        return NAN
    grand = ratings.mean()
    ss_rows = count * ((ratings.mean(1) - grand) ** 2).sum()
    ss_raters = rows * ((ratings.mean(0) - grand) ** 2).sum()
    ss_error = max(((ratings - grand) ** 2).sum() - ss_rows - ss_raters, 0.0)
    ms_rows = ss_rows / (rows - 1)
    ms_error = ss_error / ((rows - 1) * (count - 1))
    spread = ms_rows + (count - 1) * ms_error
    return float((ms_rows - ms_error) / spread) if spread > CONSTANT**2 else NAN


def concordance(a: Array, b: Array) -> float:
    """CCC: correlation that an offset or another scale lowers; NaN where both are one constant.

    Source: Lin 1989, `2 cov / (var(a) + var(b) + (mean(a) - mean(b))^2)`, population moments.
    """
    if len(a) < 2:
        return NAN
    a, b = a.astype(np.float64), b.astype(np.float64)
    shared = ((a - a.mean()) * (b - b.mean())).mean()
    spread = a.var() + b.var() + (a.mean() - b.mean()) ** 2
    return float(2 * shared / spread) if spread > CONSTANT**2 else NAN


def mean_absolute_error(predicted: Array, truth: Array) -> float:
    """Mean of |difference|; NaN of nothing."""
    return float(np.abs(predicted - truth).mean()) if predicted.size else NAN


def mean_squared_error(predicted: Array, truth: Array) -> float:
    """Mean of the squared difference; NaN of nothing."""
    return float(((predicted - truth) ** 2).mean()) if predicted.size else NAN


def accuracy(predicted: Array, truth: Array) -> float:
    """Share of equal entries; NaN of nothing."""
    return float((predicted == truth).mean()) if len(truth) else NAN


def f1_binary(predicted: Array, truth: Array) -> float:
    """F1 of the positives, `2 TP / (2 TP + FP + FN)`; NaN where neither side has a positive.

    Source: van Rijsbergen 1979. It rises with the share of positives (Jeni et al. 2013), so that
    share belongs beside it.
    """
    predicted, truth = predicted.astype(bool), truth.astype(bool)
    right = int((predicted & truth).sum())
    wrong = int((predicted ^ truth).sum())
    return 2 * right / (2 * right + wrong) if right + wrong else NAN


def f1_macro(predicted: Array, truth: Array, classes: int) -> float:
    """Mean F1 over the classes that occur in the truth or in the answers; NaN of nothing."""
    each = [f1_binary(predicted == i, truth == i) for i in range(classes)]
    return _mean_known(each)


def recalls(predicted: Array, truth: Array, classes: int) -> list[float]:
    """Share of each class that was found; NaN for a class without examples."""
    return [accuracy(predicted[truth == i], truth[truth == i]) for i in range(classes)]


def mean_recall(predicted: Array, truth: Array, classes: int) -> float:
    """Mean class accuracy over the classes that occur in the truth."""
    return _mean_known(recalls(predicted, truth, classes))


def _mean_known(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else NAN


def confusion(predicted: Array, truth: Array, classes: int) -> npt.NDArray[np.int64]:
    """Count, int64 (classes, classes): row = truth, column = answer."""
    cells = truth.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def area_under_roc(score: Array, positive: Array) -> float:
    """Chance that a positive scores higher than a negative; ties count half.

    Source: Mann & Whitney 1947 (U over the product of the two counts); Hanley & McNeil 1982.
    """
    positive = positive.astype(bool)
    count = int(positive.sum())
    others = len(score) - count
    if count == 0 or others == 0:
        return NAN
    _, place, same = np.unique(score, return_inverse=True, return_counts=True)
    # Equal scores share the mean of their ranks.
    ranks = (np.cumsum(same) - (same - 1) / 2)[place]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def calibration_error(probability: Array, truth: Array, bins: int = 15) -> float:
    """Expected calibration error of the winning class, equal-width bins; NaN of nothing.

    Source: Guo et al. 2017, eq. 3.
    """
    if not len(truth):
        return NAN
    confidence, correct = probability.max(1), probability.argmax(1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for index in range(bins):
        inside = place == index
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return float(total)


def abstention_curve(
    confidence: Array, right: Array, coverages: Sequence[float]
) -> list[tuple[float, float, float]]:
    """Say how accurate the surest answers are when the others are withheld.

    Only the order of the confidences matters, so no temperature changes the curve.

    Args:
        confidence: (N,), higher is surer.
        right: (N,), whether the answer was right.
        coverages: shares of the answers to give, (0, 1].

    Returns:
        For each coverage: the share given (ties may widen it), their accuracy, and the
        confidence from which an answer is given.

    Source: El-Yaniv & Wiener 2010 (risk-coverage curve), as accuracy instead of risk.
    """
    points = []
    ranked = np.sort(confidence)[::-1]
    for coverage in coverages:
        least = ranked[min(max(round(coverage * len(ranked)), 1), len(ranked)) - 1]
        given = confidence >= least
        points.append((float(given.mean()), float(right[given].mean()), float(least)))
    return points


def kappa(first: Array, second: Array) -> float:
    """Agreement of two raters beyond chance; NaN where chance alone agrees fully.

    Source: Cohen 1960, `(po - pe) / (1 - pe)`.
    """
    if not len(first):
        return NAN
    classes = np.unique(np.concatenate([first, second]))
    observed = accuracy(first, second)
    chance = sum(float((first == c).mean() * (second == c).mean()) for c in classes)
    return (observed - chance) / (1 - chance) if chance < 1 - CONSTANT else NAN


def pabak(first: Array, second: Array, classes: int = 2) -> float:
    """Kappa as it were if all classes were equally frequent (prevalence- and bias-adjusted).

    Source: Byrt, Bishop & Carlin 1993, `(k po - 1) / (k - 1)`; for two classes `2 po - 1`.
    """
    return (classes * accuracy(first, second) - 1) / (classes - 1)


def bootstrap_interval(
    values: Array, groups: Array | None = None, *, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a mean by resampling whole groups (persons), or rows without groups.

    Source: Efron 1979, percentile method; Field & Welsh 2007 for whole clusters.
    """
    rng = np.random.default_rng(seed)
    if not len(values):
        return NAN, NAN
    if groups is None:
        picks = rng.integers(0, len(values), (draws, len(values)))
        means = values[picks].mean(1)
    else:
        _, index = np.unique(groups, return_inverse=True)
        sums = np.bincount(index, values)
        counts = np.bincount(index)
        picks = rng.integers(0, len(sums), (draws, len(sums)))
        means = sums[picks].sum(1) / counts[picks].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def resamples(groups: Array, draws: int, seed: int = 0) -> list[Indices]:
    """Draw rows with replacement, whole groups at a time; the same ones for the same groups.

    Args:
        groups: (N,), the unit of each row: the person, or the row's own number.
        draws: how many resamples.
        seed: of the draw.

    Returns:
        Row indices of each resample; one group's rows come together.
    """
    rng = np.random.default_rng(seed)
    names, index = np.unique(groups, return_inverse=True)
    if len(names) == len(groups):
        return [rng.integers(0, len(groups), len(groups)) for _ in range(draws)]
    order = np.argsort(index, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(index))[:-1])
    return [
        np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        for _ in range(draws)
    ]


def interval_of(
    measure: Callable[[Indices], float], samples: Sequence[Indices]
) -> tuple[float, float]:
    """95 % percentile interval of any measure over resamples; NaN where it is undefined in half."""
    values = np.array([measure(rows) for rows in samples], np.float64)
    known = values[~np.isnan(values)]
    if 2 * len(known) < len(values) or not len(known):
        return NAN, NAN
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
