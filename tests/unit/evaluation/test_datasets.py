"""Loaders on small made-up data in exactly the published layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.domain.observation import EMOTIONS
from agent.errors import ConfigError, MediaError
from agent.evaluation.datasets import (
    affectnet,
    bp4d,
    codes,
    disfa,
    disfaplus,
    ferplus,
    pictures,
    rafdb,
)
from agent.evaluation.datasets.model import INTENSITY
from tests.fakes import write_picture
from tests.unit.evaluation.sets import (
    AFFECTNET_HEADER,
    write_affectnet_full,
    write_affectnet_reduced,
    write_bp4d,
    write_bp4d_intensity,
    write_codes,
    write_disfa,
    write_disfaplus,
    write_ferplus_tables,
    write_pictures,
    write_rafdb,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_disfa_joins_by_frame_number(tmp_path: Path) -> None:
    """Each person's twelve files become one table; the video may be longer."""
    data = disfa.load(write_disfa(tmp_path))

    assert data.subjects == ("SN001", "SN002")
    assert data.labels[6] == "AU12"
    first = data.sequences[0]
    assert first.frames.tolist() == [1, 2, 3, 4, 5, 6]
    assert first.values[0].tolist() == [(1 + column) % 6 for column in range(12)]
    assert first.video is not None
    assert first.video.name == "LeftVideoSN001_comp.avi"


def test_disfa_frames_without_a_code_are_left_out_and_told(tmp_path: Path) -> None:
    """A frame that one AU's file lacks isn't guessed."""
    write_disfa(tmp_path)
    path = tmp_path / "ActionUnit_Labels" / "SN001" / "SN001_au4.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))

    data = disfa.load(tmp_path)

    assert len(data.sequences[0].frames) == 5
    assert "1 frames lack a code" in data.notes[0]


@pytest.mark.parametrize("line", ["3", "3,", "3,6", "3,-1", "x,1", "3,one"])
def test_disfa_refuses_a_foreign_line(tmp_path: Path, line: str) -> None:
    """Anything but `frame,0-5` is refused with file and line."""
    write_disfa(tmp_path)
    (tmp_path / "ActionUnit_Labels" / "SN002" / "SN002_au9.txt").write_text(f"1,0\n{line}\n")

    with pytest.raises(MediaError, match=r"SN002_au9.txt, line 2"):
        disfa.load(tmp_path)


def test_disfa_refuses_a_missing_video_or_file(tmp_path: Path) -> None:
    """Labels without their video, or eleven files instead of twelve, are refused by name."""
    write_disfa(tmp_path)
    (tmp_path / "ActionUnit_Labels" / "SN002" / "SN002_au26.txt").unlink()
    with pytest.raises(MediaError, match=r"SN002_au26.txt"):
        disfa.load(tmp_path)

    (tmp_path / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi").unlink()
    with pytest.raises(MediaError, match=r"LeftVideoSN001_comp\.avi is missing"):
        disfa.load(tmp_path)


def test_disfaplus_has_nan_for_what_isn_t_coded(tmp_path: Path) -> None:
    """An AU without a file is unknown in every frame, never 0."""
    (sequence,) = disfaplus.load(write_disfaplus(tmp_path)).sequences

    assert sequence.values[:, disfa.AUS.index(12)].tolist() == [0, 3, 5]
    assert np.isnan(sequence.values[:, disfa.AUS.index(26)]).all()
    assert [path.name for path in sequence.pictures] == ["000.jpg", "001.jpg", "002.jpg"]


def test_disfaplus_leaves_missing_pictures_out(tmp_path: Path) -> None:
    """A coded frame without its picture is told; a trial without any is refused."""
    write_disfaplus(tmp_path)
    images = tmp_path / "Images" / "SN001" / "A1"
    (images / "001.jpg").unlink()

    data = disfaplus.load(tmp_path)

    assert len(data.sequences[0].pictures) == 2
    assert "1 pictures are missing" in data.notes[0]
    for picture in images.iterdir():
        picture.unlink()
    with pytest.raises(MediaError):
        disfaplus.load(tmp_path)


def test_disfaplus_refuses_a_path_in_a_label(tmp_path: Path) -> None:
    """A label can't lead to a picture elsewhere."""
    write_disfaplus(tmp_path)
    (tmp_path / "Labels" / "SN001" / "A1" / "AU1.txt").write_text("../../x.jpg 1\n")

    with pytest.raises(MediaError, match=r"AU1.txt, line 1"):
        disfaplus.load(tmp_path)


def test_bp4d_takes_nine_as_not_coded(tmp_path: Path) -> None:
    """Twelve columns by their AU number, 9 as NaN, leading zeros in names, gaps told."""
    data = bp4d.load(write_bp4d(tmp_path))

    first, second = data.sequences
    assert (first.subject, second.subject) == ("F001", "M007")
    column = bp4d.AUS.index(12)
    assert np.isnan(first.values[1, column])
    assert first.values[0, bp4d.AUS.index(2)] == 1
    assert first.values[0, bp4d.AUS.index(7)] == 0
    assert second.pictures[0].name == "0010.jpg"
    assert len(data.notes) == 2


def test_bp4d_intensity_joins_its_tables(tmp_path: Path) -> None:
    """Five AUs; what a table lacks, or calls 9, is unknown."""
    data = bp4d.load(write_bp4d_intensity(write_bp4d(tmp_path)), INTENSITY)

    (sequence,) = data.sequences
    assert data.labels == ("AU06", "AU10", "AU12", "AU14", "AU17")
    assert sequence.values[0, :2].tolist() == [2, 2]
    assert np.isnan(sequence.values[1]).all()


@pytest.mark.parametrize(
    "row", ["10,1,2", "10" + ",3" * 16, "10" + ",1" * 17, "x" + ",0" * 16, "10" + ",?" * 16]
)
def test_bp4d_refuses_a_foreign_row(tmp_path: Path, row: str) -> None:
    """A short or long row, a code that is none, a frame that is no number: refused by line."""
    write_bp4d(tmp_path)
    path = tmp_path / "AUCoding" / "AU_OCC" / "F001_T1.csv"
    header = path.read_text().splitlines()[0]
    path.write_text(f"{header}\n{row}\n")

    with pytest.raises(MediaError, match=r"F001_T1.csv, line 2"):
        bp4d.load(tmp_path)


def test_bp4d_refuses_a_table_without_an_au(tmp_path: Path) -> None:
    """A missing column is named."""
    write_bp4d(tmp_path)
    (tmp_path / "AUCoding" / "AU_OCC" / "F001_T1.csv").write_text("0,1,2,4\n10,0,0,0\n")

    with pytest.raises(MediaError, match="no column of AU6"):
        bp4d.load(tmp_path)


def test_affectnet_reduced(tmp_path: Path) -> None:
    """Own numbers become ours; what is no expression is left out and told; -2 isn't a value."""
    data = affectnet.load(write_affectnet_reduced(tmp_path))

    assert [EMOTIONS[i] for i in data.classes] == ["happiness", "anger"]
    assert data.affect[1].tolist() == pytest.approx([-0.5, 0.7])
    assert np.isnan(data.boxes).all()
    assert "1 pictures" in data.notes[0]


def test_affectnet_full(tmp_path: Path) -> None:
    """The table's face box becomes corners; arousal -2 is unknown."""
    data = affectnet.load(write_affectnet_full(tmp_path))

    assert [EMOTIONS[i] for i in data.classes] == ["sadness"]
    assert data.boxes[0].tolist() == [10, 4, 40, 44]
    assert data.affect[0, 0] == pytest.approx(-0.4)
    assert np.isnan(data.affect[0, 1])


def test_affectnet_refuses_a_path_out_of_the_set(tmp_path: Path) -> None:
    """A table can't lead to a picture elsewhere."""
    write_affectnet_full(tmp_path, name="../secret.jpg")

    with pytest.raises(MediaError, match="leads out of the set"):
        affectnet.load(tmp_path)


def test_affectnet_refuses_what_it_doesn_t_know(tmp_path: Path) -> None:
    """No layout, another part, a table without a column, a picture or a number that isn't there."""
    with pytest.raises(MediaError, match=r"neither val_set nor validation\.csv"):
        affectnet.load(tmp_path)
    with pytest.raises(ConfigError):
        affectnet.load(tmp_path, "test")
    (tmp_path / "validation.csv").write_text("expression\n1\n")
    with pytest.raises(MediaError, match="lacks the column subDirectory_filePath"):
        affectnet.load(tmp_path)
    (tmp_path / "validation.csv").write_text(f"{AFFECTNET_HEADER}\nx.jpg,0,0,1,1,,1,0,0\n")
    with pytest.raises(MediaError, match="line 2: the picture isn't there"):
        affectnet.load(tmp_path)
    write_affectnet_reduced(tmp_path)
    (tmp_path / "val_set" / "annotations" / "0_aro.npy").write_bytes(b"cut")
    with pytest.raises(MediaError, match=r"0_aro.npy"):
        affectnet.load(tmp_path)


def test_rafdb(tmp_path: Path) -> None:
    """The test part alone, own numbers as ours."""
    data = rafdb.load(write_rafdb(tmp_path))

    assert [EMOTIONS[i] for i in data.classes] == ["happiness", "neutral"]
    assert [path.name for path in data.pictures] == [
        "test_0001_aligned.jpg", "test_0002_aligned.jpg",
    ]  # fmt: skip
    assert len(rafdb.load(tmp_path, "train")) == 1


@pytest.mark.parametrize("line", ["test_0001.jpg", "test_0001.jpg 8", "test_0001.jpg five"])
def test_rafdb_refuses_a_foreign_line(tmp_path: Path, line: str) -> None:
    """Anything but `NAME.jpg 1-7` is refused by line."""
    write_rafdb(tmp_path)
    (tmp_path / "EmoLabel" / "list_patition_label.txt").write_text(line + "\n")

    with pytest.raises(MediaError, match="line 1"):
        rafdb.load(tmp_path)


def test_rafdb_refuses_a_missing_picture(tmp_path: Path) -> None:
    """A label without its picture is refused, not skipped."""
    write_rafdb(tmp_path)
    (tmp_path / "Image" / "aligned" / "test_0002_aligned.jpg").unlink()

    with pytest.raises(MediaError, match=r"test_0002_aligned\.jpg is missing"):
        rafdb.load(tmp_path)
    with pytest.raises(ConfigError):
        rafdb.load(tmp_path, "valid")


def test_ferplus_tables(tmp_path: Path) -> None:
    """Rows of one usage, side by side; a row without a picture's name is skipped."""
    data = ferplus.read_csv(write_ferplus_tables(tmp_path))

    assert data.images.shape == (1, 48, 48)
    assert data.votes[0].tolist() == [1, 8, 0, 0, 1, 0, 0, 0, 0, 0]
    assert len(ferplus.read_csv(tmp_path, "train")) == 1
    with pytest.raises(MediaError, match="no row of the part test"):
        ferplus.read_csv(tmp_path, "test")


def test_ferplus_tables_that_don_t_belong_together(tmp_path: Path) -> None:
    """Another number of rows, another usage, or too few pixels is refused."""
    write_ferplus_tables(tmp_path)
    pictures = tmp_path / "fer2013.csv"
    whole = pictures.read_text()
    pictures.write_text(whole.replace("PublicTest", "PrivateTest"))
    with pytest.raises(MediaError, match="different usages"):
        ferplus.read_csv(tmp_path)
    pictures.write_text("\n".join(whole.splitlines()[:-1]))
    with pytest.raises(MediaError, match="number of rows"):
        ferplus.read_csv(tmp_path)
    pictures.write_text(whole.replace("7 7 7 7", "7 7"))
    with pytest.raises(MediaError, match="48 x 48 pixels"):
        ferplus.read_csv(tmp_path)


def test_ferplus_majority_needs_more_than_half() -> None:
    """Single votes are dropped, half isn't enough, unknown never wins."""
    votes = np.zeros((4, 10), np.uint8)
    votes[0, [1, 0]] = 6, 4
    votes[1, [1, 0]] = 5, 5
    votes[2, [8, 0]] = 8, 2
    votes[3, [2, 0, 3, 4]] = 3, 1, 1, 1

    assert ferplus.majority_of(votes).tolist() == [1, -1, -1, 2]


def test_ferplus_rows_without_a_face_are_unusable() -> None:
    """`NF` by most, or no vote that counts: not a picture to score."""
    votes = np.zeros((3, 10), np.uint8)
    votes[0, 1] = 9
    votes[1, [9, 0]] = 7, 3
    votes[2, [1, 2]] = 1, 1

    assert ferplus.usable(votes).tolist() == [True, False, False]
    assert ferplus.distribution(votes[:1]).sum() == 1


def test_ferplus_columns_are_ordered_by_name() -> None:
    """Votes in another order are brought into ours; other names are refused."""
    names = list(reversed(ferplus.VOTES))

    ordered = ferplus.ordered(np.arange(10, dtype=np.uint8)[None], names)

    assert ordered[0, 0] == 9
    with pytest.raises(MediaError):
        ferplus.ordered(np.zeros((1, 10), np.uint8), [*names[:-1], "joy"])


def test_training_and_evaluation_keep_out_the_same_people() -> None:
    """The held-out rule is the same on both sides."""
    from agent.evaluation.seen import held_out
    from training.data.lfw import held_out as of_training

    names = [f"Person_{number}" for number in range(500)]

    assert held_out(names).tolist() == of_training(names).tolist()
    assert 20 < held_out(names).sum() < 90


def test_own_pictures_by_class_and_person(tmp_path: Path) -> None:
    """A folder per class, below it one per person; other folders are told and left out."""
    data = pictures.load(write_pictures(tmp_path))

    assert [EMOTIONS[i] for i in data.classes] == ["neutral", "happiness", "happiness"]
    assert data.persons.tolist() == ["anna", "anna", "ben"]
    assert "1 folders" in data.notes[0]


def test_own_pictures_without_persons(tmp_path: Path) -> None:
    """Where one picture belongs to nobody, nobody is known: each picture is its own unit."""
    write_pictures(tmp_path)
    write_picture(tmp_path / "neutral" / "x.png")

    assert not len(pictures.load(tmp_path).persons)


def test_own_pictures_need_a_class(tmp_path: Path) -> None:
    """A folder of kitchens isn't a set, and such a set has no parts."""
    (tmp_path / "kitchen").mkdir()
    with pytest.raises(MediaError, match="called after an expression"):
        pictures.load(tmp_path)
    with pytest.raises(ConfigError):
        pictures.load(tmp_path, "test")


def test_own_codes(tmp_path: Path) -> None:
    """One table: AUs by their number, empty is unknown, pictures of a person stay together."""
    data = codes.load(write_codes(tmp_path))

    assert data.labels == ("AU04", "AU12")
    anna, ben = data.sequences
    assert (anna.subject, len(anna.pictures), anna.still) == ("anna", 2, True)
    assert np.isnan(anna.values[1, 1])
    assert ben.values.tolist() == [[0, 5]]
    assert "1 columns" in data.notes[0]
    assert codes.load(tmp_path / "labels.csv").labels == data.labels


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("../x.png,anna,0,1,1", "must lie below"),
        ("faces/gone.png,anna,0,1,1", "isn't there"),
        ("faces/a.png,anna,0,6,1", "0 to 5"),
        ("faces/a.png,anna,0,much,1", "a number is expected"),
    ],
)
def test_own_codes_refuse_a_foreign_row(tmp_path: Path, row: str, words: str) -> None:
    """A path out of the folder, a missing picture, another scale: refused by line."""
    write_codes(tmp_path)
    table = tmp_path / "labels.csv"
    table.write_text(f"{table.read_text()}{row}\n")

    with pytest.raises(MediaError, match=f"line 5: .*{words}"):
        codes.load(tmp_path)


def test_own_codes_need_their_columns(tmp_path: Path) -> None:
    """Without a picture's path, or without any AU that is measured, there is nothing to score."""
    write_codes(tmp_path, header="file,subject,au4,au12,au99")
    with pytest.raises(MediaError, match="needs the column image_path"):
        codes.load(tmp_path)
    (tmp_path / "labels.csv").write_text("image_path,au99\nfaces/a.png,1\n")
    with pytest.raises(MediaError, match="au1, au2"):
        codes.load(tmp_path)
