"""Random scenes are within their stated ranges, repeatable, and mirror as faces do."""

from __future__ import annotations

import numpy as np
import pytest

from agent.domain.facs import AU_SIDE_LABELS, MAX_INTENSITY
from training.synthesis.sample import (
    MAX_EYE_TURN,
    mirrored,
    person_at,
    person_of,
    sample_camera,
    sample_lighting,
    scene_at,
)
from training.synthesis.sample_expression import INDEX, MIRROR, sample_expression
from training.synthesis.sample_face import SKIN_TONES, lightness, linear, sample_skin

IDENTITY_SIZE = 8


@pytest.fixture(scope="module")
def scenes():
    """Three hundred scenes of one person."""
    skin = person_at(3, 0, IDENTITY_SIZE).skin
    return [scene_at(3, index, skin) for index in range(300)]


def test_intensities_stay_on_the_facs_scale(scenes):
    """Every drawn intensity lies between 0 and 5."""
    drawn = np.stack([scene.au for scene in scenes])

    assert drawn.shape == (300, len(AU_SIDE_LABELS))
    assert drawn.min() >= 0.0
    assert drawn.max() <= MAX_INTENSITY


def test_every_action_unit_is_drawn_weak_and_strong(scenes):
    """Each AU but AU25, which is measured, occurs both under 2 and over 2."""
    drawn = np.stack([scene.au for scene in scenes])

    for label, column in zip(AU_SIDE_LABELS, drawn.T, strict=True):
        if label != "AU25":
            assert (column > 2.0).any(), label
            assert ((column > 0.0) & (column < 2.0)).any(), label


def test_lips_part_is_never_drawn(scenes):
    """AU25 is left at zero, because the mesh decides it."""
    assert all(scene.au[INDEX["AU25"]] == 0.0 for scene in scenes)


def test_nuisance_weights_are_fractions(scenes):
    """A blend shape outside the AUs has a weight between 0 and 1."""
    weights = [weight for scene in scenes for weight in scene.nuisance.values()]

    assert weights
    assert all(0.0 <= weight <= 1.0 for weight in weights)


def test_pose_and_gaze_stay_within_limits(scenes):
    """Yaw is at most 50 degrees, and the eyes turn no further than eyes can."""
    for scene in scenes:
        assert abs(scene.pose[1]) <= 50.0
        assert abs(scene.gaze[0]) <= MAX_EYE_TURN[0]
        assert abs(scene.gaze[1]) <= MAX_EYE_TURN[1]


def test_the_same_index_gives_the_same_scene():
    """A scene depends on seed and index alone, not on what was drawn before."""
    skin = person_at(3, 0, IDENTITY_SIZE).skin
    scene_at(3, 6, skin)
    first, again = scene_at(3, 7, skin), scene_at(3, 7, skin)

    np.testing.assert_array_equal(first.au, again.au)
    assert (first.pose, first.camera, first.wear) == (again.pose, again.camera, again.wear)


def test_another_seed_gives_another_scene():
    """Two seeds don't share their scenes."""
    skin = person_at(3, 0, IDENTITY_SIZE).skin

    assert scene_at(3, 7, skin).pose != scene_at(4, 7, skin).pose


def test_a_person_is_repeatable():
    """The same number of a seed is the same person."""
    first, again = person_at(3, 5, IDENTITY_SIZE), person_at(3, 5, IDENTITY_SIZE)

    np.testing.assert_array_equal(first.identity, again.identity)
    assert first.skin == again.skin
    assert first.hair == again.hair


def test_a_person_has_several_renders():
    """Between four and eight renders in a row show the same person."""
    people = [person_of(index) for index in range(60)]

    counts = np.bincount(people)[:-1]
    assert counts.min() >= 4
    assert counts.max() <= 8


def test_mirroring_swaps_sides():
    """The mirrored face has the left intensity on the right and turns the other way."""
    skin = person_at(3, 0, IDENTITY_SIZE).skin
    scene = scene_at(3, 11, skin)
    other = mirrored(scene)

    assert other.au[INDEX["AU12_L"]] == scene.au[INDEX["AU12_R"]]
    assert other.au[INDEX["AU17"]] == scene.au[INDEX["AU17"]]
    assert other.pose == (scene.pose[0], -scene.pose[1], -scene.pose[2])
    assert other.gaze == (-scene.gaze[0], scene.gaze[1])


def test_mirroring_twice_changes_nothing(scenes):
    """A mirrored mirror image is the face itself, nuisance shapes included."""
    for scene in scenes[:50]:
        again = mirrored(mirrored(scene))

        np.testing.assert_array_equal(again.au, scene.au)
        assert again.nuisance == scene.nuisance


def test_mirror_is_its_own_inverse():
    """The table of counterparts is a permutation that undoes itself."""
    table = np.array(MIRROR)

    np.testing.assert_array_equal(table[table], np.arange(len(AU_SIDE_LABELS)))


def test_sealed_lips_keep_the_jaw_up():
    """No face presses or sucks its lips hard and drops its jaw."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        au, _ = sample_expression(rng)
        sealed = max(au[INDEX["AU23"]], au[INDEX["AU24"]], au[INDEX["AU28"]])

        assert sealed < 3.0 or au[INDEX["AU26"]] == 0.0


def test_closed_eyes_are_not_raised():
    """A closed eye has no AU5."""
    rng = np.random.default_rng(1)
    for _ in range(500):
        au, _ = sample_expression(rng)
        for side in "LR":
            if au[INDEX[f"AU45_{side}"]] >= MAX_INTENSITY:
                assert au[INDEX[f"AU05_{side}"]] == 0.0


def test_skin_covers_the_human_range():
    """People of a set reach from very dark to very light skin."""
    tones = [person_at(3, number, 1).skin.tone for number in range(200)]

    assert min(tones) < 25.0
    assert max(tones) > 80.0


def test_skin_darkens_along_the_table():
    """A later place in the table of skin tones is darker."""
    shades = [lightness(linear(*tone)) for tone in SKIN_TONES]

    assert shades == sorted(shades, reverse=True)


def test_colours_are_valid():
    """Every colour channel of a face lies between 0 and 1."""
    rng = np.random.default_rng(2)
    for tone in np.linspace(0, 8, 40):
        skin = sample_skin(rng, float(tone), 0.5, covered=False)
        for colour in (skin.skin, skin.lip, skin.hair, skin.brow, skin.iris, skin.sclera):
            assert all(0.0 <= channel <= 1.0 for channel in colour)


def test_lamps_have_unit_directions():
    """Both lamps' directions have length 1, so that shading isn't scaled."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        light = sample_lighting(rng, 0.3)

        np.testing.assert_allclose(np.linalg.norm(light.lamp_way, axis=1), 1.0, atol=1e-6)
        assert light.exposure > 0.0


def test_cameras_are_possible():
    """Distance, resolution and compression stay within what cameras do."""
    rng = np.random.default_rng(4)
    for _ in range(100):
        camera = sample_camera(rng)

        assert 30.0 <= camera.distance_cm <= 300.0
        assert 0.3 <= camera.scale <= 2.0
        assert camera.jpeg == 0 or 30 <= camera.jpeg <= 100
