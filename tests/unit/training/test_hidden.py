"""Which Action Units a picture can't show."""

from __future__ import annotations

import numpy as np
import pytest

from agent.domain.facs import AU_SIDE_LABELS
from training.synthesis.hidden import DARK_LENS, FAR_TURN, REGIONS, hidden_units

LABELS = np.array(AU_SIDE_LABELS)


def landmarks() -> np.ndarray:
    """Return 68 points on a grid: point i lies at (i, i)."""
    return np.repeat(np.arange(68, dtype=np.float32)[:, None], 2, 1)


def cover(*points: int) -> np.ndarray:
    """Return a picture in which some landmarks are covered."""
    picture = np.zeros((70, 70), np.float32)
    for point in points:
        picture[point, point] = 1.0
    return picture


def hidden(picture: np.ndarray, lens: float = 0.0, yaw: float = 0.0) -> set[str]:
    """Name what is hidden."""
    return set(LABELS[hidden_units(picture, landmarks(), lens=lens, yaw=yaw)])


def test_a_free_face_hides_nothing() -> None:
    """Without covers, lenses or a turn every label counts."""
    assert hidden(cover()) == set()


def test_a_masked_mouth_hides_the_mouths_units_and_no_brow() -> None:
    """All lip points covered: smile, lips and jaw are gone, brows and lids stay."""
    gone = hidden(cover(*range(48, 68)))

    assert {"AU12_L", "AU12_R", "AU25", "AU26", "AU24", "AU10_L"} <= gone
    assert not gone & {"AU04_L", "AU01_R", "AU45_L", "AU06_L"}


def test_one_covered_side_hides_that_side_alone() -> None:
    """A hand before the subject's left brow leaves the right one."""
    gone = hidden(cover(22, 23, 24, 25, 26))

    assert {"AU01_L", "AU02_L", "AU04_L"} == gone


@pytest.mark.parametrize(("lens", "gone"), [(DARK_LENS, True), (DARK_LENS - 0.01, False)])
def test_dark_lenses_hide_the_eyes(lens: float, gone: bool) -> None:
    """From a certain darkness on the lids can't be seen; brows can."""
    found = hidden(cover(), lens=lens)

    assert ({"AU05_L", "AU07_R", "AU45_L"} <= found) is gone
    assert "AU04_L" not in found


def test_a_turned_head_hides_its_far_side() -> None:
    """Turned to its own left, the head hides its left side; single units stay."""
    left = hidden(cover(), yaw=FAR_TURN + 1)
    right = hidden(cover(), yaw=-FAR_TURN - 1)

    assert left == {label for label in AU_SIDE_LABELS if label.endswith("_L")}
    assert right == {label for label in AU_SIDE_LABELS if label.endswith("_R")}


def test_every_output_has_a_region() -> None:
    """Left and right regions mirror each other in size, and all name known landmarks."""
    assert len(REGIONS) == len(AU_SIDE_LABELS)
    for label, region in zip(AU_SIDE_LABELS, REGIONS, strict=True):
        assert all(0 <= point < 68 for point in region), label
        if label.endswith("_L"):
            assert len(region) == len(REGIONS[AU_SIDE_LABELS.index(label[:-1] + "R")])
