"""Metrics, written once: plain numpy, no torch, undefined is left out and never counted as 0."""

from __future__ import annotations

import numpy as np


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two vectors; NaN where either is constant."""
    if len(a) < 2 or a.std() < 1e-9 or b.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def pearson_per_column(predicted: np.ndarray, truth: np.ndarray) -> dict[int, float]:
    """Correlate each column over the rows whose truth is known; undefined columns are absent."""
    result: dict[int, float] = {}
    for column in range(truth.shape[1]):
        known = ~np.isnan(truth[:, column])
        value = pearson(predicted[known, column], truth[known, column])
        if not np.isnan(value):
            result[column] = value
    return result


def intraclass(a: np.ndarray, b: np.ndarray) -> float:
    """ICC(3,1): consistency, two-way mixed, single rater (Shrout & Fleiss 1979), two raters."""
    ratings = np.stack([a, b], 1).astype(np.float64)
    rows, raters = ratings.shape
    grand = ratings.mean()
    ss_rows = raters * ((ratings.mean(1) - grand) ** 2).sum()
    ss_raters = rows * ((ratings.mean(0) - grand) ** 2).sum()
    ss_error = ((ratings - grand) ** 2).sum() - ss_rows - ss_raters
    ms_rows = ss_rows / (rows - 1)
    ms_error = ss_error / ((rows - 1) * (raters - 1))
    return float((ms_rows - ms_error) / (ms_rows + (raters - 1) * ms_error))


def area_under_roc(score: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive scores higher than a negative; ties count half (Mann-Whitney)."""
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    for value in np.unique(score):
        same = score == value
        ranks[same] = ranks[same].mean()
    count = int(positive.sum())
    others = len(score) - count
    if count == 0 or others == 0:
        return float("nan")
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def calibration_error(probability: np.ndarray, truth: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of the winning class, equal-width bins (Guo et al. 2017)."""
    confidence, correct = probability.max(1), probability.argmax(1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for index in range(bins):
        inside = place == index
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return float(total)


def bootstrap_interval(
    values: np.ndarray, groups: np.ndarray | None = None, *, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a mean by resampling whole groups (persons), or rows without groups."""
    rng = np.random.default_rng(seed)
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
