"""Find pieces of marked frames in any memory: exact tiles, shades, and shades through a map.

| form | what is found | how |
|---|---|---|
| `bgr`, `rgb`, `gray` | the noise tile's bytes | exactly |
| `pixels` | 1024 bytes, three quarters of them shades of one kind, three or more | by value |
| `quantised` | 1024 bytes made of six or more values that are shades under a linear map | fit |
| `floats` | 256 float32 made of four or more such values | fit |

Limits: a picture whose pixels were each changed on their own (encrypted, compressed, a net's inner
activations) isn't recognised by any of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from agent.proof.marks import Kind, Marks

WINDOW = 1024
"""Bytes that are judged at once."""

SHARE = 0.75
"""Share of a window that its shades must make up."""

LEAST = 0.03
"""Share from which on one value counts as a shade of a window."""

SAMPLE = 4
"""Of so many bytes one is looked at first."""

SLACK = 0.15
"""By how much the share of the sampled bytes may fall short of all bytes' share."""

SHADE_FORMS = ("pixels", "quantised", "floats")
LEAST_VALUES = {"quantised": 6, "floats": 4}
"""With five, rounded bytes of foreign pictures fitted by chance: 3 windows in 1.3 GB of files."""


Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hit:
    """One piece of a marked frame.

    Attributes:
        address: where it begins.
        size: bytes.
        form: see the module's table.
        kind: of frame.
    """

    address: int
    size: int
    form: str
    kind: Kind


class Detector:
    """Looks for one run's marks."""

    def __init__(self, marks: Marks) -> None:
        self._needles = marks.needles()
        self._shades = {kind: np.array(shades) for kind, shades in marks.shades.items()}
        self._flags = np.zeros(256, np.uint8)
        for bit, shades in enumerate(self._shades.values()):
            self._flags[shades] |= 1 << bit

    def search(self, data: bytes, address: int) -> list[Hit]:
        """Find everything in one piece of memory.

        Args:
            data: its bytes.
            address: of the first one; windows begin at multiples of four of the real address.
        """
        found = [
            Hit(address + place, size, form, Kind.NOISE)
            for form, needle in self._needles.items()
            for place, size in pieces(data, needle)
        ]
        skip = -address % 4
        usable = (len(data) - skip) // WINDOW * WINDOW
        if usable <= 0:
            return found
        windows = np.frombuffer(data, np.uint8, usable, skip).reshape(-1, WINDOW)
        used = np.flatnonzero(windows.view(np.uint64).any(1))
        windows = windows[used]
        for number, form, kind in self._shaded(windows):
            found.append(Hit(address + skip + int(used[number]) * WINDOW, WINDOW, form, kind))
        return found

    def _shaded(self, windows: Bytes) -> Iterator[tuple[int, str, Kind]]:
        """Yield the number, form and kind of each window that is made of shades."""
        flags = self._flags[windows[:, ::SAMPLE]]
        taken = np.zeros(len(windows), bool)
        for bit, (kind, shades) in enumerate(self._shades.items()):
            share = shares((flags & (1 << bit)) > 0)
            for number in np.flatnonzero(share >= SHARE - SLACK).tolist():
                if is_shaded(windows[number], shades):
                    taken[number] = True
                    yield number, "pixels", kind
        for form, number, values in self._mapped(windows, taken):
            for kind, shades in self._shades.items():
                if fits(values, shades, form):
                    yield number, form, kind
                    break

    @staticmethod
    def _mapped(windows: Bytes, taken: npt.NDArray[np.bool_]) -> Iterator[tuple[str, int, Floats]]:
        """Yield windows that are made of few values in runs, with those values ascending."""
        for form, rows, step in (
            ("quantised", windows, SAMPLE),
            ("floats", windows.view(np.uint32), 1),
        ):
            first, second = rows[:, :-1:step], rows[:, 1::step]
            count = min(first.shape[1], second.shape[1])
            first, second = first[:, :count], second[:, :count]
            same = shares((first == second) & (first != 0))
            varied = (first != first[:, :1]).any(1)
            for number in np.flatnonzero((same >= 0.35) & varied & ~taken).tolist():
                for values in readings(common_values(rows[number])):
                    yield form, number, np.sort(values)


def shares(flags: npt.NDArray[np.bool_ | np.uint8]) -> Floats:
    """Return the share of ones in each row; as products, since sums of bytes are slow in numpy."""
    ones = flags.astype(np.float32)
    return np.asarray(ones @ np.ones(ones.shape[1], np.float32) / ones.shape[1], np.float64)


def pieces(data: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    """Yield where a byte string stands, and how many bytes of the next 1024 it makes up."""
    place = data.find(needle)
    while place >= 0:
        end = place + WINDOW
        yield place, len(needle) * data.count(needle, place, end)
        place = data.find(needle, end - len(needle) + 1)


def common_values(row: npt.NDArray[np.uint8 | np.uint32]) -> npt.NDArray[np.uint8 | np.uint32]:
    """Return a window's values that are frequent, where they make up most of it; else none."""
    values, counts = np.unique(row, return_counts=True)
    frequent = counts >= LEAST * len(row)
    if counts[frequent].sum() < SHARE * len(row):
        return values[:0]
    return values[frequent]


def readings(values: npt.NDArray[np.uint8 | np.uint32]) -> Iterator[Floats]:
    """Yield what stored values may stand for: bytes with and without a sign, or floats.

    Bytes with a sign come once more without their two ends: what lay beyond was cut off there, so
    the brightest shade of a quantised picture may not lie on the line of the others.
    """
    if values.dtype == np.uint8:
        yield values.astype(np.float64)
        signed = values.view(np.int8).astype(np.float64)
        yield signed
        inner = signed[(signed > -128) & (signed < 127)]
        if len(inner) < len(signed):
            yield inner
        return
    numbers = values.astype(np.uint32).view(np.float32)
    if np.isfinite(numbers).all():
        yield numbers.astype(np.float64)


def is_shaded(window: Bytes, shades: npt.NDArray[np.int_]) -> bool:
    """Say whether a window consists mostly of shades, three or more of them."""
    counts = np.bincount(window, minlength=256)[shades]
    several = int((counts >= LEAST * len(window)).sum()) >= 3
    return several and int(counts.sum()) >= SHARE * len(window)


def fits(values: Floats, shades: npt.NDArray[np.int_], form: str) -> bool:
    """Say whether values, ascending, are shades under one rising linear map.

    Rounded bytes may be off by a half; floats must fit to a ten-thousandth of their range.
    """
    if not LEAST_VALUES[form] <= len(values) <= len(shades):
        return False
    span = values[-1] - values[0]
    allowed = 0.75 if form == "quantised" else 1e-4 * span
    if span <= 0 or (form == "quantised" and span < 24):
        return False
    centred = values - values.mean()
    chosen = subsets(tuple(shades.tolist()), len(values))
    slopes = (chosen @ centred) / (chosen * chosen).sum(1)
    off = np.abs(centred - slopes[:, None] * chosen).max(1)
    return bool((off <= allowed).any())


@cache
def subsets(shades: tuple[int, ...], count: int) -> Floats:
    """Return every choice of so many shades, ascending, less its mean; float64 (K, count)."""
    chosen = np.array(list(combinations(shades, count)), np.float64)
    return np.asarray(chosen - chosen.mean(1, keepdims=True), np.float64)
