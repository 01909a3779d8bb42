"""Vary the light and the camera of a gray picture: exposure, shade, blur, noise, compression."""

from __future__ import annotations

import cv2
import numpy as np

from training.data.detector_geometry import Image, Random


def lit(image: Image, random: Random) -> Image:
    """Vary exposure, contrast, sharpness and noise; sometimes nearly dark.

    Args:
        image: uint8 (H, W).
        random: source of randomness.
    """
    image = blurred(image, random)
    image = exposed(image, random)
    if random.random() < 0.15:
        image = shaded(image, random)
    if random.random() < 0.35:
        noise = np.empty(image.shape, np.int16)
        cv2.randn(noise, 0, float(random.uniform(2, 12)))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if random.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(15, 70))]
        coded = cv2.imencode(".jpg", image, quality)[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return image


def blurred(image: Image, random: Random) -> Image:
    """Sometimes defocus, shake or coarsen."""
    kind = random.random()
    if kind < 0.20:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(random.uniform(0.4, 1.5))))
    if kind < 0.26:
        length = int(random.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        ends = random.integers(0, length, 4)
        cv2.line(kernel, (int(ends[0]), int(ends[1])), (int(ends[2]), int(ends[3])), 1.0)
        return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
    if kind < 0.32:
        small = cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, image.shape[::-1]), np.uint8)
    return image


def exposed(image: Image, random: Random) -> Image:
    """Change gamma, contrast and brightness; one in eight becomes dark."""
    levels = np.arange(256, dtype=np.float32) / 255
    levels = levels ** np.exp(random.normal(0, 0.3))
    if random.random() < 0.12:
        levels *= random.uniform(0.12, 0.5)
    else:
        levels = (levels - 0.5) * np.exp(random.normal(0, 0.25)) + 0.5 + random.normal(0, 0.08)
    table = np.clip(levels * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), np.uint8)


def shaded(image: Image, random: Random) -> Image:
    """Darken one side, as a window does on the other."""
    height, width = image.shape
    coarse = random.uniform(0.3, 1.3, (2, 2)).astype(np.float32)
    gain = cv2.resize(coarse, (width, height))
    return np.clip(image * gain, 0, 255).astype(np.uint8)
