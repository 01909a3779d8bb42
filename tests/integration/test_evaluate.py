"""`omokage evaluate` from the command line.

Exact numbers with models that answer constants, plausible ones with the shipped models, refusals,
and what an interrupt leaves.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.cli import evaluate as command
from agent.cli.main import main
from agent.domain.facs import AU_SIDE_LABELS
from agent.domain.observation import EMOTIONS
from agent.inference.preprocess import FIVE_POINT_TEMPLATE
from tests.fakes import write_picture, write_video
from tests.onnx_bytes import net, node, write_detector, write_emotion, write_encoder
from tests.unit.evaluation.sets import (
    cut_demo,
    write_affectnet_full,
    write_affectnet_reduced,
    write_bp4d,
    write_codes,
    write_disfa,
    write_disfaplus,
    write_ferplus_tables,
    write_pictures,
    write_rafdb,
)
from tests.unit.inference.squares import Square, mean_face

if TYPE_CHECKING:
    from collections.abc import Callable

HAPPY = EMOTIONS.index("happiness")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Models that see one happy face in the middle of every picture."""
    folder = tmp_path / "models"
    folder.mkdir()
    square = Square(160, 120, 72)
    write_encoder(folder, mean_face())
    write_detector(
        folder, np.array([124, 84, 196, 156], np.float32), square.carry(FIVE_POINT_TEMPLATE)
    )
    logits = np.zeros(8, np.float32)
    logits[HAPPY] = 20
    write_emotion(folder, logits)
    return folder


def invoke(*arguments: object) -> Result:
    """Run `omokage evaluate`."""
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def scored(models: Path, *arguments: object) -> dict[str, Any]:
    """Run a task that must succeed and return its JSON."""
    out = models.parent / "scores.json"
    result = invoke(*arguments, "--models", models, "--json", out)
    assert result.exit_code == 0, result.output
    assert "Traceback" not in result.output
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def value(scores: dict[str, Any], key: str, tool: str = "omokage") -> Any:
    """Return one score of one tool."""
    return scores["scores"][key]["by_tool"][tool]["value"]


def write_fer(path: Path, classes: list[int]) -> Path:
    """Write a FER+ part: ten votes for one class each."""
    votes = np.zeros((len(classes), 10), np.uint8)
    votes[np.arange(len(classes)), classes] = 10
    images = np.random.default_rng(0).integers(0, 255, (len(classes), 48, 48), np.uint8)
    np.savez(path, images=images, votes=votes)
    return path


def write_classifier(path: Path, answer: int) -> Path:
    """Write a net laid out as a mini-XCEPTION that always names one of its seven classes."""
    weights = {"w": np.zeros((4096, 7), np.float32), "b": np.eye(7, dtype=np.float32)[answer]}
    nodes = [
        node("Flatten", ["input_1"], "flat"),
        node("MatMul", ["flat", "w"], "sum"),
        node("Add", ["sum", "b"], "predictions"),
    ]
    content = net(nodes, weights, {"input_1": ("float32", (1, 1, 64, 64))}, {"predictions": (1, 7)})
    path.write_bytes(content)
    return path


def test_ferplus_gives_exact_numbers(tmp_path: Path, models: Path) -> None:
    """Always happy: right in six pictures of eight; the baseline, always angry, in two."""
    part = write_fer(tmp_path / "valid.npz", [HAPPY] * 6 + [EMOTIONS.index("anger")] * 2)
    rival = write_classifier(tmp_path / "rival.onnx", 0)

    scores = scored(models, "ferplus", part, "--baseline", rival)

    assert value(scores, "accuracy") == 0.75
    assert value(scores, "accuracy", "rival") == 0.25
    assert value(scores, "mean_recall") == 0.5
    assert value(scores, "kappa") == 0
    assert value(scores, "recall_happiness") == 1
    assert value(scores, "recall_fear") is None
    assert value(scores, "face_found") == 1
    assert scores["data"]["with_majority"] == 8


def test_ferplus_prints_both_beside_each_other(tmp_path: Path, models: Path) -> None:
    """A reader sees tool beside tool, with intervals, and the reference."""
    part = write_fer(tmp_path / "valid.npz", [HAPPY] * 6 + [0] * 2)
    rival = write_classifier(tmp_path / "rival.onnx", 6)

    result = invoke("ferplus", part, "--models", models, "--baseline", rival)

    line = next(x for x in result.stdout.splitlines() if x.startswith("accuracy, 8 classes"))
    assert "0.750 [" in line
    assert "0.250 [" in line
    assert "votes of ten annotators" in result.stdout


def test_ferplus_reads_the_published_tables(tmp_path: Path, models: Path) -> None:
    """A folder with Kaggle's and Microsoft's tables is read as it is."""
    scores = scored(models, "ferplus", write_ferplus_tables(tmp_path / "fer"))

    assert value(scores, "accuracy") == 1


def test_ferplus_takes_a_folder_s_only_part(tmp_path: Path, models: Path) -> None:
    """A folder with one part needs no name; of several the validation part is taken."""
    folder = tmp_path / "fer"
    folder.mkdir()
    write_fer(folder / "test.npz", [HAPPY] * 2)
    alone = scored(models, "ferplus", folder)["data"]["name"]
    write_fer(folder / "valid.npz", [HAPPY] * 3)

    assert alone == "test.npz"
    assert scored(models, "ferplus", folder)["data"]["name"] == "valid.npz"


def test_london_compares_pairs(tmp_path: Path, models: Path) -> None:
    """Two persons with both pictures; a net that answers constants sees nobody's AU12 rise."""
    folder = tmp_path / "london"
    folder.mkdir()
    for name in ("001_neutral", "001_smiling", "002_neutral", "002_smiling", "003_neutral"):
        write_picture(folder / f"{name}.png", size=(200, 200))

    scores = scored(models, "london", folder)

    assert scores["data"]["persons"] == 2
    assert value(scores, "AU12_rises") == 0
    assert value(scores, "AU12_auc") == 0.5


def write_crops(folder: Path, people: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Write LFW-like crops; return what the constant models see: landmarks and pose."""
    folder.mkdir()
    rows = [f"p{i}.png,Person_{i},neutral" for i in range(people)]
    (folder / "labels.csv").write_text("\n".join(["image,person,weak_emotion", *rows]) + "\n")
    for i in range(people):
        write_picture(folder / f"p{i}.png", size=(192, 192))
    # The square's middle is in the middle of the view, 72 of 112 aligned pixels wide; the
    # 192 px picture is shown at 1.25 of its size.
    points = (mean_face() - 56) / 1.25 + np.array([128, 96], np.float32)
    # Constant yaw and roll cancel against those of the mirror image.
    return np.stack([points] * people), np.tile(np.array([1, 0, 0], np.float32), (people, 1))


def test_landmarks_against_labels(tmp_path: Path, models: Path) -> None:
    """Labels with known errors: a face that the reference lost doesn't count."""
    points, pose = write_crops(tmp_path / "lfw")
    labels = tmp_path / "labels.npz"
    np.savez(labels, found=np.array([True, True, False]), landmarks=points, pose=pose + 3)

    scores = scored(models, "landmarks", tmp_path / "lfw", "--labels", labels)

    assert value(scores, "compared") == 2
    assert value(scores, "roll_mae") == pytest.approx(3, abs=0.1)
    assert "not with people" in scores["reference"]


def test_landmarks_set_by_people(tmp_path: Path, models: Path) -> None:
    """68 points in a .pts file beside a picture are the reference, counted from 1."""
    folder = tmp_path / "points"
    folder.mkdir()
    write_picture(folder / "a.png", size=(192, 192))
    first = invoke("landmarks", folder, "--models", models)
    lines = "\n".join(f"{x + 1} {y + 1}" for x, y in mean_face())
    (folder / "a.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n")

    scores = scored(models, "landmarks", folder)

    assert first.exit_code == 3
    assert value(scores, "nme") > 0
    assert scores["reference"].startswith("68 points set by people")
    (folder / "a.pts").write_text("{\n1 2\n}\n")
    assert "holds 1 points" in invoke("landmarks", folder, "--models", models).stderr


def write_scenes(folder: Path) -> Path:
    """Write two scenes with a face in the middle, one with a face elsewhere, one without any."""
    folder.mkdir()
    rows = ["file,kind,x1,y1,x2,y2"]
    for name in ("a", "b", "c", "d"):
        write_picture(folder / f"{name}.png", size=(320, 240))
    rows += ["a.png,face,124,84,196,156", "b.png,face,120,80,200,160"]
    rows += ["c.png,face,0,0,60,60", "c.png,ignore,124,84,196,156", "d.png,none,,,,"]
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_detector_gives_exact_numbers(tmp_path: Path, models: Path) -> None:
    """Two faces of three found; a doubtful one counts for nobody; one false face in a negative."""
    scores = scored(models, "detector", write_scenes(tmp_path / "scenes"))

    assert value(scores, "recall_live") == pytest.approx(2 / 3, abs=1e-6)
    assert value(scores, "precision_live") == pytest.approx(2 / 3, abs=1e-6)
    assert value(scores, "false_per_100_live") == 100
    assert value(scores, "recall_at_1_per_100_live") == 0
    assert scores["data"]["negatives"] == 1


def test_more_negatives_can_be_named(tmp_path: Path, models: Path) -> None:
    """Pictures of `--negatives` count as pictures without a face."""
    folder = tmp_path / "empty"
    folder.mkdir()
    write_picture(folder / "x.png", size=(320, 240))

    scores = scored(models, "detector", write_scenes(tmp_path / "s"), "--negatives", folder)

    assert scores["data"]["negatives"] == 2


def write_renders(folder: Path, identities: list[int]) -> Path:
    """Write a shard of made-up renders."""
    rng = np.random.default_rng(0)
    count = len(identities)
    folder.mkdir()
    np.savez(
        folder / "shard_00000.npz",
        faces=rng.integers(0, 255, (count, 128, 128), np.uint8),
        landmarks=np.stack([mean_face() + 8] * count).astype(np.float16),
        au=rng.uniform(0, 5, (count, len(AU_SIDE_LABELS))).astype(np.float16),
        pose=np.tile(np.array([1, 2, 0], np.float16), (count, 1)),
        gaze=np.tile(np.array([4, 5], np.float16), (count, 1)),
        identity=np.array(identities, np.int32),
        skin=np.linspace(20, 80, count).astype(np.float16),
        flags=np.zeros(count, np.uint8),
        quality=np.linspace(0, 1, count).astype(np.float16),
    )  # fmt: skip
    return folder


def test_synthetic_scores_only_who_was_kept_out(tmp_path: Path, models: Path) -> None:
    """Each tenth identity, exact angles, and an undefined correlation that stays undefined."""
    folder = write_renders(tmp_path / "renders", [0, 1, 2, 10, 10, 20, 21])

    scores = scored(models, "synthetic", folder)
    everyone = scored(models, "synthetic", folder, "--persons", "all")

    assert scores["data"] == {"name": "renders", "pictures": 4, "identities": 3}
    assert everyone["data"]["pictures"] == 7
    assert value(scores, "pose_mae") == pytest.approx(0, abs=0.01)
    assert value(scores, "nme") == pytest.approx(0, abs=0.002)
    assert value(scores, "au_mean_r") is None


def test_synthetic_refuses_renders_that_were_all_trained_on(tmp_path: Path, models: Path) -> None:
    """Nobody kept out: a sentence about --persons, not an average of nothing."""
    folder = write_renders(tmp_path / "renders", [1, 2, 3])

    result = invoke("synthetic", folder, "--models", models)

    assert result.exit_code == 2
    assert "--persons all" in result.stderr


def test_clips_follow_as_the_product_does(tmp_path: Path, models: Path) -> None:
    """A steady face: nothing lost or swapped, no noise in any AU."""
    (tmp_path / "clips").mkdir()
    write_video(tmp_path / "clips" / "a.avi", frames=40, size=(320, 240))

    scores = scored(models, "clips", tmp_path / "clips")

    assert value(scores, "lost") == value(scores, "swapped") == 0
    assert value(scores, "tracks") == 1
    assert value(scores, "fps") > 0
    assert scores["data"]["by_clip"]["a.avi"]["omokage"]["frames"] == 40


SETS: list[tuple[str, Callable[[Path], Path]]] = [
    ("disfa", write_disfa),
    ("disfaplus", write_disfaplus),
    ("bp4d", write_bp4d),
    ("affectnet", write_affectnet_full),
    ("affectnet", write_affectnet_reduced),
    ("rafdb", write_rafdb),
    ("pictures", write_pictures),
    ("codes", write_codes),
]


@pytest.mark.parametrize(("task", "write"), SETS)
def test_sets_of_your_own_are_scored(
    tmp_path: Path, models: Path, task: str, write: Callable[[Path], Path]
) -> None:
    """Each published layout goes through from folder to table."""
    scores = scored(models, task, write(tmp_path / "set"))

    assert scores["task"] == task
    first = "face_found" if "face_found" in scores["scores"] else "followed"
    assert value(scores, first) == 1


def test_a_constant_intensity_has_no_correlation(tmp_path: Path, models: Path) -> None:
    """What no AU defines is null and said in a note; errors are exact all the same."""
    scores = scored(models, "disfa", write_disfa(tmp_path / "disfa"))

    assert value(scores, "mean_pcc") is None
    assert any("undefined for 12 AUs" in note for note in scores["notes"])
    # Codes run through 0-5 once, the net answers 0.5: mean (0.5 + 0.5 + 1.5 + ... + 4.5) / 6.
    assert value(scores, "AU01_mae", "omokage, each frame alone") == pytest.approx(2.1667, abs=1e-3)
    assert value(scores, "AU01_base_rate") == pytest.approx(4 / 6, abs=1e-6)


def test_one_fold_scores_only_its_people(tmp_path: Path, models: Path) -> None:
    """Fold 2 tests none of the two people, fold 3 both; nobody is trained on and tested."""
    folder = write_disfa(tmp_path / "disfa", people=("SN001", "SN003"))

    scores = scored(models, "disfa", folder, "--fold", 3)

    assert scores["data"]["people"] == 1
    assert invoke("disfa", folder, "--models", models, "--fold", 9).exit_code == 2


def test_own_pictures_say_who_was_taken_for_what(tmp_path: Path, models: Path) -> None:
    """Accuracy, misjudgements and speed of one's own pictures, in one table."""
    folder = write_pictures(tmp_path / "mine")

    scores = scored(models, "pictures", folder)
    text = invoke("pictures", folder, "--models", models).stdout

    assert value(scores, "accuracy") == pytest.approx(2 / 3, abs=1e-6)
    assert scores["scores"]["accuracy"]["by_tool"]["omokage"]["count"] == 2
    assert scores["curves"]["confusion"]["neutral"][HAPPY] == 1
    assert value(scores, "picture_ms") > 0
    assert "who was taken for what" in text


def test_rafdb_counts_a_class_that_isn_t_there(tmp_path: Path, models: Path) -> None:
    """Always happy: right in one of two; a part can be named."""
    folder = write_rafdb(tmp_path / "raf")

    scores = scored(models, "rafdb", folder)

    assert value(scores, "accuracy") == 0.5
    assert scores["curves"]["confusion"]["neutral"][HAPPY] == 1
    assert invoke("rafdb", folder, "--part", "valid").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ferplus", "gone.npz"], 3, "gone.npz doesn't exist"),
        (["ferplus", "noise.npz"], 3, "isn't a complete .npz file"),
        (["london", "."], 3, "NAME_neutral"),
        (["landmarks", "."], 3, "neither labels.csv nor"),
        (["detector", "."], 2, "Name a reference detector"),
        (["detector", ".", "--baseline", "noise.npz"], 5, "isn't a YuNet"),
        (["clips", "a.png"], 3, "is a picture, not a video"),
        (["disfa", "."], 3, "published layout"),
        (["ferplus", "noise.npz", "--baseline", "mediapipe"], 2, "--task-file"),
        (["ferplus", "noise.npz", "--baseline", "gone.onnx"], 5, "can't read gone.onnx"),
        (["london", ".", "--baseline", "x.onnx"], 2, "can't be used"),
        (["rafdb", ".", "--baseline", "mediapipe"], 2, "names no expressions"),
        (["london", ".", "--json", "gone/x.json"], 2, "doesn't exist"),
        (["london", ".", "--encoder", "x.bin"], 2, "isn't an .onnx file"),
        (["london", ".", "--models", "gone"], 5, "can't read the card"),
        (["everything", "."], 2, "No such command"),
        (["ferplus"], 2, "Missing argument"),
    ],
)
def test_wrong_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    """One sentence, a documented exit code, no traceback, no file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise.npz").write_bytes(b"noise")
    write_picture(tmp_path / "a.png")

    result = invoke(*arguments)

    assert result.exit_code == code, result.output
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not list(tmp_path.glob("*.json"))


def test_an_interrupt_leaves_the_old_file(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends with 130; yesterday's scores stay, and nothing half-written lies beside them."""
    part = write_fer(tmp_path / "valid.npz", [HAPPY] * 6)
    out = tmp_path / "scores.json"
    out.write_text("yesterday")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command._Progress, "show", interrupt)
    result = invoke("ferplus", part, "--models", models, "--json", out)

    assert result.exit_code == 130
    assert out.read_text() == "yesterday"
    assert not list(tmp_path.glob(".*"))


def test_another_encoder_can_be_scored(tmp_path: Path, models: Path) -> None:
    """`--encoder` takes a file whose card lies beside it, and names it in the JSON."""
    other = tmp_path / "other"
    other.mkdir()
    write_encoder(other, mean_face() + 1)
    part = write_fer(tmp_path / "valid.npz", [HAPPY] * 3)

    first = scored(models, "ferplus", part)["tools"]["omokage"][1]
    second = scored(models, "ferplus", part, "--encoder", other / "face_encoder.onnx")

    assert first.startswith("face_encoder@")
    assert first != second["tools"]["omokage"][1]


def test_the_shipped_models_follow_the_demo_clip(tmp_path: Path) -> None:
    """On rendered faces with a known truth the shipped weights follow AUs and pose, in time."""
    out = tmp_path / "scores.json"

    result = invoke("clips", cut_demo(tmp_path / "demo"), "--json", out)

    assert result.exit_code == 0, result.output
    scores = json.loads(out.read_text("utf-8"))
    assert value(scores, "truth_r_omokage") > 0.6
    assert value(scores, "truth_pose_omokage") < 5
    assert value(scores, "swapped") == 0
    assert -40 < value(scores, "lag") < 300


def test_a_set_is_named_by_its_folder_or_by_one_of_its_files(tmp_path: Path, models: Path) -> None:
    """Table, archive and folder name the same set, whatever table and archive are called."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    write_picture(folder / "a.png", size=(320, 240))
    with zipfile.ZipFile(folder / "all of them.zip", "w") as archive:
        archive.write(folder / "a.png", "a.png")
    (folder / "a.png").unlink()
    rows = "file,kind,x1,y1,x2,y2\na.png,face,100,60,172,132\n"
    (folder / "boxes.csv").write_text(rows, "utf-8")

    found = [
        scored(models, "detector", path)["data"]["faces"]
        for path in (folder, folder / "boxes.csv", folder / "all of them.zip")
    ]

    assert found == [1, 1, 1]


def test_a_table_of_something_else_is_not_taken(tmp_path: Path, models: Path) -> None:
    """A folder of pictures with a table that holds no boxes still needs a reference."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    write_picture(folder / "a.png", size=(320, 240))
    (folder / "visits.csv").write_text("day,visits\n1,20\n", "utf-8")

    result = invoke("detector", folder, "--models", models)

    assert result.exit_code != 0
    assert "no table of boxes" in result.stderr


def test_one_picture_of_a_pair_names_the_pair(tmp_path: Path, models: Path) -> None:
    """Given one of a person's two pictures, that person alone is compared."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    for name in ("001_neutral", "001_smiling", "002_neutral", "002_smiling"):
        write_picture(folder / f"{name}.png", size=(200, 200))

    scores = scored(models, "london", folder / "002_smiling.png")

    assert scores["data"]["persons"] == 1
