"""Learn where faces are: quality-focal score, GIoU box, five points.

Every face is given to the cells near its centre on the levels that suit its size. A cell's
score learns the overlap that its own box reaches, so that the best-placed cell wins the
suppression. Cells inside a doubtful box learn nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agent.inference.detector import suppress
from training.data.detector_pasting import Pasted
from training.data.detector_samples import sample
from training.data.scenes import Scene, Scenes
from training.metrics_detection import Picture, average_precision, best_threshold, recall_at
from training.nets.detector import FaceNet, cells, decode, flatten

HEIGHT, WIDTH = 240, 320
"""The input of the live detector, pixels."""

MAX_FACES = 32
"""Faces per sample that the loss sees; mosaics of crowds are cut off there."""

LEVEL_SIDES = {8: (0.0, 44.0), 16: (30.0, 104.0), 32: (76.0, 1e9)}
"""Longer box side, input pixels, of the faces that each stride learns; neighbours share some."""

CENTRE_RADIUS = 1.5
"""Strides around a face's centre within which a cell learns it."""


class DetectorTask:
    """Faces in scenes and pasted faces; scored on held-out scenes."""

    def __init__(
        self, model: FaceNet, train: Scenes, valid: list[Scene], faces: Pasted, length: int = 3200
    ) -> None:
        self.model: nn.Module = model
        self.train, self.valid, self.faces, self.length = train, valid, faces, length
        self.centres, self.strides = cells(HEIGHT, WIDTH)

    def steps_per_epoch(self, batch: int) -> int:
        """Count the batches of one epoch; samples are drawn, so its length is a choice."""
        return self.length // batch

    def batches(self, batch: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches, drawing the next ones in a thread while the net learns."""
        with ThreadPoolExecutor(1) as pool:
            waiting: list[Future[tuple[Tensor, ...]]] = []
            for step in range(self.steps_per_epoch(batch)):
                waiting.append(pool.submit(self.draw, batch, (seed, step)))
                if len(waiting) > 3:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def draw(self, batch: int, seed: tuple[int, int]) -> tuple[Tensor, ...]:
        """Draw one batch; the same seed gives the same batch."""
        random = np.random.default_rng(seed)
        return collate(
            [sample(self.train, self.faces, (HEIGHT, WIDTH), random) for _ in range(batch)]
        )

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Sum the losses of score, box and points."""
        images, boxes, points, kind = batch
        raw = flatten(self.model(images.float())).float()
        with torch.autocast("cpu", enabled=False):
            decoded = decode(raw, self.centres, self.strides)
            chosen, skipped = assign(boxes, kind, self.centres, self.strides)
            return detection_loss(decoded, boxes, points, chosen, skipped)

    def scores(self) -> dict[str, float]:
        """Measure recall and average precision on held-out scenes."""
        pictures = predict(self.model, self.valid)
        threshold = best_threshold(pictures, precision=0.95)
        return {
            "recall_at_p95": recall_at(pictures, threshold),
            "threshold": threshold,
            "average_precision": average_precision(pictures),
        }


def collate(scenes: list[Scene]) -> tuple[Tensor, ...]:
    """Stack samples.

    Returns:
        Images uint8 (B, 1, H, W), boxes float32 (B, 32, 4), points float32 (B, 32, 10), kind
        int64 (B, 32): 1 face, 0 to ignore, -1 nothing.
    """
    count = len(scenes)
    boxes = torch.zeros(count, MAX_FACES, 4)
    points = torch.zeros(count, MAX_FACES, 10)
    kind = torch.full((count, MAX_FACES), -1, dtype=torch.int64)
    for i, scene in enumerate(scenes):
        # Faces come first, so that a cut drops boxes to ignore.
        order = np.argsort(~scene.real, kind="stable")[:MAX_FACES]
        boxes[i, : len(order)] = torch.from_numpy(scene.boxes[order])
        points[i, : len(order)] = torch.from_numpy(scene.points[order].reshape(-1, 10))
        kind[i, : len(order)] = torch.from_numpy(scene.real[order].astype(np.int64))
    images = torch.from_numpy(np.stack([scene.image for scene in scenes]))[:, None]
    return images, boxes, points, kind


def assign(boxes: Tensor, kind: Tensor, centres: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Say which face each cell learns.

    Args:
        boxes: float32 (B, K, 4).
        kind: int64 (B, K): 1 face, 0 to ignore, -1 nothing.
        centres: float32 (N, 2).
        strides: float32 (N,).

    Returns:
        Index of the face, int64 (B, N), -1 for none; and bool (B, N), cells that learn no score.
    """
    sides = (boxes[..., 2:] - boxes[..., :2]).max(-1).values[..., None]
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    gap = (centres - middle[:, :, None]).abs().max(-1).values
    low = torch.tensor([LEVEL_SIDES[int(s)][0] for s in strides])
    high = torch.tensor([LEVEL_SIDES[int(s)][1] for s in strides])
    suits = (sides >= low) & (sides < high) & (kind == 1)[..., None]
    # Small faces own only the cells on them; every face keeps at least its nearest cell.
    reach = torch.minimum(CENTRE_RADIUS * strides, (sides / 2).clamp(min=0.51 * strides))
    near = suits & (gap <= reach)
    distance = torch.where(near, gap + sides * 1e-3, torch.inf)
    best, index = distance.min(1)
    chosen = torch.where(torch.isinf(best), -1, index)
    inside = (centres > boxes[:, :, None, :2]) & (centres < boxes[:, :, None, 2:])
    doubtful = (inside.all(-1) & (kind == 0)[..., None]).any(1)
    return chosen, doubtful & (chosen < 0)


def detection_loss(
    decoded: tuple[Tensor, Tensor, Tensor],
    boxes: Tensor,
    points: Tensor,
    chosen: Tensor,
    skipped: Tensor,
) -> Tensor:
    """Compare decoded outputs with the faces that `assign` chose; float32 scalar.

    Source: quality focal loss, Li et al. 2020 (eq. 4); GIoU, Rezatofighi et al. 2019.
    """
    logits, predicted, marks = decoded
    picture, cell = torch.nonzero(chosen >= 0, as_tuple=True)
    face = chosen[picture, cell]
    count = max(len(face), 1)
    truth = boxes[picture, face]
    iou, giou = overlap(predicted[picture, cell], truth)
    target = torch.zeros_like(logits)
    # The root lifts small faces, whose overlap is coarse however well they are found.
    target[picture, cell] = iou.detach().clamp(min=1e-4).sqrt()
    error = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    focus = (torch.sigmoid(logits) - target).abs().square()
    score = (error * focus * ~skipped).sum() / count
    side = (truth[:, 2:] - truth[:, :2]).mean(-1, keepdim=True)
    shift = (marks[picture, cell] - points[picture, face]) / side
    known = torch.isfinite(shift)
    mark = F.smooth_l1_loss(
        torch.where(known, shift, 0.0), torch.zeros_like(shift), beta=0.05, reduction="sum"
    )
    return score + 1.5 * (1 - giou).sum() / count + 0.4 * mark / count


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Compute IoU and generalised IoU of paired boxes (M, 4); each (M,)."""
    top = torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])
    shared = top.clamp(min=0).prod(-1)
    union = (a[:, 2:] - a[:, :2]).prod(-1) + (b[:, 2:] - b[:, :2]).prod(-1) - shared
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(-1)
    iou = shared / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def predict(model: nn.Module, scenes: list[Scene]) -> list[Picture]:
    """Detect in letterboxed scenes, each uint8 (240, 320); weak detections are left out."""
    model.eval()
    centres, strides = cells(HEIGHT, WIDTH)
    pictures = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for scene in scenes:
            raw = flatten(model(torch.from_numpy(scene.image)[None, None].float())).float()
            logits, boxes, _ = decode(raw, centres, strides)
            score = torch.sigmoid(logits[0]).numpy()
            kept = suppress(boxes[0].numpy(), score, 0.05, 0.4, 64)
            pictures.append(Picture(boxes[0].numpy()[kept], score[kept], scene.boxes, scene.real))
    return pictures
