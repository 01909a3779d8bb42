"""Learn where faces are: quality-focal score, GIoU box, five points.

Every face is given to the cells near its centre on the levels that suit its size. A cell's
score learns the overlap that its own box reaches, so that the best-placed cell wins the
suppression. Cells inside a doubtful box learn nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agent.inference.detector import suppress
from training.data.crew import Arrays, Crew
from training.data.detector_geometry import SWAPPED, moved, placed
from training.data.detector_pasting import Pasted
from training.data.detector_samples import sample
from training.data.pool import mixed
from training.data.scenes import Scene, Scenes
from training.metrics_detection import Picture, average_precision, best_threshold, recall_at
from training.nets.detector import FaceNet, cells, decode, flatten
from training.train import device_of

HEIGHT, WIDTH = 312, 416
"""The input of the live detector, pixels."""

MAX_FACES = 32
"""Faces per sample that the loss sees; mosaics of crowds are cut off there."""

LEVEL_SIDES = {8: (0.0, 44.0), 16: (30.0, 104.0), 32: (76.0, 1e9)}
"""Longer box side, input pixels, of the faces that each stride learns; neighbours share some."""

LOOKED_AT = 16
"""Scenes looked at together when scoring."""

CENTRE_RADIUS = 1.5
"""Strides around a face's centre within which a cell learns it."""


KEPT_BATCHES = 100
"""Drawn batches that wait to be learned again."""

TEMPTING = 4.0
"""How much more often than a quiet scene without faces one is drawn on which the net fires."""


class DetectorTask:
    """Faces in scenes and pasted faces; scored on held-out scenes.

    Args:
        model: the net.
        train: scenes to draw from; where they carry `odds`, those are set anew after each epoch,
            so that scenes without faces on which the net fires are drawn more often.
        valid: letterboxed scenes kept out.
        faces: to paste.
        length: samples per epoch.
        crew: processes that draw; without them a thread does.
        reuse: how often a drawn sample is learned.
    """

    def __init__(
        self, model: FaceNet, train: Scenes, valid: list[Scene], faces: Pasted, length: int = 3200,
        *, crew: Crew | None = None, reuse: int = 1,
    ) -> None:  # fmt: skip
        self.model: nn.Module = model
        self.train, self.valid, self.faces, self.length = train, valid, faces, length
        self.crew, self.reuse = crew, reuse
        self.tempting = [fitted(one) for one in train.empty] if train.odds is not None else []

    def steps_per_epoch(self, batch: int) -> int:
        """Count the batches of one epoch; samples are drawn, so its length is a choice."""
        return self.length // batch

    def batches(self, batch: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches, drawing the next ones in processes or a thread while the net learns."""
        steps = self.steps_per_epoch(batch)
        if self.crew is not None:
            fresh = self.crew.batches(seed, -(-steps // self.reuse))
            again = mixed(fresh, KEPT_BATCHES, self.reuse, seed)
            for _, arrays in zip(range(steps), again, strict=False):
                yield tuple(torch.from_numpy(part) for part in arrays)
            return
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
        if self.reuse > 1:
            images, boxes, points = mirrored(images, boxes, points)
        raw = flatten(self.model(images.float())).float()
        with torch.autocast(raw.device.type, enabled=False):
            centres, strides = (part.to(raw.device) for part in cells(HEIGHT, WIDTH))
            decoded = decode(raw, centres, strides)
            chosen, skipped = assign(boxes, kind, centres, strides)
            return detection_loss(decoded, boxes, points, chosen, skipped)

    def weigh(self) -> None:
        """Set how often each scene without faces is drawn by the strongest face seen there."""
        if self.train.odds is None:
            return
        seen = [one.scores.max(initial=0.0) for one in predict(self.model, self.tempting)]
        self.train.odds[:] = 1 + (TEMPTING - 1) * np.array(seen)

    def scores(self) -> dict[str, float]:
        """Measure recall and average precision on held-out scenes."""
        self.weigh()
        pictures = predict(self.model, self.valid)
        threshold = best_threshold(pictures, precision=0.95)
        return {
            "recall_at_p95": recall_at(pictures, threshold),
            "threshold": threshold,
            "average_precision": average_precision(pictures),
        }


def drawn(train: Scenes, faces: Pasted, batch: int, seed: tuple[int, int]) -> Arrays:
    """Draw one batch as arrays; the same seed gives the same batch."""
    random = np.random.default_rng(seed)
    return stacked([sample(train, faces, (HEIGHT, WIDTH), random) for _ in range(batch)])


def crew_of(train: Scenes, faces: Pasted, batch: int, workers: int) -> Crew:
    """Start the processes that draw for a task."""
    return Crew(partial(drawn, train, faces, batch), workers)


def mirrored(images: Tensor, boxes: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mirror half of a batch, so that a sample seen again is not quite the same."""
    chosen = torch.rand(len(images), device=images.device) < 0.5
    width = images.shape[-1]
    flipped = torch.stack(
        [width - boxes[..., 2], boxes[..., 1], width - boxes[..., 0], boxes[..., 3]], -1
    )
    marks = points.unflatten(-1, (5, 2))[:, :, SWAPPED]
    marks = torch.stack([width - 1 - marks[..., 0], marks[..., 1]], -1).flatten(-2)
    pick = chosen[:, None, None]
    return (
        torch.where(pick[..., None], images.flip(-1), images),
        torch.where(pick, flipped, boxes),
        torch.where(pick, marks, points),
    )


def collate(scenes: list[Scene]) -> tuple[Tensor, ...]:
    """Stack samples into tensors, as `stacked`."""
    return tuple(torch.from_numpy(part) for part in stacked(scenes))


def stacked(scenes: list[Scene]) -> Arrays:
    """Stack samples.

    Returns:
        Images uint8 (B, 1, H, W), boxes float32 (B, 32, 4), points float32 (B, 32, 10), kind
        int64 (B, 32): 1 face, 0 to ignore, -1 nothing.
    """
    count = len(scenes)
    boxes = np.zeros((count, MAX_FACES, 4), np.float32)
    points = np.zeros((count, MAX_FACES, 10), np.float32)
    kind = np.full((count, MAX_FACES), -1, np.int64)
    for i, scene in enumerate(scenes):
        # Faces come first, so that a cut drops boxes to ignore.
        order = np.argsort(~scene.real, kind="stable")[:MAX_FACES]
        boxes[i, : len(order)] = scene.boxes[order]
        points[i, : len(order)] = scene.points[order].reshape(-1, 10)
        kind[i, : len(order)] = scene.real[order]
    return np.stack([scene.image for scene in scenes])[:, None], boxes, points, kind


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
    low, high = torch.empty_like(strides), torch.empty_like(strides)
    for stride, (smallest, largest) in LEVEL_SIDES.items():
        low[strides == stride], high[strides == stride] = smallest, largest
    suits = (sides >= low) & (sides < high) & (kind == 1)[..., None]
    # Small faces own only the cells on them; every face keeps at least its nearest cell.
    reach = torch.minimum(CENTRE_RADIUS * strides, torch.maximum(sides / 2, 0.51 * strides))
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
    """Detect in letterboxed scenes, each uint8 (312, 416); weak detections are left out."""
    model.eval()
    device = device_of(model)
    centres, strides = (part.to(device) for part in cells(HEIGHT, WIDTH))
    pictures = []
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for start in range(0, len(scenes), LOOKED_AT):
            part = scenes[start : start + LOOKED_AT]
            images = torch.from_numpy(np.stack([scene.image for scene in part]))[:, None]
            raw = flatten(model(images.to(device).float())).float()
            logits, found, _ = (one.cpu() for one in decode(raw, centres, strides))
            for scene, row, score in zip(
                part, found.numpy(), logits.sigmoid().numpy(), strict=True
            ):
                kept = suppress(row, score, 0.05, 0.4, 64)
                pictures.append(Picture(row[kept], score[kept], scene.boxes, scene.real))
    return pictures


def fitted(scene: Scene) -> Scene:
    """Letterbox a scene into the live input."""
    scale = min(WIDTH / scene.image.shape[1], HEIGHT / scene.image.shape[0])
    corner = np.zeros(2, np.float32)
    return moved(scene, placed(corner, corner, scale, 0.0, mirror=False), (HEIGHT, WIDTH), 0)
