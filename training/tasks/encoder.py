"""Learn geometry, Action Units and quality from renders and real faces at once.

Each label that a face lacks is NaN and is left out of the loss. Renders know everything exactly;
real faces have MediaPipe's landmarks, pose and its reliable coefficients, FER+ pictures also
votes; backgrounds have quality 0. A face that jitter has pushed far out of place counts as
useless too: the tracker reads quality to know that it has lost its face.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agent.domain.facs import AU_SIDE_LABELS
from training.augment import standardise
from training.data.faces import CROP, FaceSet, join
from training.metrics import pearson_per_column
from training.nets.emotion import EmbeddingEmotion
from training.nets.encoder import EMBEDDING, Encoded, FaceEncoder
from training.tasks.prototypes import ranking_loss
from training.tasks.taught import Lessons, LessonWeights, lesson_loss

SIZE = 112
LOOSE_SHARE, LOOSE_REACH = 0.25, 3.0
"""Share of the faces that are aligned badly in training, and how much worse than the others."""

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
    """The encoder, the emotion head on its embedding, and in training a projector for features."""

    def __init__(self, encoder: FaceEncoder, taught_features: int = 0) -> None:
        """Take the encoder; `taught_features` is the length of a teacher's features, or 0."""
        super().__init__()
        self.encoder = encoder
        self.emotion = EmbeddingEmotion(EMBEDDING)
        flat = encoder.geometry.in_features
        self.projector = nn.Linear(flat, taught_features) if taught_features else None

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
    lessons: LessonWeights = field(default_factory=LessonWeights)


class EncoderTask:
    """Masked regression on mixed sources."""

    def __init__(
        self,
        model: EncoderWithVotes,
        sources: list[tuple[FaceSet, float]],
        valid: dict[str, FaceSet],
        length: int = 40_000,
        weights: EncoderWeights | None = None,
        lessons: Lessons | None = None,
    ) -> None:
        """Take the sources, each with its share of the samples, and an epoch's length.

        Samples are drawn, so that a run may resume with more renders than it began with.
        `lessons` are a teacher's answers on the FER+ training part, by the faces' keys.
        """
        self._weights, self._lessons = weights or EncoderWeights(), lessons
        self.model: nn.Module = model
        self.train = join([faces for faces, _ in sources])
        share = np.concatenate([np.full(len(f), weight / len(f)) for f, weight in sources])
        self._share = share / share.sum()
        self.valid, self._length = valid, length

    def steps_per_epoch(self, batch: int) -> int:
        """Count the batches of one epoch."""
        return self._length // batch

    def batches(self, batch: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield what `augment` returns."""
        random = np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(seed)
        for _ in range(self.steps_per_epoch(batch)):
            rows = random.choice(len(self.train), batch, p=self._share)
            yield augment(self.train.take(np.sort(rows)), generator)

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Sum the masked losses."""
        face, *labels, hint, key, flip = batch
        encoded, votes = self.model(face)
        weights, au = self._weights, encoded.au.float()
        loss = encoder_loss(encoded, votes, tuple(labels), votes_weight=weights.votes)
        if weights.correlation:
            loss = loss + weights.correlation * correlation_loss(au, labels[3])
        if weights.hint:
            loss = loss + weights.hint * correlation_loss(au, hint)
        if weights.ranking:
            loss = loss + weights.ranking * ranking_loss(au, labels[5])
        if self._lessons is not None:
            loss = loss + self._lesson(encoded, votes, key, flip)
        return loss

    def _lesson(self, encoded: Encoded, votes: Tensor, key: Tensor, flip: Tensor) -> Tensor:
        """Distil, on the faces that a teacher has seen."""
        seen = key >= 0
        if self._lessons is None or not seen.any():
            return votes.sum() * 0.0
        wanted = self._lessons.of(key[seen].cpu(), flip[seen].cpu())
        projected = self.model.projector(encoded.features[seen])  # type: ignore[operator]
        device = votes.device
        answers = wanted[0].to(device), wanted[1].to(device)
        return self._weights.votes * lesson_loss(
            votes[seen], projected, answers, self._weights.lessons
        )

    def scores(self) -> dict[str, float]:
        """Score the last weights on each validation set."""
        result: dict[str, float] = {}
        for name, faces in self.valid.items():
            outputs = predict(self.model, faces)
            for key, value in score(outputs, faces).items():
                result[f"{name}.{key}"] = value
        return result


def augment(faces: FaceSet, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Mirror, jitter the alignment, change light, add noise and occluders to one batch.

    Returns:
        Face, landmarks, pose, gaze, au, quality, votes, hint, key, and whether it was mirrored.
    """
    count = len(faces)
    pictures = torch.from_numpy(faces.faces).float()[:, None] / 255
    landmarks = torch.from_numpy(faces.landmarks).clone()
    pose = torch.from_numpy(faces.pose).clone()
    gaze = torch.from_numpy(faces.gaze).clone()
    au = torch.from_numpy(faces.au).clone()
    quality = torch.from_numpy(faces.quality).clone()
    flip = torch.rand(count, generator=generator) < 0.5
    pictures[flip] = pictures[flip].flip(-1)
    mirrored = landmarks[flip][:, FLIP_POINTS]
    mirrored[..., 0] = CROP - 1 - mirrored[..., 0]
    landmarks[flip] = mirrored
    hint = torch.from_numpy(faces.hint).clone()
    au[flip], hint[flip] = au[flip][:, FLIP_SIDES], hint[flip][:, FLIP_SIDES]
    pose[flip, 1] *= -1
    gaze[flip, 0] *= -1
    warped, points, turn, moved = _jitter(pictures, landmarks, generator)
    roll = torch.where(torch.isnan(pose[:, 0]), torch.nan, torch.rad2deg(turn))
    cos, sin = torch.cos(turn), torch.sin(turn)
    right, down = gaze[:, 0], -gaze[:, 1]
    gaze = torch.stack([cos * right - sin * down, -(sin * right + cos * down)], 1)
    # A face that is far off its place must read as useless; labels stay for the rest.
    quality = torch.where(moved > 0.30, torch.zeros_like(quality), quality)
    lost = (moved > 0.30)[:, None]
    points = points.flatten(1).masked_fill(lost, torch.nan)
    au, hint = au.masked_fill(lost, torch.nan), hint.masked_fill(lost, torch.nan)
    key = torch.from_numpy(faces.key).masked_fill(lost[:, 0], -1)
    votes = torch.from_numpy(faces.emotion).masked_fill(lost, torch.nan)
    angles = torch.cat([pose, roll[:, None]], 1).masked_fill(lost, torch.nan)
    return (
        standardise(_light(warped, generator)), points, angles,
        gaze.masked_fill(lost, torch.nan), au, quality, votes, hint, key, flip,
    )  # fmt: skip


def _jitter(
    pictures: Tensor, landmarks: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cut 112 px out of 128 with a random similarity.

    Returns:
        Faces (B, 1, 112, 112), points (B, 68, 2) in their pixels, the turn in radians clockwise
        (B,), and how far the face moved as a share of its size (B,).
    """
    count = len(pictures)

    def draw(half: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * half

    # Most faces lie as the tracker leaves them, some as a detector's points or no points do.
    loose = torch.rand(count, generator=generator) < LOOSE_SHARE
    reach = torch.where(loose, LOOSE_REACH, 1.0)
    turn = draw(0.13) * reach
    scale = torch.exp(draw(0.10) * reach)
    shift = torch.stack([draw(4.0), draw(4.0)], 1) * reach[:, None]
    astray = torch.rand(count, generator=generator) < 0.04
    angle = torch.rand(count, generator=generator) * 6.2832
    far = torch.stack([torch.cos(angle), torch.sin(angle)], 1) * 48.0
    shift = torch.where(astray[:, None], far, shift)
    cos, sin = torch.cos(turn) * scale, torch.sin(turn) * scale
    linear = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    centre, target = (CROP - 1) / 2, (SIZE - 1) / 2
    points = torch.einsum("bij,bkj->bki", linear, landmarks - centre) + target + shift[:, None]
    # grid_sample wants the inverse: where in the stored crop does each output pixel come from?
    inverse = torch.linalg.inv(linear)
    offset = -torch.einsum("bij,bj->bi", inverse, shift)
    theta = torch.cat([inverse * (SIZE / CROP), (offset * (2 / CROP))[:, :, None]], 2)
    grid = F.affine_grid(theta, [count, 1, SIZE, SIZE], align_corners=False)
    faces = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return faces, points, turn, shift.norm(dim=1) / SIZE


def _light(faces: Tensor, generator: torch.Generator) -> Tensor:
    """Random gamma, blur, noise and one dark or bright rectangle for some faces."""
    count = len(faces)
    gamma = torch.exp((torch.rand(count, 1, 1, 1, generator=generator) * 2 - 1) * 0.5)
    faces = faces.clamp(1e-3, 1) ** gamma
    soft = torch.rand(count, generator=generator) < 0.12
    if soft.any():
        small = F.avg_pool2d(faces[soft], 2)
        faces[soft] = F.interpolate(small, size=SIZE, mode="bilinear", align_corners=False)
    strength = torch.rand(count, 1, 1, 1, generator=generator) * 0.03
    noise = torch.randn(faces.shape, generator=generator) * strength
    faces = faces + noise
    for i in torch.nonzero(torch.rand(count, generator=generator) < 0.12).flatten().tolist():
        x, y, w, h = (torch.rand(4, generator=generator) * 70).int().tolist()
        faces[i, :, y : y + h // 2 + 6, x : x + w // 2 + 6] = torch.rand(1, generator=generator)
    return faces


def _masked(error: Tensor, known: Tensor) -> Tensor:
    return (error * known).sum() / known.sum().clamp(min=1)


def encoder_loss(
    encoded: Encoded, votes: Tensor, labels: tuple[Tensor, ...], *, votes_weight: float = 0.3
) -> Tensor:
    """Weigh the parts so that none drowns the others.

    AU errors are squared, with strong actions counting more: an L1-like loss on sparse targets
    collapses to zero.
    """
    points, angles, gaze, au, quality, emotion = labels
    total = votes.new_zeros((), dtype=torch.float32)
    parts = (
        (encoded.landmarks.float() / 10, points / 10, 1.0),
        (encoded.pose.float() / 10, angles / 10, 0.25),
        (encoded.gaze.float() / 10, gaze / 10, 0.15),
    )
    for output, target, weight in parts:
        known = ~torch.isnan(target)
        error = F.smooth_l1_loss(output, torch.nan_to_num(target), reduction="none", beta=0.3)
        total = total + weight * _masked(error, known)
    known = ~torch.isnan(au)
    target = torch.nan_to_num(au)
    error = (encoded.au.float() - target).square() * (1 + 0.5 * target)
    total = total + 0.5 * _masked(error, known)
    known = ~torch.isnan(quality)
    error = (encoded.quality.float()[:, 0] - torch.nan_to_num(quality)).square()
    total = total + 2.0 * _masked(error, known)
    known = ~torch.isnan(emotion[:, 0])
    if known.any():
        total = total + votes_weight * F.cross_entropy(votes.float()[known], emotion[known])
    return total


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
