"""Per-track time: One-Euro smoothing, neutral baseline, presence with hysteresis.

All state belongs to one short-lived track and dies with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.inference.preprocess import Array


class OneEuro:
    """Smooth a vector: strongly while it rests, hardly while it moves.

    Source: Casiez, Roussel & Vogel, "1 Euro Filter", CHI 2012, equations 1-4.
    """

    def __init__(self, *, rest_hz: float, speed_gain: float) -> None:
        """Set the cut-off at rest in hertz, and how much it rises per unit of speed."""
        self._rest_hz = rest_hz
        self._gain = speed_gain
        self._value: Array | None = None
        self._slope: Array | None = None

    def __call__(self, value: Array, seconds: float) -> Array:
        """Return the smoothed value; `seconds` passed since the last call (> 0)."""
        if self._value is None or self._slope is None:
            self._value, self._slope = value.copy(), np.zeros_like(value)
            return value
        seconds = max(seconds, 1e-3)
        slope = (value - self._value) / seconds
        self._slope = self._slope + _weight(1.0, seconds) * (slope - self._slope)
        cutoff = self._rest_hz + self._gain * np.abs(self._slope)
        weight = _weight(cutoff, seconds)
        self._value = (self._value + weight * (value - self._value)).astype(np.float32)
        return self._value.copy()


def _weight(cutoff_hz: npt.NDArray[np.floating] | float, seconds: float) -> npt.NDArray[np.float64]:
    """Share of the new value that a first-order low-pass lets in."""
    ratio = 2 * np.pi * np.asarray(cutoff_hz, np.float64) * seconds
    return ratio / (ratio + 1)


class NeutralBaseline:
    """Estimate what this face shows at rest, and take it off.

    The running 20 % quantile of each AU is the rest level. A person who holds an expression all
    the time would be mistaken for neutral (OpenFace issue 940), so at most `limit` is taken off.
    """

    _BINS = 50

    def __init__(self, size: int, *, settled_after: int, limit: float) -> None:
        """Set the number of AUs, the samples needed, and the most that is subtracted (0-5)."""
        self._counts = np.zeros((size, self._BINS), np.float32)
        self._samples = 0
        self._settled_after = settled_after
        self._limit = limit

    @property
    def settled(self) -> bool:
        """Tell whether enough was seen."""
        return self._samples >= self._settled_after

    def __call__(self, au: Array) -> Array:
        """Learn from intensities float32 (size,), 0-5, and return them without the rest level."""
        bins = np.minimum((au * (self._BINS / 5.0)).astype(int), self._BINS - 1)
        self._counts[np.arange(len(au)), bins] += 1
        self._samples += 1
        if not self.settled:
            return au
        share = np.cumsum(self._counts, axis=1) / self._samples
        rest = (share >= 0.2).argmax(1) * (5.0 / self._BINS)
        rested: Array = np.maximum(au - np.minimum(rest, self._limit), 0).astype(np.float32)
        return rested


class Hysteresis:
    """Decide presence from intensity, so that the two can't disagree and don't flicker."""

    def __init__(self, size: int, *, on: float | Array, off: float | Array) -> None:
        """Set the thresholds (0-5): at or over `on` it appears, under `off` it goes.

        Args:
            size: number of AUs.
            on: one for all, or float32 (size,).
            off: likewise.
        """
        self._state = np.zeros(size, bool)
        self._on, self._off = on, off

    def move(self, *, on: Array, off: Array) -> None:
        """Set other thresholds; what is present stays so until it goes by the new ones."""
        self._on, self._off = on, off

    def __call__(self, au: Array) -> npt.NDArray[np.bool_]:
        """Return bool (size,)."""
        self._state = np.where(self._state, au >= self._off, au >= self._on)
        return self._state.copy()
