"""Counting right and wrong detections."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics_detection import (
    Counts,
    Picture,
    average_precision,
    best_threshold,
    counts,
    interval,
    overlaps,
    verdicts,
)

FACE = (0.0, 0.0, 10.0, 10.0)
OTHER = (50.0, 50.0, 60.0, 60.0)
FAR = (90.0, 0.0, 99.0, 9.0)


def picture(
    found: list[tuple[float, ...]],
    scores: list[float],
    truth: list[tuple[float, ...]],
    real: list[bool],
) -> Picture:
    """Build a picture from lists."""
    return Picture(
        np.array(found, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(truth, np.float32).reshape(-1, 4),
        np.array(real, np.bool_),
    )


def test_overlap_of_equal_disjoint_and_half_boxes() -> None:
    """IoU is 1 for equal, 0 for disjoint, 1/3 for half-shifted boxes."""
    boxes = np.array([FACE, OTHER, (5, 0, 15, 10)], np.float32)

    assert overlaps(boxes[:1], boxes)[0] == pytest.approx([1, 0, 1 / 3])


def test_second_detection_of_a_face_is_wrong() -> None:
    """One face makes one detection right, the strongest."""
    one = picture([FACE, FACE], [0.5, 0.9], [FACE], [True])

    assert verdicts(one).tolist() == [0, 1]


def test_detection_of_an_ignored_box_is_neither() -> None:
    """A detection that meets only a box to ignore counts for nothing, and that box for no face."""
    one = picture([FACE, FAR], [0.9, 0.8], [FACE], [False])

    assert verdicts(one).tolist() == [-1, 0]
    assert counts([one]) == Counts(right=0, wrong=1, faces=0)


def test_empty_pictures_have_full_scores() -> None:
    """With nothing to find and nothing found, recall and precision are 1."""
    total = counts([picture([], [], [], [])])

    assert (total.recall, total.precision) == (1.0, 1.0)


def test_threshold_reaches_the_wanted_precision() -> None:
    """The chosen threshold is the lowest at which precision still holds."""
    one = picture([FACE, OTHER, FAR], [0.9, 0.8, 0.3], [FACE, OTHER], [True, True])

    assert best_threshold([one], 0.95) == pytest.approx(0.8)
    assert counts([one], 0.8) == Counts(right=2, wrong=0, faces=2)


def test_average_precision_of_a_perfect_ranking_is_one() -> None:
    """All faces before all mistakes gives 1; a mistake first gives less."""
    good = picture([FACE, FAR], [0.9, 0.1], [FACE], [True])
    bad = picture([FACE, FAR], [0.1, 0.9], [FACE], [True])

    assert average_precision([good]) == pytest.approx(1.0)
    assert average_precision([bad]) == pytest.approx(0.5)


def test_interval_contains_the_measure() -> None:
    """The bootstrap interval surrounds the value measured on all pictures."""
    hit, miss = Counts(right=1, wrong=0, faces=1), Counts(right=0, wrong=0, faces=1)

    low, high = interval([hit] * 15 + [miss] * 5, lambda some: some.recall, rounds=200)

    assert low < 0.75 < high
