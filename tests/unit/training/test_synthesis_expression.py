"""Action Units reach the blend shapes as stated, and AU25 is read off the mesh."""

from __future__ import annotations

import numpy as np
import pytest

from agent.domain.facs import AU_SIDE_LABELS
from training.synthesis.expression import lips_part_intensity, shape_weights

INDEX = {label: i for i, label in enumerate(AU_SIDE_LABELS)}


def face(gap: float) -> np.ndarray:
    """68 landmarks with a mouth 5 cm wide, whose lips are `gap` cm apart."""
    points = np.zeros((68, 3), np.float32)
    points[48], points[54] = (-2.5, 0, 0), (2.5, 0, 0)
    for upper, lower, x in ((61, 67, -1.0), (62, 66, 0.0), (63, 65, 1.0)):
        points[upper], points[lower] = (x, gap, 0), (x, 0, 0)
    return points


def intensities(**levels: float) -> np.ndarray:
    """32 zeros but for the named outputs."""
    au = np.zeros(len(AU_SIDE_LABELS), np.float32)
    for label, level in levels.items():
        au[INDEX[label]] = level
    return au


def test_full_intensity_is_full_weight():
    """Intensity 5 of a one-shape AU is weight 1, on its own side only."""
    weights = shape_weights(intensities(AU12_L=5.0), {}, (0.0, 0.0))

    assert weights == {"mouthSmile_L": 1.0}


def test_intensity_is_linear():
    """Intensity 2 is weight 0.4."""
    weights = shape_weights(intensities(AU04_R=2.0), {}, (0.0, 0.0))

    assert weights["browPinch_R"] == pytest.approx(0.4)


def test_a_neutral_face_needs_no_shape():
    """No AU, no nuisance and a gaze ahead leave the face at rest."""
    assert shape_weights(intensities(), {}, (0.0, 0.0)) == {}


def test_lips_part_drives_nothing():
    """AU25 has no blend shape of its own."""
    assert shape_weights(intensities(AU25=5.0), {}, (0.0, 0.0)) == {}


def test_weights_never_exceed_one():
    """A nuisance shape on top of a full AU is capped."""
    weights = shape_weights(intensities(AU12_L=5.0), {"mouthSmile_L": 0.5}, (0.0, 0.0))

    assert weights["mouthSmile_L"] == 1.0


def test_a_blink_wins_over_a_wide_eye():
    """A closed eye isn't opened by AU5 at the same time."""
    weights = shape_weights(intensities(AU45_L=5.0, AU05_L=5.0), {}, (0.0, 0.0))

    assert weights["eyeBlink_L"] == 1.0
    assert "eyeWide_L" not in weights


def test_lids_follow_the_gaze():
    """Eyes that turn to the subject's left look out on the left and in on the right."""
    weights = shape_weights(intensities(), {}, (20.0, 10.0))

    assert set(weights) == {"eyeLookOut_L", "eyeLookIn_R", "eyeLookUp_L", "eyeLookUp_R"}


def test_closed_lips_score_zero():
    """Lips that are as close as at rest have AU25 0."""
    assert lips_part_intensity(face(0.08), face(0.08)) == 0.0


def test_a_small_gap_within_the_dead_zone_scores_zero():
    """Half a millimetre on a mouth of 5 cm doesn't count as parted."""
    assert lips_part_intensity(face(0.13), face(0.08)) == 0.0


def test_a_wide_gap_scores_five():
    """A gap of 30 % of the mouth's width, or more, is intensity 5."""
    assert lips_part_intensity(face(1.58), face(0.08)) == pytest.approx(5.0)
    assert lips_part_intensity(face(3.0), face(0.08)) == 5.0


def test_the_score_follows_the_formula():
    """A gap of 12 % of the mouth's width scores 5 sqrt(0.11 / 0.29)."""
    assert lips_part_intensity(face(0.60), face(0.0)) == pytest.approx(5 * (0.11 / 0.29) ** 0.5)


def test_lips_that_roll_over_each_other_are_not_parted():
    """A lower lip above the upper one scores zero."""
    assert lips_part_intensity(face(-0.6), face(0.0)) == 0.0
