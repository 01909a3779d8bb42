"""Files of a set: what is missing, empty, cut or foreign is refused by name."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.errors import ConfigError, MediaError
from agent.evaluation.reading import Pictures, picture_files, read_arrays
from agent.evaluation.seen import ALL, AUTO, HELD_OUT, Seen, chosen, held_out
from agent.evaluation.tables import read_table
from tests.fakes import write_picture

if TYPE_CHECKING:
    from pathlib import Path

WANTED: dict[str, tuple[int | None, ...]] = {"images": (None, 48, 48), "votes": (None, 10)}


def arrays(count: int = 3) -> dict[str, np.ndarray]:
    """Arrays as a FER+ part has them."""
    return {"images": np.zeros((count, 48, 48), np.uint8), "votes": np.ones((count, 10), np.uint8)}


def test_named_arrays_are_read(tmp_path: Path) -> None:
    """What is asked for is checked, what else is there comes along."""
    np.savez(tmp_path / "a.npz", **arrays(), more=np.arange(2))

    assert set(read_arrays(tmp_path / "a.npz", WANTED)) == {"images", "votes", "more"}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The sentence says which file isn't there, without its folder."""
    with pytest.raises(MediaError, match=r"^gone\.npz doesn't exist$"):
        read_arrays(tmp_path / "gone.npz", WANTED)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive at all"])
def test_empty_and_foreign_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """Nothing, a beginning and something else aren't .npz files."""
    path = tmp_path / "a.npz"
    path.write_bytes(content)

    with pytest.raises(MediaError, match=r"a\.npz isn't a complete .npz file"):
        read_arrays(path, WANTED)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    """A file that a full disk cut short is refused."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **arrays(40))
    path.write_bytes(path.read_bytes()[:-300])

    with pytest.raises(MediaError):
        read_arrays(path, WANTED)


def test_a_damaged_array_is_refused(tmp_path: Path) -> None:
    """A flipped byte inside an array is found by the archive's checksum."""
    path = tmp_path / "a.npz"
    np.savez(path, **arrays())
    content = bytearray(path.read_bytes())
    content[2000] ^= 0xFF
    path.write_bytes(bytes(content))

    with pytest.raises(MediaError):
        read_arrays(path, WANTED)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    """An array of objects would run code when loaded; it is refused."""
    path = tmp_path / "a.npz"
    np.savez(path, images=np.array([{"a": 1}], dtype=object), votes=np.zeros((1, 10)))

    with pytest.raises(MediaError):
        read_arrays(path, WANTED)


def test_a_bare_array_is_refused(tmp_path: Path) -> None:
    """An .npy file isn't named arrays."""
    np.save(tmp_path / "a.npy", np.zeros(3))

    with pytest.raises(MediaError, match="one bare array"):
        read_arrays(tmp_path / "a.npy", WANTED)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"votes": np.ones((3, 9))}, r"votes is \(3, 9\), it should be N x 10"),
        ({"votes": np.ones((4, 10))}, "differ in length"),
        ({"images": np.zeros((0, 48, 48)), "votes": np.ones((0, 10))}, "holds no example"),
    ],
)
def test_other_shapes_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray], sentence: str
) -> None:
    """Another width, other lengths and nothing at all are told apart."""
    np.savez(tmp_path / "a.npz", **(arrays() | change))

    with pytest.raises(MediaError, match=sentence):
        read_arrays(tmp_path / "a.npz", WANTED)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    """The array that isn't there is named."""
    np.savez(tmp_path / "a.npz", images=arrays()["images"])

    with pytest.raises(MediaError, match="lacks the array votes"):
        read_arrays(tmp_path / "a.npz", WANTED)


def test_tables_are_checked(tmp_path: Path) -> None:
    """A missing table, an empty one, bytes, and a missing column are refused."""
    path = tmp_path / "labels.csv"
    with pytest.raises(MediaError, match="doesn't exist"):
        read_table(path, ["image"])
    path.write_text("image\n")
    with pytest.raises(MediaError, match="holds no row"):
        read_table(path, ["image"])
    path.write_bytes(b"\xff\xfe\x00image\n1\n")
    with pytest.raises(MediaError):
        read_table(path, ["image"])
    path.write_text("image\na.jpg\n")
    with pytest.raises(MediaError, match="lacks the column person"):
        read_table(path, ["image", "person"])


def test_pictures_come_from_a_folder_or_an_archive(tmp_path: Path) -> None:
    """The same picture, whether it lies in `images.zip` or beside the table."""
    write_picture(tmp_path / "a.png")
    loose = Pictures(tmp_path).gray("a.png")
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "a.png")

    zipped = Pictures(tmp_path)

    assert (zipped.gray("a.png") == loose).all()
    with pytest.raises(MediaError, match=r"images.zip: b\.png is missing"):
        zipped.gray("b.png")
    zipped.close()


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    """A zip file that isn't one, and a picture in it that isn't one."""
    (tmp_path / "images.zip").write_bytes(b"PK")
    with pytest.raises(MediaError, match="isn't a complete zip"):
        Pictures(tmp_path)
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("a.png", b"no picture")
    pictures = Pictures(tmp_path)
    with pytest.raises(MediaError, match="can't be decoded"):
        pictures.gray("a.png")
    pictures.close()


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    """An empty folder, a file and nothing at all are three sentences."""
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(MediaError, match="holds no picture"):
        picture_files(tmp_path)
    with pytest.raises(MediaError, match="is a file, not a folder"):
        picture_files(tmp_path / "a.txt")
    with pytest.raises(MediaError, match="doesn't exist"):
        picture_files(tmp_path / "gone")


NAMES = [f"P{number}" for number in range(100)]
HALF_SEEN = Seen("set", partly=True, note="Nine tenths were trained on; the others are scored.")


def test_a_known_training_set_is_cut_to_what_was_kept_out() -> None:
    """By itself the tool scores only people whom training never saw, and says so."""
    rows, notes = chosen(NAMES, AUTO, HALF_SEEN)

    assert rows.tolist() == held_out(NAMES).tolist()
    assert notes == [HALF_SEEN.note]


def test_an_unknown_set_is_scored_whole() -> None:
    """Nobody of a set that training doesn't know is left out."""
    rows, notes = chosen(NAMES, AUTO, None)

    assert rows.all()
    assert not notes


def test_scoring_people_who_were_trained_on_is_flagged() -> None:
    """Whoever insists on all of a training set reads SEEN beside the scores."""
    rows, notes = chosen(NAMES, ALL, HALF_SEEN)

    assert rows.all()
    assert notes[0].startswith("SEEN")


def test_nobody_left_is_refused() -> None:
    """A set of which nobody is kept out isn't scored silently as 0."""
    others = [name for name, held in zip(NAMES, held_out(NAMES), strict=True) if not held]

    with pytest.raises(ConfigError, match="keeps out"):
        chosen(others, HELD_OUT, None)
