"""Draw inputs for the detector's training: scenes zoomed and cut, faces pasted into scenes.

Plain numpy and OpenCV on one small picture at a time; light and noise are added last, over the
whole picture (`detector_light`).
"""

from __future__ import annotations

import cv2
import numpy as np

from training.data.detector_geometry import (
    LARGEST,
    SMALLEST,
    Array,
    Image,
    Random,
    log_uniform,
    moved,
    placed,
    settled,
)
from training.data.detector_light import lit
from training.data.detector_pasting import Pasted, distract, paste, shuffled
from training.data.scenes import Scene, Scenes

FAINTEST = 5.0
"""Deviation of the gray values in a face, of 255, below which it is ignored."""


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
    """Cut a piece without faces that fills the input.

    Some are turned by any angle or inverted: what holds no face holds none either way.
    """
    scene = scenes.one_empty(random)
    cover = max(size[0] / scene.image.shape[0], size[1] / scene.image.shape[1])
    scale = cover * log_uniform(0.6, 3.0, random)
    centre = random.uniform(0.25, 0.75, 2).astype(np.float32) * scene.image.shape[::-1]
    target = np.array([size[1], size[0]], np.float32) / 2
    degrees = random.uniform(-180, 180) if random.random() < 0.3 else random.normal(0, 8)
    matrix = placed(centre, target, scale, degrees, random.random() < 0.5)
    cut = moved(scene, matrix, size, None)
    if random.random() < 0.1:
        return Scene(255 - cut.image, cut.boxes, cut.points, cut.real)
    return cut


def no_face(scenes: Scenes, faces: Pasted, random: Random) -> tuple[Image, Array]:
    """Draw a patch without a face, and where a face would be in it.

    The patch is a piece of an empty scene, or a face whose blocks are shuffled.
    """
    which = int(random.integers(len(faces.boxes)))
    whole = faces.levels[0][which]
    if random.random() < 0.6:
        size = (whole.shape[0], whole.shape[1])
        return background(scenes, size, random).image, faces.boxes[which]
    return shuffled(whole, random), faces.boxes[which]


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
        scene = distract(scene, *no_face(scenes, faces, random), side, random)
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
    if kind < 0.50:
        scene = scenes.people[random.integers(len(scenes.people))]
        if kind < 0.36:
            return zoomed(scene, background(scenes, size, random).image, random)
        return roamed(scene, size, random)
    if kind < 0.74:
        return crowd(scenes, faces, size, random)
    if kind < 0.80:
        return webcam(scenes, faces, size, random)
    empty = background(scenes, size, random)
    for _ in range(random.integers(0, 5)):
        side = log_uniform(SMALLEST + 1, 0.8 * min(size), random)
        empty = distract(empty, *no_face(scenes, faces, random), side, random)
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
