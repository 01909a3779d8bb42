"""Train the face detector: `python -m training.run_detector --data DIR --labels DIR --out DIR`.

Continues where a killed run stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from training.data import lfw, scenes
from training.data.detector_geometry import moved, placed
from training.data.detector_pasting import Pasted, pasted_from
from training.data.landmarks import five_points, load_labels
from training.data.scenes import Scene
from training.nets.detector import FaceNet
from training.tasks.detector import HEIGHT, WIDTH, DetectorTask
from training.train import Schedule, fit


def pasted_faces(data: Path, labels: Path) -> Pasted:
    """Collect the LFW crops that both teachers agree to hold one face."""
    crops = lfw.load(data / "lfw_crops")
    teacher = load_labels(labels / "lfw.npz")
    with np.load(labels / "lfw_boxes.npz") as file:
        box, usable = file["box"], file["usable"] & teacher.found
    points = five_points(teacher.landmarks[usable])
    return pasted_from(crops.images[usable], box[usable], points)


def fitted(scene: Scene) -> Scene:
    """Letterbox a scene into the live input."""
    scale = min(WIDTH / scene.image.shape[1], HEIGHT / scene.image.shape[0])
    corner = np.zeros(2, np.float32)
    return moved(scene, placed(corner, corner, scale, 0.0, mirror=False), (HEIGHT, WIDTH), 0)


def main() -> None:
    """Train with the given length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--samples", type=int, default=3200, help="samples per epoch")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, help="checkpoint whose weights to start from")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    train, held = scenes.load(arguments.data / "scenes")
    valid = [fitted(scene) for scene in (*held.people, *held.empty)]
    faces = pasted_faces(arguments.data, arguments.labels)
    net = FaceNet()
    if arguments.start:
        net.load_state_dict(torch.load(arguments.start, weights_only=True)["model"])
    task = DetectorTask(net, train, valid, faces, arguments.samples)
    schedule = Schedule(arguments.epochs, arguments.batch, arguments.rate)
    print(fit(task, schedule, arguments.out), flush=True)


if __name__ == "__main__":
    main()
