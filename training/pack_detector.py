"""Put all that the detector's training reads into one small folder, to carry it to a GPU.

`python -m training.pack_detector --data DIR --labels DIR --out PACK` writes scenes and the faces to
paste as WebP of `QUALITY`. The persons of the held-out tenth stay out.
"""

from __future__ import annotations

import argparse
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from training.data import lfw
from training.data.detector_pasting import Pasted, pasted_from
from training.data.landmarks import five_points, load_labels

Image = npt.NDArray[np.uint8]

QUALITY = 80
"""Of the WebP pictures: faces and scenes are shrunk most of the time."""


def pasted_faces(data: Path, labels: Path) -> tuple[Image, npt.NDArray, npt.NDArray]:
    """Collect the LFW crops of training persons that both teachers agree to hold one face.

    Returns:
        Crops uint8 (N, 144, 144), boxes float32 (N, 4), points float32 (N, 5, 2).
    """
    crops = lfw.load(data / "lfw_crops")
    teacher = load_labels(labels / "lfw.npz")
    with np.load(labels / "lfw_boxes.npz") as file:
        box, usable = file["box"], file["usable"] & teacher.found & ~lfw.held_out(crops.persons)
    return crops.images[usable], box[usable], five_points(teacher.landmarks[usable])


def coded_small(image: Image) -> Image:
    """Code a gray picture; uint8 (bytes,)."""
    return np.asarray(
        cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1], np.uint8
    )


def smaller(coded: bytes) -> bytes:
    """Code a picture again where that makes it smaller."""
    image = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_GRAYSCALE)
    return min(coded, coded_small(np.asarray(image, np.uint8)).tobytes(), key=len)


def pack(data: Path, labels: Path, out: Path, most: int | None = None) -> int:
    """Write the folder; return its bytes.

    Args:
        data: folder of the data sets.
        labels: folder of the teachers' labels.
        out: folder to write.
        most: faces at most, drawn at random; None takes all.
    """
    (out / "scenes").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(data / "scenes" / "labels.csv", out / "scenes" / "labels.csv")
    with (
        zipfile.ZipFile(data / "scenes" / "images.zip") as source,
        zipfile.ZipFile(out / "scenes" / "images.zip", "w") as target,
    ):
        for name in source.namelist():
            target.writestr(name, smaller(source.read(name)))
    images, boxes, points = pasted_faces(data, labels)
    rows = np.sort(np.random.default_rng(0).permutation(len(images))[:most])
    coded = [coded_small(images[row]) for row in rows]
    np.savez(
        out / "faces.npz",
        coded=np.concatenate(coded),
        ends=np.cumsum([len(one) for one in coded]),
        boxes=boxes[rows],
        points=points[rows],
    )
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def packed_faces(folder: Path) -> Pasted:
    """Read the faces of a packed folder."""
    with np.load(folder / "faces.npz") as file:
        coded, ends = file["coded"], file["ends"]
        boxes, points = file["boxes"], file["points"]
    parts = np.split(coded, ends[:-1])
    images = np.stack([cv2.imdecode(part, cv2.IMREAD_GRAYSCALE) for part in parts])
    return pasted_from(images.astype(np.uint8), boxes, points)


def main() -> None:
    """Pack and print the size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faces", type=int, help="faces at most")
    arguments = parser.parse_args()
    size = pack(arguments.data, arguments.labels, arguments.out, arguments.faces)
    print(f"{arguments.out}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
