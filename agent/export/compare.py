"""How two backends' rows of the same frames differ: faces found, Action Units, head pose.

Works on the finished table, row by row, in constant memory, so that it also covers what an
earlier, interrupted run did. Faces are paired by the overlap of their boxes. Agreement of two
tools isn't accuracy: both may be wrong together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.domain.facs import AU_LABELS
from agent.export.rows import INDEX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.export.rows import Row

MIN_OVERLAP = 0.3
"""Intersection over union from which two boxes are the same face; backends frame faces
differently, so this is lower than what detection benchmarks ask for."""
POSE_COLUMNS = {"pitch": "pose_Rx", "yaw": "pose_Ry", "roll": "pose_Rz"}
_BOX = tuple(INDEX[name] for name in ("face_x", "face_y", "face_w", "face_h"))
_FRAME, _SOURCE, _BACKEND, _SUCCESS = (
    INDEX[name] for name in ("frame", "source", "backend", "success")
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two backends on one quantity.

    Attributes:
        pairs: faces for which both gave a number.
        correlation: Pearson's r; None with fewer than 3 pairs or without variation.
        mean_abs_diff: in the quantity's unit (intensity 0-5, degrees); None without pairs.
    """

    pairs: int
    correlation: float | None
    mean_abs_diff: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two backends over a whole table.

    Attributes:
        first: name of one backend.
        second: name of the other.
        only_first: faces that `first` alone found.
        only_second: faces that `second` alone found.
        both: faces that both found.
        au: agreement by AU label, intensity 0-5.
        pose: agreement by angle, degrees.
    """

    first: str
    second: str
    only_first: int
    only_second: int
    both: int
    au: dict[str, Agreement]
    pose: dict[str, Agreement]


class _Sums:
    """Running sums behind `Agreement`, shifted by the first pair against cancellation."""

    def __init__(self) -> None:
        self._n = 0
        self._shift = (0.0, 0.0)
        self._x = self._y = self._xx = self._yy = self._xy = self._gap = 0.0

    def add(self, x: float, y: float) -> None:
        if self._n == 0:
            self._shift = (x, y)
        self._n += 1
        self._gap += abs(x - y)
        x, y = x - self._shift[0], y - self._shift[1]
        self._x += x
        self._y += y
        self._xx += x * x
        self._yy += y * y
        self._xy += x * y

    def agreement(self) -> Agreement:
        n = self._n
        if n == 0:
            return Agreement(0, None, None)
        spread_x = self._xx - self._x**2 / n
        spread_y = self._yy - self._y**2 / n
        joint = self._xy - self._x * self._y / n
        varied = n >= 3 and min(spread_x, spread_y) > 1e-9
        r = joint / math.sqrt(spread_x * spread_y) if varied else None
        return Agreement(n, r, self._gap / n)


class Comparer:
    """Takes a table's rows in order and compares two of its backends."""

    def __init__(self, first: str, second: str) -> None:
        self._names = (first, second)
        self._here: tuple[object, object] | None = None
        self._rows: tuple[list[Row], list[Row]] = ([], [])
        self._found = [0, 0, 0]
        self._au = {label: _Sums() for label in AU_LABELS}
        self._pose = {angle: _Sums() for angle in POSE_COLUMNS}

    def add(self, rows: Iterable[Row]) -> None:
        """Take the next rows; those of one frame must follow each other."""
        for row in rows:
            here = (row[_SOURCE], row[_FRAME])
            if here != self._here:
                self._compare_frame()
                self._here = here
            if row[_SUCCESS] == 1 and row[_BACKEND] in self._names:
                self._rows[self._names.index(str(row[_BACKEND]))].append(row)

    def result(self) -> Comparison:
        """Return what all rows so far say."""
        self._compare_frame()
        only_first, only_second, both = self._found
        return Comparison(
            first=self._names[0],
            second=self._names[1],
            only_first=only_first,
            only_second=only_second,
            both=both,
            au={label: sums.agreement() for label, sums in self._au.items()},
            pose={angle: sums.agreement() for angle, sums in self._pose.items()},
        )

    def _compare_frame(self) -> None:
        first, second = self._rows
        candidates = sorted(
            ((overlap(a, b), i, j) for i, a in enumerate(first) for j, b in enumerate(second)),
            reverse=True,
        )
        taken_first: set[int] = set()
        taken_second: set[int] = set()
        for shared, i, j in candidates:
            if shared < MIN_OVERLAP or i in taken_first or j in taken_second:
                continue
            taken_first.add(i)
            taken_second.add(j)
            self._compare_faces(first[i], second[j])
        self._found[0] += len(first) - len(taken_first)
        self._found[1] += len(second) - len(taken_second)
        self._found[2] += len(taken_first)
        first.clear()
        second.clear()

    def _compare_faces(self, first: Row, second: Row) -> None:
        for label, sums in self._au.items():
            column = INDEX[f"{label}_r"]
            _add_pair(sums, first[column], second[column], 1.0)
        for angle, sums in self._pose.items():
            column = INDEX[POSE_COLUMNS[angle]]
            _add_pair(sums, first[column], second[column], math.degrees(1.0))


def _add_pair(sums: _Sums, x: object, y: object, scale: float) -> None:
    if isinstance(x, float) and isinstance(y, float):
        sums.add(x * scale, y * scale)


def overlap(first: Row, second: Row) -> float:
    """Return the intersection over union of two rows' boxes, 0-1."""
    ax, ay, aw, ah = (_size(first[i]) for i in _BOX)
    bx, by, bw, bh = (_size(second[i]) for i in _BOX)
    width = min(ax + aw, bx + bw) - max(ax, bx)
    height = min(ay + ah, by + bh) - max(ay, by)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (aw * ah + bw * bh - shared)


def _size(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0
