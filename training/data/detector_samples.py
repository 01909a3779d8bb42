"""Inputs for the detector's training: scenes zoomed and cut, and faces pasted into scenes.

Everything here is plain numpy and OpenCV on one small picture at a time. A `Scene` goes in and
a `Scene` comes out; light and noise are added last, over the whole picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from agent.inference.preprocess import transform
from training.data.scenes import Scene, Scenes

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Random = np.random.Generator

SWAPPED = [1, 0, 2, 4, 3]
"""Order of the five points after a mirror: right and left are the subject's own."""

FAINTEST = 5.0
"""Deviation of the gray values in a face, of 255, below which it is ignored."""

SMALLEST, LARGEST = 9.0, 220.0
"""Side of the faces shown, input pixels; a smaller one is ignored."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """Faces that can be pasted.

    Attributes:
        levels: the crops at full, half, quarter, ... size, each uint8 (N, S, S).
        boxes: float32 (N, 4), pixels of the full-size crop.
        points: float32 (N, 5, 2), same.
    """

    levels: tuple[Image, ...]
    boxes: Array
    points: Array


def pasted_from(images: Image, boxes: Array, points: Array) -> Pasted:
    """Prepare crops uint8 (N, S, S) for pasting at any size."""
    levels = [images]
    while levels[-1].shape[1] >= 2 * 18:
        last = levels[-1]
        halved = last.astype(np.uint16)
        summed = halved[:, ::2, ::2] + halved[:, 1::2, ::2] + halved[:, ::2, 1::2]
        levels.append(((summed + halved[:, 1::2, 1::2] + 2) // 4).astype(np.uint8))
    return Pasted(tuple(levels), boxes, points)


def moved(scene: Scene, matrix: Array, size: tuple[int, int], fill: int | None) -> Scene:
    """Warp a scene by a similarity float32 (2, 3) into (height, width).

    A `fill` of None repeats the border. A face less than half visible becomes one to ignore,
    and one that is hardly visible is dropped.
    """
    image = _shrunk_warp(scene.image, matrix, size, fill)
    boxes, points = moved_labels(scene.boxes, scene.points, matrix)
    return settled(Scene(image, boxes, points, scene.real))


def moved_labels(boxes: Array, points: Array, matrix: Array) -> tuple[Array, Array]:
    """Carry boxes (K, 4) and points (K, 5, 2) along; a turned box keeps its proportions."""
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    middle = transform(matrix, (boxes[:, :2] + boxes[:, 2:]) / 2)
    half = (boxes[:, 2:] - boxes[:, :2]) * scale / 2
    points = transform(matrix, points.reshape(-1, 2)).reshape(-1, 5, 2)
    if np.linalg.det(matrix[:, :2]) < 0:
        points = points[:, SWAPPED]
    return np.concatenate([middle - half, middle + half], 1).astype(np.float32), points


def settled(scene: Scene) -> Scene:
    """Drop faces outside the picture; ignore those that are half outside or too small."""
    height, width = scene.image.shape
    limit = np.array([width, height], np.float32)
    inside = np.clip(scene.boxes[:, 2:], 0, limit) - np.clip(scene.boxes[:, :2], 0, limit)
    sides = scene.boxes[:, 2:] - scene.boxes[:, :2]
    visible = inside.prod(1) / np.maximum(sides.prod(1), 1e-6)
    kept = visible > 0.15
    real = scene.real & (visible > 0.55) & (sides.max(1) >= SMALLEST)
    return Scene(scene.image, scene.boxes[kept], scene.points[kept], real[kept])


def _shrunk_warp(image: Image, matrix: Array, size: tuple[int, int], fill: int | None) -> Image:
    """Warp, averaging down first so that small faces don't alias."""
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    factor = max(1.0, 1 / scale)
    if factor > 1.3:
        columns, rows = (max(1, round(side / factor)) for side in image.shape[::-1])
        ratio = np.array([image.shape[1] / columns, image.shape[0] / rows], np.float32)
        image = np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA))
        matrix = matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ ((ratio - 1) / 2)
        matrix[:, :2] *= ratio
    mode = cv2.BORDER_REPLICATE if fill is None else cv2.BORDER_CONSTANT
    warped = cv2.warpAffine(
        image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=fill or 0
    )
    return np.asarray(warped, np.uint8)


def placed(centre: Array, target: Array, scale: float, degrees: float, mirror: bool) -> Array:
    """Build the matrix that turns and scales about `centre` and carries it to `target`."""
    angle = math.radians(degrees)
    linear = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float32
    )
    if mirror:
        linear[:, 0] *= -1
    return np.concatenate([linear, (target - linear @ centre)[:, None]], 1).astype(np.float32)


def log_uniform(low: float, high: float, random: Random) -> float:
    """Draw between two positive bounds, each octave as likely as another."""
    return float(np.exp(random.uniform(np.log(low), np.log(max(high, low * 1.001)))))


def zoomed(scene: Scene, behind: Image, random: Random) -> Scene:
    """Show a scene so that one of its faces gets a random size and place.

    Args:
        scene: with or without a real face.
        behind: uint8 (height, width) of the sample; seen where the scene doesn't reach.
        random: source of randomness.
    """
    height, width = size = (behind.shape[0], behind.shape[1])
    candidates = np.flatnonzero(scene.real)
    mirror, degrees = random.random() < 0.5, random.normal(0, 6)
    if not len(candidates) or random.random() < 0.1:
        scale = min(width / scene.image.shape[1], height / scene.image.shape[0])
        centre = np.array(scene.image.shape[::-1], np.float32) / 2
        whole = placed(centre, np.array([width, height], np.float32) / 2, scale, 0, mirror)
        return moved(scene, whole, size, 0)
    box = scene.boxes[random.choice(candidates)]
    side = float((box[2:] - box[:2]).max())
    wanted = log_uniform(SMALLEST + 1, min(LARGEST, 0.92 * min(size)), random)
    wanted = min(wanted, side * 3)  # more than three times enlarged is only blur
    target = np.array(
        [random.uniform(wanted / 2, limit - wanted / 2) for limit in (width, height)], np.float32
    )
    matrix = placed((box[:2] + box[2:]) / 2, target, wanted / side, degrees, mirror)
    shown = moved(scene, matrix, size, 0)
    if random.random() < 0.3:
        return shown
    reached = cv2.warpAffine(np.ones_like(scene.image), matrix, size[::-1])
    image = np.where(reached > 0, shown.image, behind)
    return Scene(image, shown.boxes, shown.points, shown.real)


def roamed(scene: Scene, size: tuple[int, int], random: Random) -> Scene:
    """Show any piece of a scene with people: hands, hair and clothes that are no faces."""
    cover = max(size[0] / scene.image.shape[0], size[1] / scene.image.shape[1])
    scale = cover * log_uniform(0.8, 3.5, random)
    centre = random.uniform(0, 1, 2).astype(np.float32) * scene.image.shape[::-1]
    target = np.array([size[1], size[0]], np.float32) / 2
    mirror = random.random() < 0.5
    return moved(scene, placed(centre, target, scale, random.normal(0, 6), mirror), size, 0)


def background(scenes: Scenes, size: tuple[int, int], random: Random) -> Scene:
    """Cut a piece without faces that fills the input."""
    scene = scenes.empty[random.integers(len(scenes.empty))]
    cover = max(size[0] / scene.image.shape[0], size[1] / scene.image.shape[1])
    scale = cover * log_uniform(0.6, 3.0, random)
    centre = random.uniform(0.25, 0.75, 2).astype(np.float32) * scene.image.shape[::-1]
    target = np.array([size[1], size[0]], np.float32) / 2
    matrix = placed(centre, target, scale, random.normal(0, 8), random.random() < 0.5)
    return moved(scene, matrix, size, None)


def _mask(side: int, box: Array, random: Random) -> Array:
    """Draw how strongly each pixel of a crop (side, side) is pasted, float32 in [0, 1]."""
    mask = np.zeros((side, side), np.float32)
    kind = random.random()
    if kind < 0.6:
        centre = (box[:2] + box[2:]) / 2
        half = (box[2:] - box[:2]) / 2 * random.uniform(1.1, 1.45)
        cv2.ellipse(mask, [int(v) for v in centre], [int(v) for v in half], 0, 0, 360, 1.0, -1)
    elif kind < 0.8:
        mask[4:-4, 4:-4] = 1
    else:
        mask[:] = 1
        return mask
    blur = float(random.uniform(1.0, 6.0))
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur), np.float32)


def paste(
    scene: Scene, faces: Pasted, side: float, random: Random, *, close: bool = False
) -> Scene:
    """Paste one face of a given size (longer box side, pixels) where no other face is.

    `close` puts it beside a face that is there already, as people stand in a group.
    """
    which = int(random.integers(len(faces.boxes)))
    box = faces.boxes[which]
    target = (_beside if close and len(scene.boxes) else _spot)(scene, side, random)
    if target is None:
        return scene
    matrix = _thrown(box, target, side, random)
    levels = [level[which] for level in faces.levels]
    image = _blended(scene.image, levels, box, matrix, random)
    boxes, points = moved_labels(box[None], faces.points[which][None], matrix)
    return Scene(
        image,
        np.concatenate([scene.boxes, boxes]),
        np.concatenate([scene.points, points]),
        np.concatenate([scene.real, np.ones(1, np.bool_)]),
    )


def distract(scene: Scene, scenes: Scenes, faces: Pasted, side: float, random: Random) -> Scene:
    """Paste a patch that is no face just as a face would be, so that the paste is no clue.

    The patch is a piece of an empty scene, or a face whose blocks are shuffled.
    """
    which = int(random.integers(len(faces.boxes)))
    box, whole = faces.boxes[which], faces.levels[0][which]
    target = _spot(scene, side, random)
    if target is None:
        return scene
    if random.random() < 0.6:
        patch = background(scenes, (whole.shape[0], whole.shape[1]), random).image
    else:
        patch = shuffled(whole, random)
    levels = [patch]
    while levels[-1].shape[0] >= 2 * 18:
        half = cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, np.uint8))
    image = _blended(scene.image, levels, box, _thrown(box, target, side, random), random)
    return Scene(image, scene.boxes, scene.points, scene.real)


def shuffled(face: Image, random: Random) -> Image:
    """Cut a picture into 3x3 blocks and lay them in another order: skin, but no face."""
    side = face.shape[0] // 3
    grid = face[: 3 * side, : 3 * side].reshape(3, side, 3, side).transpose(0, 2, 1, 3)
    order = random.permutation(9)
    while (order == np.arange(9)).sum() > 2:
        order = random.permutation(9)
    blocks = grid.reshape(9, side, side)[order].reshape(3, 3, side, side)
    mixed = np.ascontiguousarray(blocks.transpose(0, 2, 1, 3).reshape(3 * side, 3 * side))
    return np.asarray(cv2.resize(mixed, face.shape[::-1]), np.uint8)


def _spot(scene: Scene, side: float, random: Random) -> Array | None:
    """Find a place for a face clear of all others, x y; None where there seems to be none."""
    height, width = scene.image.shape
    margin = min(side * 0.4, 0.49 * height, 0.49 * width)
    for _ in range(8):
        x, y = random.uniform(margin, width - margin), random.uniform(margin, height - margin)
        target = np.array([x, y], np.float32)
        if _free(scene.boxes, target, side):
            return target
    return None


def _beside(scene: Scene, side: float, random: Random) -> Array | None:
    """Find a place that touches, or slightly covers, a face that is there."""
    limit = np.array(scene.image.shape[::-1], np.float32)
    for _ in range(8):
        box = scene.boxes[random.integers(len(scene.boxes))]
        apart = (side + float((box[2:] - box[:2]).max())) / 2 * random.uniform(0.8, 1.1)
        angle = random.uniform(0, 2 * math.pi)
        step = apart * np.array([math.cos(angle), math.sin(angle)], np.float32)
        target = ((box[:2] + box[2:]) / 2 + step).astype(np.float32)
        if (target > 0.3 * side).all() and (target < limit - 0.3 * side).all():
            gaps = np.linalg.norm((scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2 - target, axis=1)
            if (gaps > 0.75 * side).all():
                return target
    return None


def _thrown(box: Array, target: Array, side: float, random: Random) -> Array:
    """Carry a crop's box to a place and a size, a little turned, mirrored or not."""
    scale = side / float((box[2:] - box[:2]).max())
    centre = (box[:2] + box[2:]) / 2
    return placed(centre, target, scale, random.normal(0, 10), random.random() < 0.5)


def _free(boxes: Array, centre: Array, side: float) -> bool:
    """Say whether a square face would stay clear of all others."""
    gap = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - centre)
    reach = ((boxes[:, 2:] - boxes[:, :2]).max(1, initial=0) + 1.3 * side) / 2
    return bool((gap.max(1, initial=0) > reach).all())


def _blended(image: Image, levels: list[Image], box: Array, matrix: Array, random: Random) -> Image:
    """Lay a crop over a picture through a soft, or hard, mask around its box."""
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    level = min(max(int(math.log2(1 / scale)), 0), len(levels) - 1) if scale < 1 else 0
    crop = levels[level]
    mask = _mask(levels[0].shape[1], box, random)
    fine = matrix.copy()
    fine[:, 2] += matrix[:, :2] @ np.full(2, (2**level - 1) / 2, np.float32)
    fine[:, :2] *= 2**level
    size = (image.shape[1], image.shape[0])
    face = cv2.warpAffine(crop, fine, size, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    alpha = cv2.warpAffine(mask, matrix, size)
    if random.random() < 0.5:  # half of the faces take on the light of the place
        weight = alpha.sum() + 1e-6
        face += float((alpha * (image - face)).sum() / weight) * random.uniform(0.3, 1.0)
    mixed = image + alpha * (face * random.uniform(0.7, 1.2) - image)
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def crowd(scenes: Scenes, faces: Pasted, size: tuple[int, int], random: Random) -> Scene:
    """Paste faces on a background: up to six of many sizes, or a dense group of like sizes."""
    scene = background(scenes, size, random)
    largest = 0.6 * min(size)
    dense = random.random() < 0.4
    if dense:
        usual = log_uniform(SMALLEST + 4, 0.3 * min(size), random)
        sides = [usual * random.uniform(0.75, 1.3) for _ in range(random.integers(2, 13))]
    else:
        sides = [log_uniform(SMALLEST + 1, largest, random) for _ in range(random.integers(1, 7))]
    for side in sorted(sides, reverse=True):
        scene = paste(scene, faces, side, random, close=dense)
    for _ in range(random.integers(0, 4)):
        side = log_uniform(SMALLEST + 1, largest, random)
        scene = distract(scene, scenes, faces, side, random)
    return settled(scene)


def webcam(scenes: Scenes, faces: Pasted, size: tuple[int, int], random: Random) -> Scene:
    """Paste one large face, as a camera on a desk sees it, before a blurred background."""
    scene = background(scenes, size, random)
    blurred = cv2.GaussianBlur(scene.image, (0, 0), float(random.uniform(0.5, 4)))
    scene = Scene(np.asarray(blurred, np.uint8), scene.boxes, scene.points, scene.real)
    side = log_uniform(0.3 * min(size), min(LARGEST, 0.95 * min(size)), random)
    return settled(paste(scene, faces, side, random))


def mosaic(scenes: Scenes, faces: Pasted, size: tuple[int, int], random: Random) -> Scene:
    """Put four smaller samples side by side: more faces, and sharp edges between them."""
    height, width = size
    y, x = (int(side * random.uniform(0.35, 0.65)) for side in size)
    image = np.empty(size, np.uint8)
    boxes, points, real = [], [], []
    for top, bottom, left, right in (
        (0, y, 0, x), (0, y, x, width), (y, height, 0, x), (y, height, x, width),
    ):  # fmt: skip
        part = single(scenes, faces, (bottom - top, right - left), random)
        image[top:bottom, left:right] = part.image
        boxes.append(part.boxes + np.array([left, top, left, top], np.float32))
        points.append(part.points + np.array([left, top], np.float32))
        real.append(part.real)
    return Scene(image, np.concatenate(boxes), np.concatenate(points), np.concatenate(real))


def single(scenes: Scenes, faces: Pasted, size: tuple[int, int], random: Random) -> Scene:
    """Draw one sample of any kind but a mosaic."""
    kind = random.random()
    if kind < 0.55:
        scene = scenes.people[random.integers(len(scenes.people))]
        if kind < 0.43:
            return zoomed(scene, background(scenes, size, random).image, random)
        return roamed(scene, size, random)
    if kind < 0.80:
        return crowd(scenes, faces, size, random)
    if kind < 0.88:
        return webcam(scenes, faces, size, random)
    empty = background(scenes, size, random)
    for _ in range(random.integers(0, 5)):
        side = log_uniform(SMALLEST + 1, 0.8 * min(size), random)
        empty = distract(empty, scenes, faces, side, random)
    return empty


def sample(scenes: Scenes, faces: Pasted, size: tuple[int, int], random: Random) -> Scene:
    """Draw one training sample, uint8 of `size` (height, width), light and noise included."""
    draw = mosaic if random.random() < 0.25 else single
    scene = draw(scenes, faces, size, random)
    image = lit(scene.image, random)
    corners = np.clip(scene.boxes, 0, [size[1], size[0]] * 2).astype(int)
    contrast = [image[y1 : y2 + 1, x1 : x2 + 1].std() for x1, y1, x2, y2 in corners]
    # What darkness or glare has wiped out can't be learned, nor be called background.
    visible = np.array(contrast, np.float32) >= FAINTEST
    return Scene(image, scene.boxes, scene.points, scene.real & visible)


def lit(image: Image, random: Random) -> Image:
    """Vary exposure, contrast, sharpness and noise; sometimes nearly dark."""
    if random.random() < 0.25:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(random.uniform(0.4, 1.5))))
    levels = np.arange(256, dtype=np.float32) / 255
    levels = levels ** np.exp(random.normal(0, 0.3))
    if random.random() < 0.12:
        levels *= random.uniform(0.12, 0.5)
    else:
        levels = (levels - 0.5) * np.exp(random.normal(0, 0.25)) + 0.5 + random.normal(0, 0.08)
    table = np.clip(levels * 255, 0, 255).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, table), np.uint8)
    if random.random() < 0.35:
        noise = np.empty(image.shape, np.int16)
        cv2.randn(noise, 0, float(random.uniform(2, 12)))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image
