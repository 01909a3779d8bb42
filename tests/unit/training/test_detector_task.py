"""The detector's net, targets, loss and samples, on toy sizes."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.detector_geometry import moved, placed, settled
from training.data.detector_pasting import distract, pasted_from, shuffled
from training.data.detector_samples import sample
from training.data.scenes import Scene, Scenes

torch = pytest.importorskip("torch", reason="torch is installed for training only")

from training.nets.detector import STRIDES, ExportedFaceNet, FaceNet, cells, decode, flatten  # noqa: E402 - only where torch is
from training.tasks.detector import HEIGHT, WIDTH, DetectorTask, assign, collate, overlap  # noqa: E402 - same

BOX = np.array([[100, 60, 160, 140]], np.float32)
POINTS = np.array([[(115, 90), (145, 90), (130, 105), (118, 120), (142, 120)]], np.float32)


def face_scene(seed: int = 0) -> Scene:
    """Draw noise with one bright rectangle as the face."""
    image = np.random.default_rng(seed).integers(0, 80, (HEIGHT, WIDTH)).astype(np.uint8)
    image[60:140, 100:160] += 150
    return Scene(image, BOX, POINTS, np.ones(1, np.bool_))


def empty_scene() -> Scene:
    """Draw noise without a face."""
    image = np.random.default_rng(1).integers(0, 80, (200, 300)).astype(np.uint8)
    none = np.zeros((0, 4), np.float32)
    return Scene(image, none, np.zeros((0, 5, 2), np.float32), np.zeros(0, np.bool_))


def toy_task(length: int = 8) -> DetectorTask:
    """Build a task on toy scenes, with pasted noise as faces."""
    torch.manual_seed(0)
    crops = np.random.default_rng(2).integers(0, 256, (4, 144, 144)).astype(np.uint8)
    boxes = np.tile(np.array([20, 10, 120, 140], np.float32), (4, 1))
    faces = pasted_from(crops, boxes, np.full((4, 5, 2), 70, np.float32))
    scenes = Scenes((face_scene(),), (empty_scene(),))
    net = FaceNet(widths=(8, 8, 16, 16, 16), neck=16)
    return DetectorTask(net, scenes, [face_scene(), face_scene(3)], faces, length)


def test_cells_match_the_outputs() -> None:
    """There is exactly one cell per prediction, also where a side is no multiple of 32."""
    raw = flatten(FaceNet()(torch.zeros(1, 1, HEIGHT, WIDTH)))
    centres, strides = cells(HEIGHT, WIDTH)

    assert raw.shape == (1, len(centres), 15)
    assert len(strides) == len(centres)
    assert set(strides.tolist()) == set(STRIDES)


def test_decoding_inverts_the_encoding_of_a_box() -> None:
    """Raw values that describe a box in strides decode to that box and its points."""
    centres, strides = cells(HEIGHT, WIDTH)
    cell = 700
    raw = torch.zeros(1, len(centres), 15)
    box, unit = torch.from_numpy(BOX[0]), strides[cell]
    raw[0, cell, 1:3] = ((box[:2] + box[2:]) / 2 - centres[cell]) / unit
    raw[0, cell, 3:5] = torch.log((box[2:] - box[:2]) / 2 / unit)
    raw[0, cell, 5:] = ((torch.from_numpy(POINTS[0]) - centres[cell]) / unit).reshape(-1)

    _, boxes, points = decode(raw, centres, strides)

    assert boxes[0, cell].numpy() == pytest.approx(BOX[0], abs=1e-3)
    assert points[0, cell].numpy() == pytest.approx(POINTS.reshape(-1), abs=1e-3)


@pytest.mark.parametrize("side", [9, 14, 30, 43, 60, 90, 110, 220])
def test_every_face_is_learned_by_some_cell(side: int) -> None:
    """A face of any size and place owns a cell, and each such cell is near its centre."""
    random = np.random.default_rng(side)
    centres, strides = cells(HEIGHT, WIDTH)
    for x, y in random.uniform((20, 20), (300, 220), (20, 2)):
        box = torch.tensor([[[x - side / 2, y - side / 2, x + side / 2, y + side / 2]]])
        chosen, _ = assign(box.float(), torch.ones(1, 1, dtype=torch.int64), centres, strides)
        gap = (centres[chosen[0] == 0] - torch.tensor([x, y])).abs().max(-1).values
        assert len(gap) > 0
        assert (gap <= 1.5 * strides[chosen[0] == 0]).all()


def test_doubtful_boxes_teach_nothing() -> None:
    """Cells inside a box to ignore are skipped, those outside are not."""
    centres, strides = cells(HEIGHT, WIDTH)

    chosen, skipped = assign(
        torch.from_numpy(BOX)[None], torch.zeros(1, 1, dtype=torch.int64), centres, strides
    )

    x, y = centres.T
    inside = (x > 100) & (x < 160) & (y > 60) & (y < 140)
    assert (chosen == -1).all()
    assert torch.equal(skipped[0], inside)


def test_overlap_of_a_box_with_itself_and_with_a_far_one() -> None:
    """GIoU is 1 for equal boxes and negative for boxes far apart."""
    a = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10]])
    b = torch.tensor([[0.0, 0, 10, 10], [90, 90, 99, 99]])

    iou, giou = overlap(a, b)

    assert iou.tolist() == pytest.approx([1, 0])
    assert giou[0] == pytest.approx(1)
    assert giou[1] < -0.9


def test_loss_decreases_on_one_batch() -> None:
    """Thirty steps on the same batch at least halve the loss."""
    task = toy_task()
    batch = collate([face_scene(0), face_scene(1)])
    optimiser = torch.optim.AdamW(task.model.parameters(), 1e-2)
    losses = []

    for _ in range(30):
        loss = task.loss(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))

    assert losses[-1] < 0.5 * losses[0]


def test_batches_repeat_with_their_seed() -> None:
    """The same seed draws the same batches, so that a resumed run goes on as it would have."""
    task = toy_task()

    first, second = (list(task.batches(4, seed=7)) for _ in range(2))

    assert len(first) == 2
    assert all(
        torch.equal(a, b)
        for x, y in zip(first, second, strict=True)
        for a, b in zip(x, y, strict=True)
    )


def test_exported_net_bounds_its_scores() -> None:
    """The edge's net takes bytes and gives scores in [0, 1] with the promised shapes."""
    net = ExportedFaceNet(FaceNet().eval(), HEIGHT, WIDTH)

    scores, boxes, points = net(torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.uint8))

    count = scores.shape[1]
    assert boxes.shape == (1, count, 4)
    assert points.shape == (1, count, 10)
    assert 0 <= float(scores.detach().min()) <= float(scores.detach().max()) <= 1


def test_mirror_swaps_right_and_left() -> None:
    """After a mirror the subject's right eye is still the first point."""
    middle = np.array([WIDTH / 2, HEIGHT / 2], np.float32)
    matrix = placed(middle, middle, 1.0, 0.0, mirror=True)

    mirrored = moved(face_scene(), matrix, (HEIGHT, WIDTH), 0)

    assert mirrored.points[0, 0, 0] < mirrored.points[0, 1, 0]
    assert mirrored.points[0, 0] == pytest.approx((WIDTH - 145, 90))
    assert mirrored.boxes[0] == pytest.approx((WIDTH - 160, 60, WIDTH - 100, 140))


def test_faces_mostly_outside_are_ignored_or_dropped() -> None:
    """A face that a cut leaves 40 % visible is one to ignore; 10 % visible, it is gone."""
    boxes = np.array([[-60, 0, 40, 50], [-90, 60, 10, 110], [20, 20, 80, 80]], np.float32)
    image = np.zeros((HEIGHT, WIDTH), np.uint8)

    left = settled(Scene(image, boxes, np.zeros((3, 5, 2), np.float32), np.ones(3, np.bool_)))

    assert left.boxes[:, 0].tolist() == [-60, 20]
    assert left.real.tolist() == [False, True]


@pytest.mark.parametrize("seed", range(20))
def test_samples_fill_the_input_and_keep_their_labels_together(seed: int) -> None:
    """Any sample is a full gray input whose boxes, points and marks agree in number."""
    task = toy_task()

    drawn = sample(task.train, task.faces, (HEIGHT, WIDTH), np.random.default_rng(seed))

    assert (drawn.image.shape, drawn.image.dtype) == ((HEIGHT, WIDTH), np.uint8)
    assert len(drawn.boxes) == len(drawn.points) == len(drawn.real)
    assert np.isfinite(drawn.boxes).all()


def test_a_distractor_changes_pixels_but_no_label() -> None:
    """A pasted patch that is no face leaves the faces as they were."""
    task = toy_task()
    scene = face_scene()

    changed = distract(
        scene, task.faces.levels[0][0], task.faces.boxes[0], 40.0, np.random.default_rng(5)
    )

    assert not np.array_equal(changed.image, scene.image)
    assert np.array_equal(changed.boxes, scene.boxes)
    assert np.array_equal(changed.image[60:140, 100:160], scene.image[60:140, 100:160])


def test_a_shuffled_face_keeps_its_size_but_not_its_order() -> None:
    """Shuffling cuts a face apart without changing its size or type."""
    face = np.add.outer(np.arange(144), np.arange(144)).clip(0, 255).astype(np.uint8)

    mixed = shuffled(face, np.random.default_rng(1))

    assert (mixed.shape, mixed.dtype) == (face.shape, face.dtype)
    assert np.abs(mixed.astype(int) - face).mean() > 20
