"""Read the files of a set: arrays, zipped pictures, folders; every refusal names the file.

Nothing here is written, and a file from elsewhere is never trusted: arrays are read without
pickles, sizes are checked before use.
"""

from __future__ import annotations

import csv
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from agent.capture.files import PICTURE_SUFFIXES, decode_picture, media_files
from agent.errors import MediaError
from agent.evaluation.tables import DAMAGED

Image = npt.NDArray[np.uint8]

_CHUNK = 1 << 20


def read_arrays(path: Path, shapes: Mapping[str, tuple[int | None, ...]]) -> dict[str, Any]:
    """Read named arrays of an `.npz` file.

    Args:
        path: the file.
        shapes: what must be there; None stands for any length, and the first axis must be as
            long in every array.

    Returns:
        All arrays of the file, the named ones checked.

    Raises:
        MediaError: missing, empty, cut, not an .npz file, or without one of the arrays.
    """
    try:
        # Opened here: numpy leaves a file open that turns out to be something else.
        with path.open("rb") as raw:
            file = np.load(raw, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise MediaError(f"{path.name} holds one bare array, not named ones (.npz)")
            found = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise MediaError(f"{path.name} doesn't exist") from None
    except OSError as error:
        raise MediaError(f"{path.name} can't be read ({error.strerror or 'damaged'})") from error
    except DAMAGED as error:
        raise MediaError(f"{path.name} isn't a complete .npz file") from error
    _check_shapes(path.name, found, shapes)
    return found


def _check_shapes(
    name: str, found: Mapping[str, Any], shapes: Mapping[str, tuple[int | None, ...]]
) -> None:
    lengths = set()
    for key, shape in shapes.items():
        if key not in found:
            raise MediaError(f"{name} lacks the array {key}", advice="Check the set's layout.")
        actual = found[key].shape
        fits = len(actual) == len(shape) and all(
            want in {None, size} for want, size in zip(shape, actual, strict=True)
        )
        if not fits:
            wanted = " x ".join("N" if size is None else str(size) for size in shape)
            raise MediaError(f"{name}: {key} is {actual}, it should be {wanted}")
        lengths.add(actual[0])
    if len(lengths) > 1:
        raise MediaError(f"{name}: its arrays differ in length")
    if lengths == {0}:
        raise MediaError(f"{name} holds no example")


def set_folder(path: Path) -> Path:
    """Return the folder of a set that is named by its folder, or by one of its files.

    Raises:
        MediaError: there is no such file.
    """
    if not path.exists():
        raise MediaError(f"{path.name} doesn't exist")
    return path if path.is_dir() else path.parent


def set_table(path: Path, columns: Sequence[str]) -> Path | None:
    """Find the table of a set: the named one, `labels.csv`, or the folder's only one.

    Args:
        path: the set's folder, or one of its files.
        columns: that a table of another name must have to be taken for it.

    Returns:
        The table, unchecked but for that; None where there is none.
    """
    if path.is_file() and path.suffix.lower() == ".csv":
        return path
    usual = set_folder(path) / "labels.csv"
    if usual.exists():
        return usual
    alone = [file for file in sorted(usual.parent.glob("*.csv")) if _has(file, columns)]
    return alone[0] if len(alone) == 1 else None


def _has(table: Path, columns: Sequence[str]) -> bool:
    try:
        with table.open(newline="", encoding="utf-8") as file:
            return set(columns) <= set(next(csv.reader(file), []))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


class Pictures:
    """Pictures by name, out of a folder's `images.zip`, or its only zip file, or the folder."""

    def __init__(self, folder: Path) -> None:
        """Open the archive where there is one.

        Raises:
            MediaError: it isn't a zip file.
        """
        self._folder = folder
        self._archive: zipfile.ZipFile | None = None
        self._name = "images.zip"
        archives = sorted(folder.glob("*.zip"))
        if len(archives) == 1:
            self._name = archives[0].name
        archive = folder / self._name
        if archive.exists():
            try:
                self._archive = zipfile.ZipFile(archive)
            except (zipfile.BadZipFile, OSError) as error:
                raise MediaError(f"{archive.name} isn't a complete zip file") from error

    def close(self) -> None:
        """Close the archive."""
        if self._archive is not None:
            self._archive.close()

    def gray(self, name: str) -> Image:
        """Decode one picture, uint8 (H, W).

        Raises:
            MediaError: it is missing or damaged.
        """
        if self._archive is None:
            return to_gray(decode_picture(self._folder / name))
        try:
            coded = np.frombuffer(self._archive.read(name), np.uint8)
            decoded = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
        except (*DAMAGED, OSError, cv2.error) as error:
            raise MediaError(f"{self._name}: {name} is missing or damaged") from error
        if decoded is None:
            raise MediaError(f"{self._name}: {name} can't be decoded")
        return np.asarray(decoded, np.uint8)


def to_gray(picture: Image) -> Image:
    """Return uint8 (H, W) of BGR (H, W, 3)."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def picture_files(folder: Path) -> list[Path]:
    """List a folder's pictures, below it too; of a picture, itself.

    Raises:
        MediaError: the folder isn't there, or holds none.
    """
    if folder.is_file() and folder.suffix.lower() in PICTURE_SUFFIXES:
        return [folder]
    require_folder(folder)
    found = [path for path in media_files(folder) if path.suffix.lower() in PICTURE_SUFFIXES]
    if not found:
        raise MediaError(f"{folder.name} holds no picture")
    return found


def require_folder(path: Path) -> None:
    """Refuse what isn't a folder.

    Raises:
        MediaError: it is missing or a file.
    """
    if not path.exists():
        raise MediaError(f"{path.name} doesn't exist")
    if not path.is_dir():
        raise MediaError(f"{path.name} is a file, not a folder")


def digest(path: Path) -> str:
    """Return a file's SHA-256.

    Raises:
        MediaError: it can't be read.
    """
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(_CHUNK):
                found.update(part)
    except OSError as error:
        raise MediaError(f"{path.name} can't be read ({error.strerror})") from error
    return found.hexdigest()
