"""The whole chain, on the stand-in face: blending, projection, rendering, shards."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from agent.domain.facs import AU_SIDE_LABELS
from agent.inference.preprocess import STABLE_POINTS, STABLE_TEMPLATE
from training.data.renders import CROP_SIZE, FIELDS, load_renders

pytest.importorskip("scipy", reason="the face model's normals need scipy")
moderngl = pytest.importorskip("moderngl", reason="rendering needs moderngl")

from training.synthesis.face_model import FaceModel  # noqa: E402
from training.synthesis.generate import render_shard, write_shard  # noqa: E402
from training.synthesis.geometry import rotation  # noqa: E402
from training.synthesis.sample import person_at, scene_at  # noqa: E402
from training.synthesis.scene import Camera, Wear  # noqa: E402
from training.synthesis.stand_in import make_model  # noqa: E402
from training.synthesis.studio import Studio, gaze_in_camera  # noqa: E402

INDEX = {label: i for i, label in enumerate(AU_SIDE_LABELS)}
CLEAN = Camera(100.0, 1.4, 0.0, (0.0, 0.0), 0.0, 0, 1.0, 1.0, 1)


@pytest.fixture(scope="module")
def model():
    """The stand-in face."""
    return FaceModel(make_model())


@pytest.fixture(scope="module")
def studio(model):
    """A studio with a person in it; skips where no headless OpenGL is installed."""
    os.environ.setdefault("LP_NUM_THREADS", "1")
    try:
        made = Studio(model)
    except Exception as error:  # noqa: BLE001 - moderngl raises its bare Exception
        pytest.skip(f"no headless OpenGL (EGL) here: {error}")
    made.seat(made.prepare(person_at(1, 0, model.identity_size)))
    return made


@pytest.fixture(scope="module")
def scene(model):
    """A neutral, frontal, clean scene."""
    drawn = scene_at(1, 0, person_at(1, 0, model.identity_size).skin)
    return replace(
        drawn, au=np.zeros(32, np.float32), nuisance={}, pose=(0.0, 0.0, 0.0), gaze=(0.0, 0.0),
        camera=CLEAN, wear=Wear(),
    )  # fmt: skip


def test_yaw_turns_to_the_subjects_left():
    """A positive yaw carries the nose's direction to +x, the picture's right."""
    ahead = rotation(0.0, 30.0, 0.0) @ np.array([0, 0, 1])

    np.testing.assert_allclose(ahead, [0.5, 0.0, 0.866], atol=1e-3)


def test_pitch_looks_up():
    """A positive pitch carries the nose's direction upwards."""
    ahead = rotation(30.0, 0.0, 0.0) @ np.array([0, 0, 1])

    np.testing.assert_allclose(ahead, [0.0, 0.5, 0.866], atol=1e-3)


def test_roll_tilts_clockwise():
    """A positive roll carries the top of the head to the picture's right."""
    top = rotation(0.0, 0.0, 30.0) @ np.array([0, 1, 0])

    np.testing.assert_allclose(top, [0.5, 0.866, 0.0], atol=1e-3)


def test_gaze_adds_to_the_head():
    """Eyes turned back by as much as the head is turned look into the camera."""
    assert gaze_in_camera((0.0, 25.0, 0.0), (-25.0, 0.0)) == pytest.approx((0.0, 0.0), abs=1e-4)


def test_normals_point_outwards(model):
    """Skin normals of the neutral head point away from its middle."""
    person = model.person(np.zeros(model.identity_size, np.float32))
    posed = model.pose(person, {}, (0.0, 0.0))
    skin = model.slices["skin"]
    outward = posed.vertices[skin] - posed.vertices[skin].mean(0)

    assert ((posed.normals[skin] * outward).sum(1) > 0).mean() > 0.95


def test_gaze_turns_the_eyeball(model):
    """A gaze to the subject's left moves the front of the eye to +x."""
    person = model.person(np.zeros(model.identity_size, np.float32))
    ahead = model.pose(person, {}, (0.0, 0.0)).vertices[model.slices["eye_left"]]
    aside = model.pose(person, {}, (20.0, 0.0)).vertices[model.slices["eye_left"]]
    front = ahead[:, 2].argmax()

    assert aside[front, 0] > ahead[front, 0] + 0.3


def test_a_shot_is_a_labelled_face(studio, scene):
    """A shot has a picture with contrast, 68 landmarks inside it and quality 0-1."""
    shot = studio.shoot(scene)

    assert (shot.face.shape, shot.face.dtype) == ((CROP_SIZE, CROP_SIZE), np.uint8)
    assert shot.face.std() > 10
    assert shot.landmarks.shape == (68, 2)
    assert (shot.landmarks > 0).all()
    assert (shot.landmarks < CROP_SIZE).all()
    assert 0.0 < shot.quality <= 1.0


def test_the_face_lies_on_the_template(studio, scene):
    """The stable landmarks of a frontal face lie within 5 px of the template, plus the margin."""
    shot = studio.shoot(scene)
    stable = shot.landmarks[list(STABLE_POINTS)]

    assert np.abs(stable - STABLE_TEMPLATE - 8).max() < 5.0
    assert np.abs((stable - STABLE_TEMPLATE - 8).mean(0)).max() < 0.5


def test_the_subjects_left_is_the_pictures_right(studio, scene):
    """Without turning, the left eye's landmarks have the larger x."""
    shot = studio.shoot(scene)

    assert shot.landmarks[42:48, 0].mean() > shot.landmarks[36:42, 0].mean() + 20


def test_an_open_jaw_parts_the_lips(studio, scene):
    """AU26 at 5 raises the measured AU25, and a neutral face has none."""
    au = np.zeros(32, np.float32)
    au[INDEX["AU26"]] = 5.0

    assert studio.shoot(scene).au[INDEX["AU25"]] == 0.0
    assert studio.shoot(replace(scene, au=au)).au[INDEX["AU25"]] > 2.0


def test_an_expression_changes_the_picture_on_its_own_side(studio, scene):
    """A smile of the left corner changes the picture's right half more than its left."""
    au = np.zeros(32, np.float32)
    au[INDEX["AU12_L"]] = 5.0
    rest = studio.shoot(scene).face.astype(int)
    smile = studio.shoot(replace(scene, au=au)).face.astype(int)
    change = np.abs(smile - rest)[70:]

    assert change[:, 64:].sum() > 2 * change[:, :64].sum()


def test_a_dark_picture_has_low_quality(studio, scene):
    """Less light lowers the quality."""
    dark = replace(scene, camera=replace(CLEAN, gain=0.08))

    assert studio.shoot(dark).quality < 0.8 * studio.shoot(scene).quality


def test_wear_is_flagged(studio, scene):
    """Glasses, mask and occluder set bits 1, 2 and 4 and change the picture."""
    bare = studio.shoot(scene)
    for wear, flag in ((Wear(glasses=True), 1), (Wear(mask=True), 2), (Wear(occluder=9), 4)):
        shot = studio.shoot(replace(scene, wear=wear))

        assert shot.flags == flag
        assert not np.array_equal(shot.face, bare.face)


def test_a_shard_is_written_whole_and_read_back(tmp_path, studio):
    """A shard has every stated array, splits by identity, and is the same when made again."""
    stored = tmp_path / "model.npz"
    np.savez(stored, **make_model())
    write_shard((stored, tmp_path / "shard_00000.npz", 1, 0, 14, "all"))
    again = render_shard(stored, 1, 0, 14)
    train, held = (load_renders(tmp_path, held_out=flag) for flag in (False, True))

    assert len(train.faces) + len(held.faces) == 14
    assert set(held.identity % 10) == {0}
    assert 0 not in set(train.identity % 10)
    assert set(again) == set(FIELDS)
    np.testing.assert_array_equal(again["faces"], np.concatenate([held.faces, train.faces]))
    assert not list(tmp_path.glob("*.partial"))


def test_a_part_has_the_renders_that_the_whole_gives_its_people(tmp_path):
    """Each side of the split can be drawn alone, and shows the same pictures."""
    stored = tmp_path / "model.npz"
    np.savez(stored, **make_model())
    whole = render_shard(stored, 1, 0, 14)

    for part, kept in (("held_out", whole["identity"] % 10 == 0),
                       ("train", whole["identity"] % 10 != 0)):  # fmt: skip
        drawn = render_shard(stored, 1, 0, 14, part)
        np.testing.assert_array_equal(drawn["identity"], whole["identity"][kept])
        np.testing.assert_array_equal(drawn["faces"], whole["faces"][kept])


def test_an_empty_folder_is_refused(tmp_path):
    """Reading renders where none were written fails by name."""
    with pytest.raises(FileNotFoundError, match="no shard"):
        load_renders(tmp_path, held_out=False)
