"""Scores by group: is it worse in the dark, from the side, far away, with glasses, on dark skin?

A group is never a guess about a person. It comes from what a set's labels state, or from what is
measured in the picture itself (light, sharpness, size) or by the tool (turn of the head).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from agent.evaluation.metrics import Array
from agent.evaluation.report import Gap, Group, Score, Slices
from agent.evaluation.scoring import Measure, Sample

LEAST = 30
"""Examples under which a group isn't scored: its interval would say nothing."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One way to divide rows.

    Attributes:
        name: of the axis, for example `light`.
        groups: names in order.
        place: int (N,), the group of each row, -1 where it isn't known.
    """

    name: str
    groups: tuple[str, ...]
    place: npt.NDArray[np.int64]


def divided(name: str, values: Array, bounds: Sequence[float], groups: Sequence[str]) -> Axis:
    """Divide rows at fixed bounds; a value on a bound belongs above it, NaN to no group."""
    place = np.digitize(np.nan_to_num(values), bounds).astype(np.int64)
    return Axis(name, tuple(groups), np.where(np.isnan(values), -1, place))


def flagged(name: str, without: str, flag: npt.NDArray[np.bool_]) -> Axis:
    """Divide rows by something that is there or not, for example `glasses`."""
    return Axis(name, (without, f"with {name}"), flag.astype(np.int64))


@dataclass(frozen=True, slots=True)
class What:
    """The score that is taken by group."""

    key: str
    label: str
    unit: str
    measure: Measure
    lower_is_better: bool = False


def by_group(what: What, sample: Sample, axes: Sequence[Axis], least: int = LEAST) -> Slices:
    """Score every group of every axis, and the gap between its best and its worst.

    Which group is best and worst is decided on the whole sample and then held fixed, so that the
    interval of a gap may reach below 0.
    """
    groups: list[Group] = []
    gaps: list[Gap] = []
    left_out: list[str] = []
    for axis in axes:
        scored: dict[int, Score] = {}
        for index, name in enumerate(axis.groups):
            count = int((axis.place == index).sum())
            if count < least:
                left_out += [f"{axis.name} {name} ({count})"] if count else []
                continue
            score = sample.score(_within(what.measure, axis.place == index))
            scored[index] = Score(score.value, score.low, score.high, count)
        groups += [Group(axis.name, axis.groups[i], score) for i, score in scored.items()]
        known = {i: s.value for i, s in scored.items() if not np.isnan(s.value)}
        if len(known) > 1:
            gaps.append(_gap(what, sample, axis, known))
    return Slices(what.key, what.label, what.unit, tuple(groups), tuple(gaps), tuple(left_out))


def _within(measure: Measure, inside: npt.NDArray[np.bool_]) -> Measure:
    def inner(rows: npt.NDArray[np.intp]) -> float:
        chosen = rows[inside[rows]]
        return measure(chosen) if len(chosen) else float("nan")

    return inner


def _gap(what: What, sample: Sample, axis: Axis, values: Mapping[int, float]) -> Gap:
    ranked = sorted(values, key=lambda i: values[i], reverse=not what.lower_is_better)
    best, worst = (_within(what.measure, axis.place == i) for i in (ranked[0], ranked[-1]))
    sign = -1 if what.lower_is_better else 1
    score = sample.score(lambda rows: sign * (best(rows) - worst(rows)))
    return Gap(axis.name, axis.groups[ranked[0]], axis.groups[ranked[-1]], score)


def light_axis(levels: Array) -> Axis:
    """Divide by the mean gray level of the face, 0-255."""
    return divided("light", levels, (90, 170), ("dark (< 90 of 255)", "middle", "bright (> 170)"))


def contrast_axis(deviations: Array) -> Axis:
    """Divide by the deviation of the gray levels of the face, 0-255."""
    return divided("contrast", deviations, (40, 65), ("flat (< 40)", "middle", "strong (> 65)"))


def pose_axis(pose: Array) -> Axis:
    """Divide by how far the head is turned, the larger of |pitch| and |yaw|, degrees (N, 2+)."""
    turned = np.abs(pose[:, :2]).max(1)
    return divided("pose", turned, (15, 30), ("frontal (< 15)", "turned (15-30)", "far (> 30)"))


def size_axis(pixels: Array) -> Axis:
    """Divide by the face's size in the picture: geometric mean of its box's sides, pixels."""
    return divided(
        "size", pixels, (48, 96), ("small (< 48 px)", "middle (48-96)", "large (> 96 px)")
    )


def blur_axis(sharpness: Array) -> Axis:
    """Divide by `sharpness`."""
    return divided(
        "blur", sharpness, (0.18, 0.28), ("blurred (< 0.18)", "middle", "sharp (> 0.28)")
    )


def sharpness(gray: npt.NDArray[np.uint8]) -> float:
    """Measure edges, independent of exposure and size: mean |gradient| over the deviation.

    Args:
        gray: uint8 (H, W), a face; brought to 48 x 48 px first.
    """
    small = cv2.resize(gray, (48, 48), interpolation=cv2.INTER_AREA).astype(np.float32)
    across, down = (np.abs(np.diff(small, axis=axis)).mean() for axis in (1, 0))
    return float((across + down) / 2 / (small.std() + 1e-3))
