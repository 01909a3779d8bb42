"""From a measure and units to a score with its interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agent.evaluation.metrics import Array, Indices, interval_of, resamples
from agent.evaluation.report import Score

DRAWS = 1000
"""Resamples of an interval."""

Measure = Callable[[Indices], float]
"""A score of some rows; NaN where they don't define it."""


class Sample:
    """Rows that belong to units (persons, or each row its own), and their common resamples.

    Every score of one sample uses the same resamples, so that a difference of two scores has an
    interval too.
    """

    def __init__(self, units: Array, draws: int = DRAWS) -> None:
        self.units = units
        self.rows: Indices = np.arange(len(units))
        self.count = len(np.unique(units))
        self._draws = draws
        self._samples: list[Indices] | None = None

    def samples(self) -> list[Indices]:
        """Return the resamples, drawn once."""
        if self._samples is None:
            self._samples = resamples(self.units, self._draws) if len(self.units) else []
        return self._samples

    def score(self, measure: Measure) -> Score:
        """Measure all rows, with a 95 % interval where there are two units or more."""
        if not len(self.units):
            return Score(float("nan"))
        if self.count < 2:
            return Score(measure(self.rows), count=self.count)
        low, high = interval_of(measure, self.samples())
        return Score(measure(self.rows), low, high, self.count)

    def mean(self, values: Array) -> Score:
        """Score the mean of one value per row; rows without a value (NaN) are left out of it."""
        return self.score(mean_of(values))


def mean_of(values: Array) -> Measure:
    """Measure the mean of one value per row; rows without a value (NaN) are left out of it."""

    def measure(rows: Indices) -> float:
        known = values[rows]
        known = known[~np.isnan(known)]
        return float(known.mean()) if len(known) else float("nan")

    return measure


def own_units(count: int) -> Array:
    """Return units for rows of which nobody knows more: each is its own."""
    return np.arange(count)
