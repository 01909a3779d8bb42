"""From a clean render to a camera's gray picture: background, covers, blur, noise, compression.

The picture is spoilt at the camera's own resolution and only then brought to the crop's size, as a
real face is. Quality is stated by `quality`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.synthesis.hidden import hidden_units
from training.synthesis.scene import Camera, Scene
from training.synthesis.wearables import paint_mask, paint_occluder

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

_GRAY = np.array([[0.299, 0.587, 0.114, 0.0], [0.0, 0.0, 0.0, 1.0]], np.float32)


def background(rng: np.random.Generator, side: int) -> Array:
    """Draw soft surroundings: a gradient, clouds of noise, and a few blurred shapes.

    Returns:
        float32 (side, side), 0-1.
    """
    cells = int(rng.integers(2, 9))
    rough = rng.normal(rng.uniform(0.1, 0.85), rng.uniform(0.02, 0.25), (cells, cells))
    picture = cv2.resize(rough.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(rng.integers(0, 9))):
        level = float(rng.uniform(0, 1))
        x, y, w, h = (rng.uniform(-0.2, 1.2, 4) * side).astype(int).tolist()
        if rng.random() < 0.6:
            cv2.rectangle(picture, (x, y), (w, h), level, -1)
        else:
            cv2.circle(picture, (x, y), max(2, abs(w) // 4), level, -1)
    if rng.random() < 0.7:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 0.06 * side)))
    return np.asarray(np.clip(picture, 0, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Developed:
    """A camera's picture."""

    face: Image
    """uint8 (size, size) gray."""
    quality: float
    """0-1, by `quality`."""
    hidden: npt.NDArray[np.bool_]
    """bool (32,), Action Units that it can't show."""


def develop(rgba: Image, scene: Scene, landmarks: Array, size: int) -> Developed:
    """Take the picture.

    Args:
        rgba: uint8 (S, S, 4), premultiplied, the crop drawn larger than wanted.
        scene: what is worn, and the camera.
        landmarks: float32 (68, 2), in pixels of the wanted crop.
        size: side of the wanted crop.

    Returns:
        The picture, and what can be read off it.
    """
    camera = scene.camera
    rng = np.random.default_rng(camera.seed)
    side = min(max(24, round(size * camera.scale)), rgba.shape[0])
    layers = cv2.resize(cv2.transform(rgba, _GRAY), (side, side), interpolation=cv2.INTER_AREA)
    gray, cover = (layers[..., k].astype(np.float32) / 255.0 for k in (0, 1))
    picture = gray + (1.0 - cover) * background(rng, side)
    scaled = (landmarks + 0.5) * (side / size) - 0.5
    wear, cover = scene.wear, np.zeros_like(picture)
    if wear.mask:
        cover = np.maximum(cover, paint_mask(picture, scaled, wear.mask_colour[0] ** 0.45))
    if wear.occluder:
        cover = np.maximum(cover, paint_occluder(picture, wear.occluder))
    lens = wear.lens if wear.glasses else 0.0
    hidden = hidden_units(cover, scaled, lens=lens, yaw=scene.pose[1])
    picture = (np.clip(picture, 0, 1) ** camera.gamma * camera.gain).astype(np.float32)
    worth = quality(camera, picture, side / size)
    spoilt = _spoil(picture * 255.0, camera, rng)
    how = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    face = np.asarray(cv2.resize(spoilt, (size, size), interpolation=how), np.uint8)
    return Developed(face, worth, hidden)


def quality(camera: Camera, picture: Array, scale: float) -> float:
    """Score how well expressions can be read, 0-1.

    The product of: resolution `min(1, (scale - 0.2) / 0.7)^0.5`, sharpness
    `1 / (1 + (b / 2)^2)` with b the blur in pixels of the crop (motion counts a third of its
    length), noise `1 / (1 + (2 n / d)^2)` with n its deviation and d the picture's own, and light
    `min(1, mean / 50)^0.5`, gray levels 0-255.

    Args:
        camera: its flaws.
        picture: float32 (H, W), 0-1, before noise.
        scale: pixels of the camera's picture per pixel of the crop.

    Returns:
        The product.
    """
    resolution = float(np.clip((scale - 0.2) / 0.7, 0.0, 1.0)) ** 0.5
    blur = (camera.blur + camera.motion[0] / 3.0) / scale
    sharpness = 1.0 / (1.0 + (blur / 2.0) ** 2)
    noise = 1.0 / (1.0 + (2.0 * camera.noise / (255.0 * float(picture.std()) + 1.0)) ** 2)
    light = min(1.0, 255.0 * float(picture.mean()) / 50.0) ** 0.5
    return float(resolution * sharpness * noise * light)


def _spoil(levels: Array, camera: Camera, rng: np.random.Generator) -> Image:
    """Blur, shake, add noise and compress a picture of gray levels 0-255."""
    if camera.blur > 0.15:
        levels = cv2.GaussianBlur(levels, (0, 0), camera.blur)
    length, angle = camera.motion
    if length > 0:
        reach = int(np.ceil(length / 2))
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        way = np.array([np.cos(angle), np.sin(angle)]) * length / 2
        ends = np.round((reach + np.stack([-way, way])) * 16).astype(int)
        a, b = (int(ends[0, 0]), int(ends[0, 1])), (int(ends[1, 0]), int(ends[1, 1]))
        cv2.line(kernel, a, b, 1.0, 1, cv2.LINE_AA, 4)
        levels = cv2.filter2D(levels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    grain = rng.standard_normal(levels.shape, dtype=np.float32)
    spoilt = np.clip(levels + camera.noise * grain, 0, 255).astype(np.uint8)
    if camera.jpeg:
        _, packed = cv2.imencode(".jpg", spoilt, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])
        spoilt = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    return np.asarray(spoilt, np.uint8)
