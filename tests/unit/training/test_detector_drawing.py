"""Samples drawn by processes, learned again, mirrored; faces that wear something."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import zipfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.forked import exit_code_of
from training.data.crew import Arrays, Crew, shared
from training.data.detector_light import lit
from training.data.detector_pasting import glasses_worn, mask_worn
from training.data.pool import mixed
from training.data.scenes import Scene, Scenes

FACE = np.full((144, 144), 120, np.uint8)
BOX = np.array([30, 20, 114, 130], np.float32)
POINTS = np.array([(52, 62), (92, 62), (72, 84), (56, 104), (88, 104)], np.float32)


def numbered(offset: int, seed: tuple[int, int]) -> Arrays:
    """Draw a batch that tells which one it is."""
    return np.full((2, 3), seed[0] * 100 + seed[1] + offset, np.int64), np.zeros((2, 1), np.uint8)


def failing(seed: tuple[int, int]) -> Arrays:
    """Draw the first batch, and fail at the fifth."""
    if seed[1] == 4:
        raise ValueError("no scene")
    return (np.zeros((1, 1)),)


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_come_in_order_however_many_draw(workers: int) -> None:
    """Two epochs give the batches of their seeds in order, with one process and with three."""
    with Crew(partial(numbered, 0), workers) as crew:
        epochs = [[int(one[0][0, 0]) for one in crew.batches(seed, 8)] for seed in (1, 2)]

    assert epochs == [list(range(100, 108)), list(range(200, 208))]


def test_one_who_stops_early_finds_the_next_epoch_whole() -> None:
    """Batches that nobody took don't turn up in the next epoch."""
    with Crew(partial(numbered, 0), 2) as crew:
        for _ in zip(range(3), crew.batches(1, 50), strict=False):
            pass
        second = [int(one[0][0, 0]) for one in crew.batches(2, 5)]

    assert second == list(range(200, 205))


def test_a_failed_process_stops_the_training() -> None:
    """What goes wrong while drawing is raised where the batch is wanted."""
    with Crew(failing, 2) as crew, pytest.raises(RuntimeError, match="no scene"):
        list(crew.batches(1, 10))


def test_a_crew_ends_although_the_trainer_ignores_signals() -> None:
    """Drawing processes that inherited a deaf handler for SIGTERM end all the same."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with Crew(partial(numbered, 0), 2) as crew:
            next(iter(crew.batches(1, 1)))
    finally:
        signal.signal(signal.SIGTERM, before)

    assert multiprocessing.active_children() == []


def test_a_killed_trainer_leaves_no_process_behind() -> None:
    """Drawing processes end when the trainer is gone, although they hold each other's memory."""
    watched, held = os.pipe()

    def train() -> int:
        os.close(watched)
        Crew(partial(numbered, 0), 3)  # its processes keep `held` open as long as they live
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert exit_code_of(train) == -signal.SIGKILL
    os.close(held)

    ready, _, _ = select.select([watched], [], [], 30)

    assert ready, "a drawing process still waits for the dead trainer"
    assert os.read(watched, 1) == b""
    os.close(watched)


def test_a_sample_is_learned_as_often_as_asked() -> None:
    """A reuse of three gives three batches for each that comes in, all of known samples."""
    fresh = (numbered(0, (1, step)) for step in range(6))

    batches = [set(one[0][:, 0].tolist()) for one in mixed(fresh, keep=4, reuse=3, seed=1)]

    assert len(batches) == 18
    assert [batches[3 * step] for step in range(6)] == [{100 + step} for step in range(6)]
    assert all(found <= set(range(100, 106)) for found in batches)


def test_a_tempting_scene_is_drawn_more_often() -> None:
    """A scene with ten times the odds of another is drawn about ten times as often."""
    none = np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.bool_)
    empty = tuple(Scene(np.full((4, 4), gray, np.uint8), *none) for gray in (0, 1))
    odds = shared((2,), "float64")
    odds[:] = (1, 10)
    random = np.random.default_rng(1)

    drawn = [int(Scenes((), empty, odds).one_empty(random).image[0, 0]) for _ in range(2000)]

    assert 0.88 < np.mean(drawn) < 0.94


@pytest.mark.parametrize("seed", range(8))
def test_a_mask_leaves_the_eyes_and_hides_the_mouth(seed: int) -> None:
    """The mouth's corners change; the eyes and all above them stay."""
    face = np.random.default_rng(5).integers(0, 256, (144, 144), dtype=np.uint8)

    worn = mask_worn(face, BOX, POINTS, np.random.default_rng(seed))

    changed = worn != face
    assert not changed[:60].any()
    assert changed[98:110, 56:88].mean() > 0.8


def test_glasses_cover_the_eyes_alone() -> None:
    """Both eyes change; mouth and forehead stay."""
    worn = glasses_worn(FACE, POINTS, np.random.default_rng(2))

    assert (worn[58:66, 48:56] != FACE[58:66, 48:56]).mean() > 0.9
    assert np.array_equal(worn[96:], FACE[96:])
    assert np.array_equal(worn[:36], FACE[:36])


def test_light_keeps_the_picture_a_picture() -> None:
    """Any light gives bytes of the same size, and often other ones."""
    image = cv2.GaussianBlur(
        np.random.default_rng(3).integers(0, 256, (60, 80), dtype=np.uint8), (0, 0), 2
    )

    changed = [lit(image, np.random.default_rng(seed)) for seed in range(30)]

    assert all((one.shape, one.dtype) == (image.shape, np.uint8) for one in changed)
    assert sum(not np.array_equal(one, image) for one in changed) > 25


def test_mirrored_faces_keep_box_and_points_together() -> None:
    """Mirroring all of a batch twice gives it back; once, boxes and points move along."""
    torch = pytest.importorskip("torch", reason="torch is installed for training only")
    from training.tasks import detector as task

    images = torch.arange(8 * 4 * 6, dtype=torch.uint8).reshape(8, 1, 4, 6)
    boxes = torch.tensor([[[1.0, 0, 3, 2]]]).repeat(8, 1, 1)
    points = torch.tensor([[[1.0, 1, 2, 1, 1.5, 1.2, 1, 2, 2, 2]]]).repeat(8, 1, 1)
    torch.manual_seed(1)

    seen, moved, marks = task.mirrored(images, boxes, points)

    flipped = [row for row in range(8) if not torch.equal(seen[row], images[row])]
    assert 0 < len(flipped) < 8
    assert torch.equal(seen[flipped[0]], images[flipped[0]].flip(-1))
    assert moved[flipped[0], 0].tolist() == [3, 0, 5, 2]
    assert marks[flipped[0], 0].tolist() == pytest.approx([3, 1, 4, 1, 3.5, 1.2, 3, 2, 4, 2])


def test_a_pack_gives_the_faces_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is packed is read again: as many faces, their boxes, and nearly the same pixels."""
    from training import pack_detector

    smooth = cv2.GaussianBlur(
        np.random.default_rng(4).integers(0, 256, (5, 144, 144), dtype=np.uint8).transpose(1, 2, 0),
        (0, 0), 6,
    ).transpose(2, 0, 1)  # fmt: skip
    faces = np.ascontiguousarray(smooth), np.tile(BOX, (5, 1)), np.tile(POINTS, (5, 1, 1))
    monkeypatch.setattr(pack_detector, "pasted_faces", lambda data, labels: faces)
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "labels.csv").write_text("as it is", "utf-8")
    with zipfile.ZipFile(tmp_path / "scenes" / "images.zip", "w") as archive:
        archive.writestr("one.png", cv2.imencode(".png", faces[0][0])[1].tobytes())

    size = pack_detector.pack(tmp_path, tmp_path, tmp_path / "pack", most=3)
    back = pack_detector.packed_faces(tmp_path / "pack")

    assert size > 0
    assert (tmp_path / "pack" / "scenes" / "labels.csv").read_text("utf-8") == "as it is"
    with zipfile.ZipFile(tmp_path / "pack" / "scenes" / "images.zip") as archive:
        assert archive.namelist() == ["one.png"]
    assert back.levels[0].shape == (3, 144, 144)
    assert np.array_equal(back.boxes, np.tile(BOX, (3, 1)))
    nearest = [np.abs(faces[0].astype(int) - one).mean((1, 2)).min() for one in back.levels[0]]
    assert max(nearest) < 3
