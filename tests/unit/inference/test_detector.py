"""The detector's geometry, suppression, refusals and wiping, with a net made of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from agent.domain.face import DetectedFace
from agent.inference.detector import (
    MAX_FACES,
    FaceDetector,
    Found,
    Region,
    areas,
    checked,
    intersections,
    suppress,
    tiles,
    uncut,
)

WIDTH, HEIGHT = 320, 240

Array = npt.NDArray[np.float32]


class OneFaceNet:
    """Answers with fixed detections and remembers what it was shown."""

    def __init__(self, boxes: list[tuple[float, ...]], scores: list[float]) -> None:
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)
        self.scores = np.array(scores, np.float32)
        self.buffer: npt.NDArray[Any] | None = None
        self.seen: list[npt.NDArray[Any]] = []

    def __call__(self, inputs: dict[str, npt.NDArray[Any]]) -> list[Array]:
        """Give each box with its own centre as all five points."""
        self.buffer = inputs["image"]
        self.seen.append(inputs["image"].copy())
        middle = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        return [self.scores[None], self.boxes[None], np.tile(middle, 5)[None]]


class BrightSpotNet:
    """Sees one face around the brightest pixels of its input, if anything is bright."""

    def __call__(self, inputs: dict[str, npt.NDArray[Any]]) -> list[Array]:
        """Box the pixels above 200."""
        ys, xs = np.nonzero(inputs["image"][0, 0] > 200)
        if not len(ys):
            return [np.zeros((1, 1), np.float32), np.zeros((1, 1, 4)), np.zeros((1, 1, 10))]
        box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
        middle = (box[:2] + box[2:]) / 2
        score = np.array([[0.9 if (box[2:] - box[:2]).min() >= 8 else 0.1]], np.float32)
        return [score, box[None, None], np.tile(middle, 5)[None, None]]


def random_boxes(count: int, seed: int) -> tuple[Array, Array]:
    """Draw boxes and distinct scores."""
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 100, (count, 2))
    boxes = np.concatenate([corner, corner + random.uniform(5, 60, (count, 2))], 1)
    return boxes.astype(np.float32), random.permutation(count).astype(np.float32) / count


def iou(a: Array, b: Array) -> float:
    """Compute the overlap of two boxes."""
    shared = float(intersections(a, b[None])[0])
    return shared / float(areas(a[None])[0] + areas(b[None])[0] - shared)


@pytest.mark.parametrize("seed", range(10))
def test_suppression_keeps_no_two_overlapping_boxes(seed: int) -> None:
    """No two kept boxes overlap by more than the limit."""
    boxes, scores = random_boxes(60, seed)

    kept = suppress(boxes, scores, 0.1, 0.4, 60)

    pairs = [(i, j) for i in kept for j in kept if i < j]
    assert all(iou(boxes[i], boxes[j]) <= 0.4 for i, j in pairs)


@pytest.mark.parametrize("seed", range(10))
def test_suppression_explains_every_box_it_drops(seed: int) -> None:
    """Every dropped box is too weak or overlaps a stronger kept one."""
    boxes, scores = random_boxes(60, seed)

    kept = suppress(boxes, scores, 0.1, 0.4, 60)

    for i in set(range(60)) - set(kept.tolist()):
        stronger = [j for j in kept if scores[j] > scores[i]]
        assert scores[i] < 0.1 or any(iou(boxes[i], boxes[j]) > 0.4 for j in stronger)


def test_suppression_orders_by_score_and_obeys_its_limit() -> None:
    """The strongest boxes come first and no more than the limit are kept."""
    boxes = np.array([[100 * i, 0, 100 * i + 50, 50] for i in range(5)], np.float32)
    scores = np.array([0.2, 0.9, 0.5, 0.7, 0.6], np.float32)

    assert suppress(boxes, scores, 0.0, 0.4, 3).tolist() == [1, 3, 4]


def test_suppression_of_nothing_is_nothing() -> None:
    """No boxes give no indices."""
    assert suppress(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.5, 0.4, 9).size == 0


def test_nested_box_goes_only_when_asked() -> None:
    """A small box inside a stronger large one goes only under the nested limit."""
    boxes = np.array([[0, 0, 100, 100], [10, 10, 40, 40]], np.float32)
    scores = np.array([0.9, 0.8], np.float32)

    assert suppress(boxes, scores, 0.0, 0.4, 9).tolist() == [0, 1]
    assert suppress(boxes, scores, 0.0, 0.4, 9, 0.75).tolist() == [0]


@pytest.mark.parametrize(("height", "width"), [(240, 320), (480, 640), (1080, 1920), (600, 300)])
def test_boxes_come_back_in_frame_pixels(height: int, width: int) -> None:
    """A box in the input returns at the frame's scale, wherever the letterbox pads."""
    scale = min(WIDTH / width, HEIGHT / height)
    truth = np.array([0.2 * width, 0.3 * height, 0.5 * width, 0.7 * height], np.float32)
    net = OneFaceNet([tuple(truth * scale)], [0.9])

    (face,) = FaceDetector(net, WIDTH, HEIGHT, 0.5).detect(np.zeros((height, width), np.uint8))

    assert face.box == pytest.approx(truth, rel=1e-4)
    assert face.points == pytest.approx(np.tile((truth[:2] + truth[2:]) / 2, (5, 1)), rel=1e-4)


def test_result_has_the_promised_types() -> None:
    """A face holds float32 (4,), float32 (5, 2) and a plain float."""
    net = OneFaceNet([(10, 20, 50, 70)], [0.75])

    (face,) = FaceDetector(net, WIDTH, HEIGHT, 0.5).detect(np.zeros((240, 320), np.uint8))

    assert (face.box.dtype, face.box.shape) == (np.float32, (4,))
    assert (face.points.dtype, face.points.shape) == (np.float32, (5, 2))
    assert isinstance(face.score, float)


def test_weak_detections_are_left_out() -> None:
    """Only detections of at least the threshold become faces."""
    net = OneFaceNet([(0, 0, 40, 40), (100, 100, 140, 140)], [0.49, 0.5])

    faces = FaceDetector(net, WIDTH, HEIGHT, 0.5).detect(np.zeros((240, 320), np.uint8))

    assert [face.score for face in faces] == [0.5]


def test_at_most_32_faces_live() -> None:
    """A live frame never gives more than 32 faces."""
    boxes = [(8.0 * (i % 40), 8.0 * (i // 40), 8.0 * (i % 40) + 7, 8.0 * (i // 40) + 7)
             for i in range(200)]  # fmt: skip
    net = OneFaceNet(boxes, [0.9] * 200)

    faces = FaceDetector(net, WIDTH, HEIGHT, 0.5).detect(np.zeros((240, 320), np.uint8))

    assert len(faces) == MAX_FACES


@pytest.mark.parametrize("thorough", [False, True])
def test_buffer_is_wiped_after_detection(*, thorough: bool) -> None:
    """The pixels that the net saw are gone once the result is there."""
    net = OneFaceNet([(10, 10, 50, 50)], [0.9])

    FaceDetector(net, WIDTH, HEIGHT, 0.5).detect(
        np.full((960, 1280), 200, np.uint8), thorough=thorough
    )

    assert all(seen.any() for seen in net.seen)
    assert net.buffer is not None
    assert not net.buffer.any()


def test_buffer_is_wiped_after_an_error() -> None:
    """Pixels are wiped also when the net fails."""
    kept: list[npt.NDArray[Any]] = []

    def failing(inputs: dict[str, npt.NDArray[Any]]) -> list[Array]:
        kept.append(inputs["image"])
        raise RuntimeError("broken net")

    with pytest.raises(RuntimeError, match="broken net"):
        FaceDetector(failing, WIDTH, HEIGHT, 0.5).detect(np.full((48, 64), 9, np.uint8))

    assert not kept[0].any()


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 7), (1, 7, 4)],
        [(1, 7), (1, 7, 4), (1, 6, 10)],
        [(1, 7), (1, 7, 5), (1, 7, 10)],
        [(7,), (7, 4), (7, 10)],
        [(2, 7), (2, 7, 4), (2, 7, 10)],
    ],
)
def test_wrong_output_shapes_are_refused(shapes: list[tuple[int, ...]]) -> None:
    """Outputs that break the contract raise a ValueError that says what was expected."""
    outputs = [np.zeros(shape, np.float32) for shape in shapes]

    with pytest.raises(ValueError, match="the face detector must give"):
        checked(outputs)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((24, 32, 3), np.uint8),
        np.zeros((24, 32), np.float32),
        np.zeros((0, 32), np.uint8),
    ],
)
def test_frames_that_are_not_gray_bytes_are_refused(frame: npt.NDArray[Any]) -> None:
    """Colour, float and empty frames raise a ValueError."""
    detector = FaceDetector(OneFaceNet([], []), WIDTH, HEIGHT, 0.5)

    with pytest.raises(ValueError, match="gray uint8"):
        detector.detect(frame)


@pytest.mark.parametrize(("width", "height"), [(1280, 960), (1601, 907), (700, 2000)])
def test_tiles_cover_the_frame_and_stay_inside(width: int, height: int) -> None:
    """Every pixel of a frame lies in a tile and no tile reaches beyond the frame."""
    covered = np.zeros((height, width), np.bool_)

    for region in tiles(Region(0, 0, width, height), 320, 240):
        assert region.x >= 0
        assert region.y >= 0
        assert region.x + region.width <= width
        assert region.y + region.height <= height
        covered[region.y : region.y + region.height, region.x : region.x + region.width] = True

    assert covered.all()


def test_small_frame_is_one_tile() -> None:
    """A frame smaller than a tile is its own only tile."""
    assert list(tiles(Region(0, 0, 100, 80), 320, 240)) == [Region(0, 0, 100, 80)]


def test_boxes_cut_by_an_inner_edge_are_left_to_the_neighbour() -> None:
    """A box at a tile's inner edge goes; one at the frame's own edge stays."""
    boxes = np.array([[0, 10, 30, 40], [80, 10, 100, 40], [40, 10, 60, 40]], np.float32)
    found = Found(boxes, np.zeros((3, 5, 2), np.float32), np.ones(3, np.float32))

    kept = uncut(found, Region(0, 0, 100, 100), Region(0, 0, 200, 100), 2.0)

    assert kept.boxes[:, 0].tolist() == [0, 40]


def test_thorough_finds_what_live_is_too_coarse_for() -> None:
    """A face too small for one look at a large picture is found once, in place, by the tiles."""
    frame = np.zeros((1200, 1600), np.uint8)
    frame[700:730, 1010:1034] = 255
    detector = FaceDetector(BrightSpotNet(), WIDTH, HEIGHT, 0.5)

    live, still = detector.detect(frame), detector.detect(frame, thorough=True)

    assert live == []
    assert len(still) == 1
    assert still[0].box == pytest.approx([1010, 700, 1034, 730], abs=4)


def test_a_printed_face_shows_no_place() -> None:
    """The text of a detection names size and score, never where the person is."""
    box = np.array([111, 222, 151, 272], np.float32)
    face = DetectedFace(box, np.zeros((5, 2), np.float32), 0.9)

    assert repr(face) == "DetectedFace(40x50 px, score 0.90)"
