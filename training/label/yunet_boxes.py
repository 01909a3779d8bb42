"""Box the LFW faces with YuNet, so that all training boxes follow one convention.

A row is kept as usable only where YuNet sees exactly one face: a second face in the crop would
be pasted along without a label.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from training.data import lfw

Image = npt.NDArray[np.uint8]

MIN_SCORE = 0.6
SCALE = 2
MARGIN = 0.5
"""Border around the enlarged crop, fraction of its side: YuNet wants air around a face."""


def detect(detector: cv2.FaceDetectorYN, gray: Image) -> npt.NDArray[np.float32]:
    """Run YuNet on gray uint8 (H, W); return float32 (K, 15): x y w h, five x y, score."""
    detector.setInputSize((gray.shape[1], gray.shape[0]))
    _, found = detector.detect(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
    return np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)


def box_crop(detector: cv2.FaceDetectorYN, gray: Image) -> npt.NDArray[np.float32] | None:
    """Return the only face's box x1 y1 x2 y2 in the crop's pixels, or None."""
    large = cv2.resize(gray, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    margin = round(large.shape[0] * MARGIN)
    framed = cv2.copyMakeBorder(large, *(margin,) * 4, cv2.BORDER_REPLICATE)
    found = detect(detector, np.asarray(framed, np.uint8))
    if len(found) != 1:
        return None
    x, y, width, height = (found[0, :4] - (margin, margin, 0, 0)) / SCALE
    return np.array([x, y, x + width, y + height], np.float32)


def main() -> None:
    """Write `lfw_boxes.npz`: `box` float32 (N, 4), `usable` bool (N,)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    model = arguments.data / "teachers" / "yunet_s_640_640.onnx"
    detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), MIN_SCORE)
    images = lfw.load(arguments.data / "lfw_crops").images
    boxes = [box_crop(detector, image) for image in images]
    usable = np.array([box is not None for box in boxes], np.bool_)
    filled = np.array([np.zeros(4) if box is None else box for box in boxes], np.float32)
    np.savez_compressed(arguments.out / "lfw_boxes.npz", box=filled, usable=usable)
    print(f"{int(usable.sum())} of {len(usable)} crops hold one face")


if __name__ == "__main__":
    main()
