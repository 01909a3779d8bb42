"""Paste faces, and patches that are none, into pictures through soft or hard masks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.data.detector_geometry import Array, Image, Random, moved_labels, placed
from training.data.scenes import Scene

WORN = 0.25
"""Share of the pasted faces that wear a mask or dark glasses."""


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
    if random.random() < WORN:
        marks = faces.points[which]
        masked = random.random() < 0.7
        levels = pyramid(
            mask_worn(levels[0], box, marks, random)
            if masked
            else glasses_worn(levels[0], marks, random)
        )
    image = _blended(scene.image, levels, box, matrix, random)
    boxes, points = moved_labels(box[None], faces.points[which][None], matrix)
    return Scene(
        image,
        np.concatenate([scene.boxes, boxes]),
        np.concatenate([scene.points, points]),
        np.concatenate([scene.real, np.ones(1, np.bool_)]),
    )


def distract(scene: Scene, patch: Image, box: Array, side: float, random: Random) -> Scene:
    """Paste a patch that is no face just as a face would be, so that the paste is no clue.

    Args:
        scene: to paste into; its labels stay.
        patch: uint8 (S, S), as large as a face's crop.
        box: float32 (4,), where a face would be in the patch.
        side: of that box after pasting, pixels.
        random: source of randomness.
    """
    target = _spot(scene, side, random)
    if target is None:
        return scene
    thrown = _thrown(box, target, side, random)
    image = _blended(scene.image, pyramid(patch), box, thrown, random)
    return Scene(image, scene.boxes, scene.points, scene.real)


def pyramid(patch: Image) -> list[Image]:
    """Halve a crop (S, S) until it is small."""
    levels = [patch]
    while levels[-1].shape[0] >= 2 * 18:
        half = cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, np.uint8))
    return levels


def mask_worn(face: Image, box: Array, points: Array, random: Random) -> Image:
    """Cover nose, mouth and chin, as a mask does; the eyes stay free."""
    eyes, nose = points[:2].mean(0), points[2]
    top = nose + (eyes - nose) * random.uniform(0.2, 0.55)
    width = float(box[2] - box[0])
    bend = random.uniform(-0.06, 0.04) * width
    cheek = [(box[0] + 0.03 * width, top[1] + bend), (box[2] - 0.03 * width, top[1] + bend)]
    low = float(box[3])
    outline = np.array(
        [cheek[0], top, cheek[1], (box[2] - 0.1 * width, 0.35 * top[1] + 0.65 * low),
         ((box[0] + box[2]) / 2 + 0.12 * width, low), ((box[0] + box[2]) / 2 - 0.12 * width, low),
         (box[0] + 0.1 * width, 0.35 * top[1] + 0.65 * low)]
    )  # fmt: skip
    return _covered(face, [outline], random)


def glasses_worn(face: Image, points: Array, random: Random) -> Image:
    """Cover the eyes with dark or bright glasses."""
    reach = float(np.linalg.norm(points[0] - points[1]))
    half = np.array([random.uniform(0.28, 0.46), random.uniform(0.2, 0.34)]) * reach
    angle = np.linspace(0, 2 * math.pi, 12, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1) * half
    bar = np.array([points[0], points[1], points[1] + (0, 2), points[0] + (0, 2)])
    return _covered(face, [points[0] + ring, points[1] + ring, bar], random, darkest=5)


def _covered(
    face: Image, outlines: list[npt.NDArray[np.float64]], random: Random, darkest: int = 30
) -> Image:
    """Fill outlines with one gray that grows lighter or darker across, softly edged."""
    mask = np.zeros(face.shape, np.float32)
    for outline in outlines:
        cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1.0)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8), np.float32)
    gray, slope = random.uniform(darkest, 250), random.normal(0, 20)
    across = np.linspace(-slope, slope, face.shape[1], dtype=np.float32)[None]
    kept = random.uniform(0.0, 0.35)  # folds and light of what lies below
    fill = gray + across + kept * (face.astype(np.float32) - face.mean())
    return np.clip(face + mask * (fill - face), 0, 255).astype(np.uint8)


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


def _free(boxes: Array, centre: Array, side: float) -> bool:
    """Say whether a square face would stay clear of all others."""
    gap = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - centre)
    reach = ((boxes[:, 2:] - boxes[:, :2]).max(1, initial=0) + 1.3 * side) / 2
    return bool((gap.max(1, initial=0) > reach).all())


def _thrown(box: Array, target: Array, side: float, random: Random) -> Array:
    """Carry a crop's box to a place and a size, a little turned, mirrored or not."""
    scale = side / float((box[2:] - box[:2]).max())
    centre = (box[:2] + box[2:]) / 2
    return placed(centre, target, scale, random.normal(0, 10), random.random() < 0.5)


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
