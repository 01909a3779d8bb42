"""The loop, the tasks and the exports on tiny nets; skipped where torch isn't installed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch lives in the training extra only")

from agent.domain.facs import AU_SIDE_LABELS  # noqa: E402
from training.augment import cut_out, mix_up  # noqa: E402
from training.data.bank import Bank, as_batch  # noqa: E402
from training.data.faces import FaceSet, rotate_gaze  # noqa: E402
from training.data.ferplus import FerPlus, majority_of  # noqa: E402
from training.export import ENCODER_OUTPUTS, ExportedEncoder, export  # noqa: E402
from training.nets.emotion import EmotionNet  # noqa: E402
from training.nets.encoder import EMBEDDING, FaceEncoder  # noqa: E402
from training.tasks.distil import DistilTask, TaughtEncoder  # noqa: E402
from training.tasks.emotion import EmotionTask  # noqa: E402
from training.tasks.encoder import (  # noqa: E402
    FLIP_POINTS,
    FLIP_SIDES,
    Augmented,
    EncoderTask,
    EncoderWeights,
    EncoderWithVotes,
    augment,
    correlation_loss,
)
from training.tasks.taught import (  # noqa: E402
    Lessons,
    LessonWeights,
    ask,
    divergence,
    feature_distance,
)
from training.train import Schedule, fit, kept_weights  # noqa: E402


def fer(count: int = 40) -> FerPlus:
    """Bright pictures are happy, dark ones neutral."""
    random = np.random.default_rng(0)
    bright = np.arange(count) % 2
    images = random.integers(0, 40, (count, 48, 48)).astype(np.uint8)
    images[bright == 1, 10:30] += 180
    target = np.eye(8, dtype=np.float32)[bright]
    return FerPlus(images, target, bright, np.arange(count))


def faces(count: int = 12) -> FaceSet:
    """Random faces with every label known but votes."""
    random = np.random.default_rng(1)
    return FaceSet(
        random.integers(0, 255, (count, 128, 128)).astype(np.uint8),
        random.uniform(30, 100, (count, 68, 2)).astype(np.float32),
        random.normal(0, 10, (count, 2)).astype(np.float32),
        random.normal(0, 10, (count, 2)).astype(np.float32),
        random.uniform(0, 5, (count, len(AU_SIDE_LABELS))).astype(np.float32),
        np.ones(count, np.float32),
        np.full((count, 8), np.nan, np.float32),
        np.full((count, len(AU_SIDE_LABELS)), np.nan, np.float32),
        np.full(count, -1),
    )


def small_net() -> EmotionNet:
    """A net that trains in milliseconds."""
    return EmotionNet((4, 4, 4, 8, 8, 8), squeeze=4, dropout=0.0)


def test_majority_needs_more_than_half():
    """FER+'s rule: single votes are dropped, half isn't enough, unknown never wins."""
    votes = np.zeros((4, 10), np.uint8)
    votes[0, [1, 0]] = 6, 4
    votes[1, [1, 0]] = 5, 5
    votes[2, [8, 0]] = 8, 2
    votes[3, [2, 0, 3, 4]] = 3, 1, 1, 1

    assert majority_of(votes).tolist() == [1, -1, -1, 2]


def test_training_learns(tmp_path):
    """A few epochs tell bright from dark."""
    torch.manual_seed(0)
    task = EmotionTask(small_net(), fer(), fer())

    scores = fit(task, Schedule(6, 8, 1e-2), tmp_path)

    assert scores["accuracy"] > 0.8


def test_a_killed_run_continues(tmp_path):
    """Three epochs in two goes end with the weights of three in one."""

    def trained(folder, stops):
        torch.manual_seed(0)
        for epochs in stops:
            task = EmotionTask(small_net(), fer(), fer())
            schedule = Schedule(3, 8, 1e-2)
            if epochs < 3:
                task = StopAfter(task, epochs)
            try:
                fit(task, schedule, folder)
            except KeyboardInterrupt:
                continue
        return torch.load(folder / "checkpoint.pt", weights_only=True)["model"]

    torch.manual_seed(0)
    whole = trained(tmp_path / "a", [3])
    torch.manual_seed(0)
    resumed = trained(tmp_path / "b", [1, 3])

    assert all(torch.allclose(whole[key], resumed[key], atol=1e-5) for key in whole)


class StopAfter:
    """A task whose run is killed when its n-th epoch is over."""

    def __init__(self, task, epochs):
        self._task, self._left = task, epochs

    def __getattr__(self, name):
        return getattr(self._task, name)

    def batches(self, batch, seed):
        """Raise when the next epoch begins."""
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        return self._task.batches(batch, seed)


def test_mirroring_twice_is_no_change():
    """The tables that swap left and right are their own inverse."""
    assert [FLIP_SIDES[i] for i in FLIP_SIDES] == list(range(len(AU_SIDE_LABELS)))
    assert [FLIP_POINTS[i] for i in FLIP_POINTS] == list(range(68))


def test_augmentation_keeps_unknown_labels_unknown():
    """A label that a source lacks is NaN before and after, never 0."""
    batch = augment(as_batch(faces()), torch.Generator().manual_seed(0))

    assert torch.isnan(batch.votes).all()
    assert batch.face.shape == (12, 1, 112, 112)


def test_correlation_loss_is_zero_for_a_line():
    """Scaled and shifted predictions cost nothing; reversed ones cost two."""
    truth = torch.rand(16, 3)

    assert float(correlation_loss(2 * truth + 1, truth)) == pytest.approx(0, abs=1e-4)
    assert float(correlation_loss(-truth, truth)) == pytest.approx(2, abs=1e-4)


def test_gaze_turns_with_the_picture():
    """Looking right becomes looking down when the picture turns a quarter clockwise."""
    turned = rotate_gaze(np.array([[10.0, 0.0]], np.float32), np.array([90.0]))

    np.testing.assert_allclose(turned, [[0, -10]], atol=1e-5)


def test_the_encoder_learns_and_exports(tmp_path):
    """One epoch runs, and onnxruntime computes what torch does."""
    pytest.importorskip("onnx", reason="onnx lives in the training extra only")
    torch.manual_seed(0)
    model = EncoderWithVotes(FaceEncoder((4, 4, 8, 8), squeeze=4))
    weights = EncoderWeights(correlation=0.5, hint=0.1, ranking=0.1)
    task = EncoderTask(model, [(faces(), 1.0)], {"same": faces()}, length=16, weights=weights)
    fit(task, Schedule(1, 8, 1e-3), tmp_path)

    shape = (1, 1, 112, 112)
    encoder = export(ExportedEncoder(model.encoder), shape, ENCODER_OUTPUTS, tmp_path / "e.onnx")
    head = export(
        model.emotion, (1, EMBEDDING), ("logits",), tmp_path / "h.onnx", source="embedding"
    )

    assert max(encoder, head) < 1e-3


def test_lessons_are_learned_on_taught_faces_only(tmp_path):
    """Faces with a key get nearer to the committee's answers; a batch without any costs nothing."""
    torch.manual_seed(0)
    sure = 5 * torch.eye(8)[torch.arange(12) % 2]
    lessons = Lessons(torch.stack([sure, sure], 1))
    known = replace(faces(), key=np.arange(12))
    model = EncoderWithVotes(FaceEncoder((4, 4, 8, 8), squeeze=4))
    task = DistilTask(
        model, [(known, 1.0)], {}, length=16, weights=EncoderWeights(),
        parts=LessonWeights(committee=2.0), lessons=lessons,
    )  # fmt: skip
    batch = Augmented(*next(task.batches(12, seed=1)))
    untaught = batch._replace(key=torch.full((12,), -1))
    before = float(task.taught(*model(batch.face), batch).detach())

    fit(task, Schedule(8, 8, 5e-3), tmp_path)

    assert float(task.taught(*model(untaught.face), untaught).detach()) == 0.0
    assert float(task.taught(*model(batch.face), batch).detach()) < 0.8 * before


def test_a_student_draws_near_its_teacher(tmp_path):
    """Logits, Action Units and features all approach; the teacher itself stays as it was."""
    torch.manual_seed(0)
    large = EncoderWithVotes(FaceEncoder((4, 6, 8, 12), squeeze=6)).eval()
    model = TaughtEncoder(EncoderWithVotes(FaceEncoder((4, 4, 8, 8), squeeze=4)), 4, 6)
    unlabelled = replace(faces(), au=np.full((12, len(AU_SIDE_LABELS)), np.nan, np.float32))
    parts = LessonWeights(committee=0.0, logits=0.5, au=0.5, features=1.0)
    task = DistilTask(
        model, [(unlabelled, 1.0)], {}, length=32, weights=EncoderWeights(), parts=parts,
        teacher=large,
    )  # fmt: skip
    batch = Augmented(*next(task.batches(12, seed=1)))
    before = float(task.taught(*model(batch.face), batch).detach())
    weights = {key: value.clone() for key, value in large.state_dict().items()}

    fit(task, Schedule(8, 8, 5e-3), tmp_path)

    assert float(task.taught(*model(batch.face), batch).detach()) < 0.7 * before
    assert all(torch.equal(weights[key], value) for key, value in large.state_dict().items())


def test_features_are_compared_by_direction_alone():
    """Twice the map costs nothing, the opposite one the most."""
    seen = torch.rand(5, 12) + 0.1

    assert float(feature_distance(2 * seen, seen)) == pytest.approx(0, abs=1e-6)
    assert float(feature_distance(-seen, seen)) == pytest.approx(4, abs=1e-5)


def test_logits_are_compared_as_distributions():
    """A constant added to all logits costs nothing; another order costs something."""
    told = torch.tensor([[2.0, 0.0, -1.0]])

    assert float(divergence(told + 3, told, 2.0)) == pytest.approx(0, abs=1e-6)
    assert float(divergence(told.flip(1), told, 2.0)) > 0.1


def test_a_mirrored_picture_gets_the_mirrored_lesson():
    """Asking about the mirror image gives what the committee says of that image."""
    pictures, member = fer(4), small_net()
    lessons = ask([member], pictures.images)
    mirrored = ask([member], np.ascontiguousarray(pictures.images[:, :, ::-1]))

    logits = lessons.of(torch.arange(4), torch.ones(4, dtype=torch.bool))

    torch.testing.assert_close(logits, mirrored.logits[:, 0], atol=0.05, rtol=0.05)


def test_a_bank_draws_each_source_by_its_share():
    """A small source may count for more than its size, and a share of 0 for nothing."""
    few, many = replace(faces(2), key=np.arange(2)), replace(faces(30), key=np.arange(30) + 10)
    never = replace(faces(5), key=np.full(5, 99))
    bank = Bank([(few, 0.75), (many, 0.25), (never, 0.0)], torch.device("cpu"))

    drawn = bank.draw(4000, torch.Generator().manual_seed(0)).key

    assert float((drawn < 2).float().mean()) == pytest.approx(0.75, abs=0.03)
    assert set(drawn.tolist()) == {0, 1, *range(10, 40)}


def test_mirrored_labels_follow_the_picture():
    """Left and right change places in points, Action Units, yaw and gaze where it was mirrored."""
    known = as_batch(faces(64))

    batch = augment(known, torch.Generator().manual_seed(3))
    kept = ~torch.isnan(batch.au[:, 0])
    swapped = kept & batch.flip

    assert swapped.any()
    assert torch.equal(batch.au[swapped], known.au[swapped][:, FLIP_SIDES])
    assert torch.equal(batch.angles[swapped, 1], -known.pose[swapped, 1])
    straight = kept & ~batch.flip
    assert torch.equal(batch.au[straight], known.au[straight])


def test_the_average_follows_the_weights_and_survives_a_stop(tmp_path):
    """The kept model is the average, not the last step, and a resumed run ends the same."""
    schedule = Schedule(3, 8, 1e-2, average=0.9)
    torch.manual_seed(0)
    whole = EmotionTask(small_net(), fer(), fer())
    fit(whole, schedule, tmp_path / "whole")
    torch.manual_seed(0)
    halves = EmotionTask(small_net(), fer(), fer())
    with pytest.raises(KeyboardInterrupt):
        fit(StopAfter(halves, 2), schedule, tmp_path / "halves")
    again = EmotionTask(small_net(), fer(), fer())
    fit(again, schedule, tmp_path / "halves")

    kept, resumed = kept_weights(tmp_path / "whole"), kept_weights(tmp_path / "halves")
    raw = whole.model.state_dict()
    assert any(not torch.equal(kept[key], raw[key]) for key in raw)
    assert all(torch.allclose(kept[key].float(), resumed[key].float(), atol=1e-4) for key in kept)


def test_cutout_and_mixup_keep_what_they_should():
    """Cutout hides a part of a share of the pictures; mixup's soft labels still sum to 1."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.ones(400, 1, 48, 48)

    cut = cut_out(pictures, share=0.5, most=14, generator=generator)
    touched = (cut == 0).flatten(1).any(1).float().mean()
    mixed, target = mix_up(pictures, torch.eye(8)[torch.arange(400) % 8], share=0.5,
                           generator=generator)  # fmt: skip

    assert 0.35 < float(touched) < 0.6
    assert float((cut == 0).float().sum((2, 3)).max()) <= 15 * 15
    assert torch.equal(mixed, pictures)
    torch.testing.assert_close(target.sum(1), torch.ones(400))
    assert float(target.max(1).values.min()) >= 2 / 3 - 1e-6
