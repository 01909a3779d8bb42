"""Learn geometry, Action Units and quality from renders and real faces at once.

Each label that a face lacks is NaN and is left out of the loss. Renders know everything exactly;
real faces have MediaPipe's landmarks, pose and its reliable coefficients, FER+ pictures also
votes; backgrounds have quality 0. A face that jitter has pushed far out of place counts as
useless too: the tracker reads quality to know that it has lost its face.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agent.domain.facs import AU_SIDE_LABELS
from training.augment import standardise
from training.data.bank import Bank, FaceBatch, Sources
from training.data.faces import CROP, FaceSet
from training.metrics import pearson_per_column
from training.nets.emotion import EmbeddingEmotion
from training.nets.encoder import EMBEDDING, Encoded, FaceEncoder
from training.tasks.prototypes import ranking_loss

SIZE = 112
LOOSE_SHARE, LOOSE_REACH = 0.25, 3.0
"""Share of the faces that are aligned badly in training, and how much worse than the others."""
FAR = 0.30
"""Share of its size by which a face may be off its place and still be read."""
SHADED = 0.3
"""Share of the faces that are lit from one side on top of what they are."""
SOFT = {56: (0.0, 0.15), 36: (0.15, 0.25), 24: (0.25, 0.28)}
"""Side in pixels that some faces are reduced to, and the band of a draw in [0, 1) that they are."""
HIDDEN = 0.15
"""Share of the faces that lose a part behind a rectangle."""

FLIP_SIDES = [
    AU_SIDE_LABELS.index(label[:-1] + {"L": "R", "R": "L"}[label[-1]]) if "_" in label else i
    for i, label in enumerate(AU_SIDE_LABELS)
]
FLIP_POINTS = [
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
]  # fmt: skip
"""Multi-PIE 68 index that takes each point's place in the mirror."""


class EncoderWithVotes(nn.Module):
    """The encoder and the emotion head on its embedding."""

    def __init__(self, encoder: FaceEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.emotion = EmbeddingEmotion(EMBEDDING)

    def forward(self, x: Tensor) -> tuple[Encoded, Tensor]:
        """Return (outputs, emotion logits (B, 8))."""
        encoded = self.encoder(x)
        return encoded, self.emotion(encoded.embedding)


@dataclass(frozen=True, slots=True)
class EncoderWeights:
    """How much the terms beside plain regression count."""

    correlation: float = 0.0
    """Of the loss in which rare AUs count as much as frequent ones."""
    hint: float = 0.0
    """Of MediaPipe's ordering coefficients on real faces."""
    ranking: float = 0.0
    """Of what votes say of AUs."""
    votes: float = 0.3


class Augmented(NamedTuple):
    """One batch as the net sees it, and its labels in the units of `Encoded`; NaN is unknown."""

    face: Tensor
    """(B, 1, 112, 112), standardised."""
    landmarks: Tensor
    angles: Tensor
    """(B, 3), pitch, yaw, roll."""
    gaze: Tensor
    au: Tensor
    quality: Tensor
    votes: Tensor
    hint: Tensor
    key: Tensor
    """(B,), a FER+ picture's place in its part; -1 for all others."""
    flip: Tensor
    """(B,), whether it was mirrored."""


class EncoderTask:
    """Masked regression on mixed sources, on the device that the model is on."""

    def __init__(
        self,
        model: EncoderWithVotes,
        sources: Sources,
        valid: dict[str, FaceSet],
        length: int = 40_000,
        weights: EncoderWeights | None = None,
    ) -> None:
        """Take the sources with their shares, what to score, and an epoch's length in samples."""
        self._weights = weights or EncoderWeights()
        self.model: nn.Module = model
        self.bank = Bank(sources, next(model.parameters()).device)
        self.valid, self._length = valid, length

    def steps_per_epoch(self, batch: int) -> int:
        """Count the batches of one epoch."""
        return self._length // batch

    def batches(self, batch: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield `Augmented`."""
        generator = torch.Generator(self.bank.device).manual_seed(seed)
        for _ in range(self.steps_per_epoch(batch)):
            yield augment(self.bank.draw(batch, generator), generator)

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Sum the masked losses."""
        given = Augmented(*batch)
        return self.supervised(*self.model(given.face), given)

    def supervised(self, encoded: Encoded, logits: Tensor, given: Augmented) -> Tensor:
        """Compare with the labels."""
        weights, au = self._weights, encoded.au.float()
        loss = encoder_loss(encoded, logits, given, votes_weight=weights.votes)
        if weights.correlation:
            loss = loss + weights.correlation * correlation_loss(au, given.au)
        if weights.hint:
            loss = loss + weights.hint * correlation_loss(au, given.hint)
        if weights.ranking:
            loss = loss + weights.ranking * ranking_loss(au, given.votes)
        return loss

    def scores(self) -> dict[str, float]:
        """Score the last weights on each validation set."""
        result: dict[str, float] = {}
        for name, faces in self.valid.items():
            outputs = predict(self.model, faces)
            for key, value in score(outputs, faces).items():
                result[f"{name}.{key}"] = value
        return result


def augment(batch: FaceBatch, generator: torch.Generator) -> Augmented:
    """Mirror, jitter the alignment, change light, resolution and noise, hide parts."""
    count, device = len(batch.faces), generator.device
    pictures = batch.faces.float()[:, None] / 255
    flip = torch.rand(count, generator=generator, device=device) < 0.5
    pictures = torch.where(flip[:, None, None, None], pictures.flip(-1), pictures)
    mirrored = batch.landmarks[:, FLIP_POINTS]
    mirrored = torch.stack([CROP - 1 - mirrored[..., 0], mirrored[..., 1]], -1)
    landmarks = torch.where(flip[:, None, None], mirrored, batch.landmarks)
    au = torch.where(flip[:, None], batch.au[:, FLIP_SIDES], batch.au)
    hint = torch.where(flip[:, None], batch.hint[:, FLIP_SIDES], batch.hint)
    side = torch.where(flip, -1.0, 1.0)
    pose = torch.stack([batch.pose[:, 0], batch.pose[:, 1] * side], 1)
    warped, points, turn, moved = _jitter(pictures, landmarks, generator)
    roll = torch.where(torch.isnan(pose[:, 0]), torch.nan, torch.rad2deg(turn))
    cos, sin = torch.cos(turn), torch.sin(turn)
    right, down = batch.gaze[:, 0] * side, -batch.gaze[:, 1]
    gaze = torch.stack([cos * right - sin * down, -(sin * right + cos * down)], 1)
    # A face that is far off its place must read as useless; labels stay for the rest.
    lost = moved > FAR
    gone = lost[:, None]
    return Augmented(
        standardise(hide(spoil(warped, generator), generator)),
        points.flatten(1).masked_fill(gone, torch.nan),
        torch.cat([pose, roll[:, None]], 1).masked_fill(gone, torch.nan),
        gaze.masked_fill(gone, torch.nan),
        au.masked_fill(gone, torch.nan),
        batch.quality.masked_fill(lost, 0.0),
        batch.emotion.masked_fill(gone, torch.nan),
        hint.masked_fill(gone, torch.nan),
        batch.key.masked_fill(lost, -1),
        flip,
    )


def _jitter(
    pictures: Tensor, landmarks: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cut 112 px out of 128 with a random similarity.

    Returns:
        Faces (B, 1, 112, 112), points (B, 68, 2) in their pixels, the turn in radians clockwise
        (B,), and how far the face moved as a share of its size (B,).
    """
    count, device = len(pictures), generator.device

    def drawn() -> Tensor:
        return torch.rand(count, generator=generator, device=device)

    # Most faces lie as the tracker leaves them, some as a detector's points or no points do.
    reach = torch.where(drawn() < LOOSE_SHARE, LOOSE_REACH, 1.0)
    turn = (drawn() * 2 - 1) * 0.13 * reach
    scale = torch.exp((drawn() * 2 - 1) * 0.10 * reach)
    shift = (torch.stack([drawn(), drawn()], 1) * 2 - 1) * 4.0 * reach[:, None]
    astray, angle = drawn() < 0.04, drawn() * 6.2832
    far = torch.stack([torch.cos(angle), torch.sin(angle)], 1) * 48.0
    shift = torch.where(astray[:, None], far, shift)
    cos, sin = torch.cos(turn) * scale, torch.sin(turn) * scale
    linear = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    centre, target = (CROP - 1) / 2, (SIZE - 1) / 2
    points = (landmarks - centre) @ linear.transpose(1, 2) + target + shift[:, None]
    # grid_sample wants the inverse: where in the stored crop does each output pixel come from?
    inverse = linear.transpose(1, 2) / scale.square()[:, None, None]
    offset = -(inverse @ shift[:, :, None])
    theta = torch.cat([inverse * (SIZE / CROP), offset * (2 / CROP)], 2)
    grid = F.affine_grid(theta, [count, 1, SIZE, SIZE], align_corners=False)
    faces = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return faces, points, turn, shift.norm(dim=1) / SIZE


def spoil(faces: Tensor, generator: torch.Generator) -> Tensor:
    """Change gamma, shade one side, take resolution away, add noise.

    Args:
        faces: float (B, 1, 112, 112), 0-1.
        generator: of the same device.
    """
    count, device = len(faces), generator.device

    def drawn(*shape: int) -> Tensor:
        return torch.rand((count, *shape), generator=generator, device=device)

    gamma = torch.exp(drawn(1, 1, 1) - 0.5)
    ramp = torch.linspace(-1, 1, SIZE, device=device)
    slope = (drawn(2, 1, 1) - 0.5) * (drawn(1, 1, 1) < SHADED)
    shade = 1 + slope[:, :1] * ramp[:, None] + slope[:, 1:] * ramp[None, :]
    faces = (faces.clamp(1e-3, 1) ** gamma * shade).clamp(0, 1.5)
    level = drawn(1, 1, 1)
    for side, (low, high) in SOFT.items():
        small = F.interpolate(faces, size=side, mode="area")
        soft = F.interpolate(small, size=SIZE, mode="bilinear", align_corners=False)
        faces = torch.where((level >= low) & (level < high), soft, faces)
    noise = torch.randn(faces.shape, generator=generator, device=device)
    return faces + noise * drawn(1, 1, 1) * 0.03


def hide(faces: Tensor, generator: torch.Generator) -> Tensor:
    """Put one flat rectangle over some faces.

    Source: DeVries & Taylor 2017; a level of its own, as an object in front of a face has.
    """
    count, device = len(faces), generator.device

    def drawn() -> Tensor:
        return torch.rand((count, 1, 1, 1), generator=generator, device=device)

    cells = torch.arange(SIZE, device=device)
    left, top = drawn() * 90 - 10, drawn() * 90 - 10
    wide, high = drawn() * 36 + 6, drawn() * 36 + 6
    inside = (cells >= left) & (cells < left + wide)
    inside = inside & ((cells[:, None] >= top) & (cells[:, None] < top + high))
    return torch.where(inside & (drawn() < HIDDEN), drawn(), faces)


def _masked(error: Tensor, known: Tensor) -> Tensor:
    return (error * known).sum() / known.sum().clamp(min=1)


def encoder_loss(
    encoded: Encoded, logits: Tensor, given: Augmented, *, votes_weight: float = 0.3
) -> Tensor:
    """Weigh the parts so that none drowns the others.

    AU errors are squared, with strong actions counting more: an L1-like loss on sparse targets
    collapses to zero.
    """
    total = logits.new_zeros((), dtype=torch.float32)
    parts = (
        (encoded.landmarks.float() / 10, given.landmarks / 10, 1.0),
        (encoded.pose.float() / 10, given.angles / 10, 0.25),
        (encoded.gaze.float() / 10, given.gaze / 10, 0.15),
    )
    for output, target, weight in parts:
        known = ~torch.isnan(target)
        error = F.smooth_l1_loss(output, torch.nan_to_num(target), reduction="none", beta=0.3)
        total = total + weight * _masked(error, known)
    known = ~torch.isnan(given.au)
    target = torch.nan_to_num(given.au)
    error = (encoded.au.float() - target).square() * (1 + 0.5 * target)
    total = total + 0.5 * _masked(error, known)
    known = ~torch.isnan(given.quality)
    error = (encoded.quality.float()[:, 0] - torch.nan_to_num(given.quality)).square()
    total = total + 2.0 * _masked(error, known)
    known = ~torch.isnan(given.votes[:, 0])
    surprise = -(torch.nan_to_num(given.votes) * F.log_softmax(logits.float(), 1)).sum(1)
    return total + votes_weight * _masked(surprise, known)


def correlation_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the mean over AUs of 1 - Pearson's r within the batch (known values only)."""
    known = (~torch.isnan(target)).float()
    count = known.sum(0).clamp(min=1)
    truth = torch.nan_to_num(target)
    a = (predicted - (predicted * known).sum(0) / count) * known
    b = (truth - (truth * known).sum(0) / count) * known
    norm = (a.square().sum(0) * b.square().sum(0)).clamp(min=1e-6).sqrt()
    varies = b.square().sum(0) > 1e-3
    apart = (1 - (a * b).sum(0) / norm) * varies
    return apart.sum() / varies.sum().clamp(min=1)


def predict(model: nn.Module, faces: FaceSet) -> dict[str, np.ndarray]:
    """Run the encoder on the centre crops; float32 arrays by output name, and vote logits."""
    model.eval()
    rows: dict[str, list[np.ndarray]] = {}
    margin = (CROP - SIZE) // 2
    device = next(model.parameters()).device
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for start in range(0, len(faces), 256):
            part = faces.faces[start : start + 256, margin : margin + SIZE, margin : margin + SIZE]
            batch = standardise(torch.from_numpy(np.ascontiguousarray(part)).float()[:, None] / 255)
            encoded, votes = model(batch.to(device))
            for name, value in {**encoded._asdict(), "votes": votes}.items():
                rows.setdefault(name, []).append(value.float().cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def score(outputs: dict[str, np.ndarray], faces: FaceSet) -> dict[str, float]:
    """Compare outputs with whatever labels the set has."""
    result: dict[str, float] = {}
    margin = (CROP - SIZE) // 2
    known = ~np.isnan(faces.landmarks[:, 0, 0])
    if known.any():
        truth = faces.landmarks[known] - margin
        error = np.linalg.norm(outputs["landmarks"].reshape(-1, 68, 2)[known] - truth, axis=2)
        between = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1)
        result["landmarks_nme"] = float((error.mean(1) / between).mean())
    pose = ~np.isnan(faces.pose[:, 0])
    if pose.any():
        error = np.abs(outputs["pose"][pose, :2] - faces.pose[pose])
        result["pose_mae"] = float(error.mean())
    if not np.isnan(faces.gaze).all():
        result["gaze_mae"] = float(np.nanmean(np.abs(outputs["gaze"] - faces.gaze)))
    per_au = pearson_per_column(np.clip(outputs["au"], 0, 5), faces.au)
    if per_au:
        result["au_r"] = float(np.mean(list(per_au.values())))
        result["au_r_min"] = float(min(per_au.values()))
    voted = ~np.isnan(faces.emotion[:, 0])
    if voted.any():
        agree = outputs["votes"][voted].argmax(1) == faces.emotion[voted].argmax(1)
        result["votes_top1"] = float(agree.mean())
        majority = faces.emotion[voted].max(1) > 0.5
        result["votes_majority"] = float(agree[majority].mean())
    return result
