"""Fine-tuning on a set of one's own, on faces of the demo clip; skipped without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch lives in the training extra only")
pytest.importorskip("onnx", reason="onnx lives in the training extra only")

from agent.domain.facs import AU_SIDE_LABELS  # noqa: E402
from agent.errors import ConfigError  # noqa: E402
from agent.evaluation.datasets import disfa, rafdb  # noqa: E402
from agent.evaluation.datasets.folds import Fold  # noqa: E402
from agent.evaluation.tools import OwnTool, Weights  # noqa: E402
from agent.inference.emotion import EmotionHead  # noqa: E402
from agent.inference.encoder import FaceEncoder as Runtime  # noqa: E402
from agent.inference.session import load_model  # noqa: E402
from tests.unit.evaluation.sets import write_rendered_disfa  # noqa: E402
from training import own  # noqa: E402
from training.own_faces import OwnFaces, action_faces, expression_faces, kept_or_cut  # noqa: E402

MODELS = Path(__file__).resolve().parents[3] / "models"
PEOPLE = ("SN002", "SN003", "SN013")
"""One of each of DISFA's three parts."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set in DISFA's layout whose faces can be found."""
    return write_rendered_disfa(tmp_path_factory.mktemp("set") / "disfa", PEOPLE)


def settings(runs: Path) -> own.Settings:
    """One short epoch from the shipped weights."""
    return own.Settings(MODELS, runs, epochs=1, batch=8, rate=1e-4)


def test_a_fold_is_trained_tested_and_exported(folder: Path, tmp_path: Path) -> None:
    """One fold gives scores of twelve AUs on the person kept out, and files the product loads."""
    report = own.run_au("disfa", folder, settings(tmp_path), count=3, only=1, every=6)

    assert report["folds"] == [1]
    assert set(report["pooled"]["au"]) == set(disfa.LABELS)
    assert report["pooled"]["frames"] == report["before"]["frames"] > 5
    assert report["pooled"] != report["before"]
    exported = tmp_path / "fold_1" / "models"
    assert Runtime(load_model(exported, "face_encoder"))
    assert "DISFA, people of fold 1" in (exported / "face_encoder.card.toml").read_text()


def test_faces_are_cut_once(folder: Path, tmp_path: Path) -> None:
    """A second run reads the crops of the first; codes and people stay with their faces."""
    data = disfa.load(folder)
    path = tmp_path / "faces.npz"
    first = kept_or_cut(path, action_faces(data, OwnTool(Weights(MODELS)), 6))

    again = kept_or_cut(path, iter(()))

    assert (again.faces == first.faces).all()
    assert set(first.subjects) == set(PEOPLE)
    assert first.labels.shape[1] == 12
    assert not list(tmp_path.glob("*.partial"))


def test_training_starts_from_the_shipped_weights(folder: Path, tmp_path: Path) -> None:
    """Before a step is taken, the net says of a face what the shipped file says."""
    data = disfa.load(folder)
    faces = kept_or_cut(tmp_path / "f.npz", action_faces(data, OwnTool(Weights(MODELS)), 4))
    net = own.start(settings(tmp_path), faces.faces)
    shift = np.array([[1, 0, -8], [0, 1, -8]], np.float32)
    shipped = Runtime(load_model(MODELS, "face_encoder"))

    sides, logits = own.predict(net, faces.faces)
    read = [shipped.encode(face, shift) for face in faces.faces]
    head = EmotionHead(load_model(MODELS, "emotion_head"))

    column = AU_SIDE_LABELS.index("AU25")
    expected = np.stack([one.encoding.au_sides for one in read])
    assert np.corrcoef(sides[:, column], expected[:, column])[0, 1] > 0.9
    named = [head.classify_face(one).argmax() for one in read]
    assert np.mean(logits.argmax(1) == named) > 0.8


def test_a_few_steps_learn(folder: Path, tmp_path: Path) -> None:
    """On its own faces the error falls, and the landmarks stay where they were."""
    data = disfa.load(folder)
    faces = kept_or_cut(tmp_path / "f.npz", action_faces(data, OwnTool(Weights(MODELS)), 4))
    wanted = own.Settings(MODELS, tmp_path / "r", epochs=6, batch=8, rate=1e-3)
    net = own.start(wanted, faces.faces)
    index = [own.SIDE_INDEX[own.AU_LABELS.index(label)] for label in data.labels]

    def error() -> float:
        sides, _ = own.predict(net, faces.faces)
        answers = own.stronger(torch.from_numpy(sides), index).numpy()
        return float(np.square(answers - faces.labels).mean())

    def landmarks() -> np.ndarray:
        net.eval()
        with torch.no_grad():
            batch = own.inner(torch.from_numpy(faces.faces).float()[:, None])
            return net.encoder(own.standardise(batch)).landmarks.numpy()

    before, points = error(), landmarks()
    task = own.AuTask(net, faces, faces, labels=data.labels, kind=data.kind, frozen=True)
    own.fit(task, own.schedule(wanted), tmp_path / "r")

    assert error() < 0.8 * before
    assert np.abs(landmarks() - points).mean() < 1.5


def test_what_has_no_code_is_held() -> None:
    """DISFA says nothing of AU10 and of emotion: moving them costs; moving AU25 doesn't."""
    faces = OwnFaces(np.zeros((4, 128, 128), np.uint8), np.full((4, 12), np.nan, np.float32),
                     np.array(["a"] * 4))  # fmt: skip
    net = own.EncoderWithVotes(own.FaceEncoder()).eval()
    task = own.AuTask(net, faces, faces, labels=disfa.LABELS, kind="intensity", frozen=True)
    batch = torch.zeros(4, 1, 112, 112), torch.full((4, 12), float("nan"))

    def cost(label: str) -> float:
        encoded, logits = net(batch[0])
        au = encoded.au.clone()
        au[:, [i for i, side in enumerate(AU_SIDE_LABELS) if side.startswith(label)]] += 1
        task.model = lambda _: (encoded._replace(au=au), logits + (label == "emotion"))
        return float(task.loss(batch))

    assert cost("AU25") == cost("nothing") == pytest.approx(0, abs=1e-6)
    assert cost("AU10") > 0.01
    assert cost("emotion") > 0.1


def test_presence_has_a_loss_of_its_own() -> None:
    """Codes 0 / 1 pull an AU over or under the product's threshold; unknown codes pull nothing."""
    faces = OwnFaces(np.zeros((4, 128, 128), np.uint8), np.zeros((4, 1), np.float32),
                     np.array(["a"] * 4))  # fmt: skip
    net = own.EncoderWithVotes(own.FaceEncoder())
    task = own.AuTask(net, faces, faces, labels=("AU12",), kind="presence", frozen=False)

    def loss(intensity: float, code: float) -> float:
        encoded, logits = net(torch.zeros(4, 1, 112, 112))
        encoded = encoded._replace(au=torch.full((4, 32), float(intensity)))
        return float(task.label_loss(encoded, logits, torch.full((4, 1), float(code))))

    assert loss(3, 1) < loss(1, 1) < loss(0, 1)
    assert loss(3, 0) > loss(0, 0)
    assert loss(3, float("nan")) == 0


def test_nobody_is_trained_on_and_tested(tmp_path: Path) -> None:
    """A fold with an overlap can't be made, so it can't be trained on."""
    with pytest.raises(ConfigError):
        Fold(1, frozenset(PEOPLE), frozenset(PEOPLE[:1]))


def test_emotions_are_trained_and_tested_on_their_own_parts(folder: Path, tmp_path: Path) -> None:
    """RAF-DB's training part teaches, its test part is scored, a head is exported."""
    import cv2

    images = tmp_path / "raf" / "Image" / "aligned"
    images.mkdir(parents=True)
    (tmp_path / "raf" / "EmoLabel").mkdir()
    lines = []
    tool = OwnTool(Weights(MODELS))
    rows = list(action_faces(disfa.load(folder).of(frozenset({"SN002"})), tool, 2))
    for number, (face, codes, _) in enumerate(rows):
        part = "train" if number % 2 else "test"
        stem = f"{part}_{number:04d}"
        smiling = np.asarray(codes)[disfa.LABELS.index("AU25")] >= 2
        lines.append(f"{stem}.jpg {4 if smiling else 7}")
        cv2.imwrite(str(images / f"{stem}_aligned.jpg"), cv2.resize(face, (256, 256)))
    table = tmp_path / "raf" / "EmoLabel" / "list_patition_label.txt"
    table.write_text("\n".join(lines) + "\n")
    assert len(list(expression_faces(rafdb.load(tmp_path / "raf"), tool))) > 3

    report = own.run_emotion("rafdb", tmp_path / "raf", settings(tmp_path / "runs"))

    assert report["part"] == "test"
    assert set(report["before"]) < set(report)
    assert 0 <= report["accuracy"] <= 1
    assert load_model(tmp_path / "runs" / "all" / "models", "emotion_head")
