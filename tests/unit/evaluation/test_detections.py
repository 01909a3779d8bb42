"""Faces found and made up, picture by picture."""

from __future__ import annotations

import numpy as np
import pytest

from agent.evaluation.detections import Picture, counted, faces_found, false_scores
from agent.evaluation.detector import strictest

FACE = [0, 0, 10, 10]
OTHER = [50, 50, 60, 60]


def picture(
    found: list[list[int]], scores: list[float], truth: list[list[int]], real: list[bool]
) -> Picture:
    """Build a picture from lists."""
    return Picture(
        np.array(found, np.float32).reshape(-1, 4), np.array(scores, np.float32),
        np.array(truth, np.float32).reshape(-1, 4), np.array(real, np.bool_),
    )  # fmt: skip


def test_found_faces_match_the_count() -> None:
    """The faces that are marked as found are as many as those counted right."""
    one = picture([FACE, FACE, OTHER], [0.9, 0.8, 0.2], [FACE, OTHER], [True, True])

    assert faces_found(one, 0.5).tolist() == [True, False]
    assert counted(one, 0.5).right == 1
    assert faces_found(one, 0.1).tolist() == [True, True]


def test_a_face_to_ignore_is_not_listed() -> None:
    """Doubtful references have no entry among the found faces."""
    one = picture([FACE], [0.9], [FACE, OTHER], [False, True])

    assert faces_found(one).tolist() == [False]


def test_only_detections_without_a_face_are_false() -> None:
    """A detection on a doubtful reference is neither right nor false."""
    one = picture([FACE, OTHER], [0.9, 0.6], [FACE], [False])

    assert false_scores([one]).tolist() == pytest.approx([0.6])


def test_the_strictest_threshold_leaves_one_false_face_in_a_hundred() -> None:
    """Of 200 negatives with three false faces, the two strongest may stay."""
    false = [picture([FACE], [score], [], []) for score in (0.9, 0.7, 0.5)]
    empty = [picture([], [], [], []) for _ in range(197)]

    threshold = strictest([*false, *empty], 200)

    kept = sum(counted(one, threshold).wrong for one in [*false, *empty])
    assert kept == 2
    assert threshold > 0.5


def test_few_negatives_allow_no_false_face() -> None:
    """With fewer than a hundred negatives not one false face may remain."""
    false = [picture([FACE], [0.9], [], [])]

    assert counted(false[0], strictest(false, 1)).wrong == 0
