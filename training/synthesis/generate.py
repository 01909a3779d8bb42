"""Render a labelled set of faces.

`python -m training.synthesis.generate --model FILE.npz --out DIR --count N --seed S --workers W`

Shards of 2,000 renders, `shard_00000.npz` and on; `--part` draws only the people of one side of the
split, and its shards are smaller. A run that was stopped resumes with the shards that are missing.
`training/data/renders.py` reads them and states every array.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.renders import HELD_OUT_EVERY
from training.synthesis.sample import person_at, person_of, scene_at

SHARD_SIZE = 2000


def shard_path(folder: Path, number: int) -> Path:
    """Name shard `number`."""
    return folder / f"shard_{number:05d}.npz"


PARTS = ("all", "train", "held_out")
"""Whose renders are drawn: everybody's, or one side's of the split by identity."""


def belongs(index: int, part: str) -> bool:
    """Tell whether a render's person is in a part of the split."""
    return part == "all" or (person_of(index) % HELD_OUT_EVERY == 0) == (part == "held_out")


def render_shard(
    model_path: Path, seed: int, start: int, stop: int, part: str = "all"
) -> dict[str, npt.NDArray[np.generic]]:
    """Render the examples `start` to `stop` of a seed; the same ones whoever asks.

    Returns:
        The arrays of a shard.
    """
    # Imported here so that each worker process opens its own OpenGL context.
    from training.synthesis.face_model import FaceModel
    from training.synthesis.studio import Studio

    studio = Studio(FaceModel.load(model_path))
    shots, people, tones = [], [], []
    seated = -1
    for index in range(start, stop):
        if not belongs(index, part):
            continue
        number = person_of(index)
        if number != seated:
            studio.seat(studio.prepare(person_at(seed, number, studio.model.identity_size)))
            seated = number
        shots.append(studio.shoot(scene_at(seed, index, studio.person.skin)))
        people.append(number)
        tones.append(studio.person.skin.tone)
    return {
        "faces": np.stack([shot.face for shot in shots]),
        "landmarks": np.stack([shot.landmarks for shot in shots]).astype(np.float16),
        "au": np.stack([shot.au for shot in shots]).astype(np.float16),
        "pose": np.array([shot.pose for shot in shots], np.float16),
        "gaze": np.array([shot.gaze for shot in shots], np.float16),
        "identity": np.array(people, np.int32),
        "skin": np.array(tones, np.float16),
        "flags": np.array([shot.flags for shot in shots], np.uint8),
        "quality": np.array([shot.quality for shot in shots], np.float16),
        "hidden": np.stack([shot.hidden for shot in shots]),
    }


def write_shard(job: tuple[Path, Path, int, int, int, str]) -> str:
    """Render and write one shard whole or not at all; return a line for the log."""
    model_path, target, seed, start, stop, part = job
    arrays = render_shard(model_path, seed, start, stop, part)
    unfinished = target.with_suffix(".partial")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    unfinished.replace(target)
    return f"{target.name}: {len(arrays['faces'])} renders"


def generate(
    model_path: Path, folder: Path, count: int, seed: int, workers: int, part: str = "all"
) -> None:
    """Render all shards of a set that aren't there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (model_path, shard_path(folder, number), seed, start, min(start + SHARD_SIZE, count), part)
        for number, start in enumerate(range(0, count, SHARD_SIZE))
        if not shard_path(folder, number).exists()
    ]
    # Software OpenGL and BLAS would start a thread per core in every worker.
    for name in ("LP_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    with multiprocessing.get_context("spawn").Pool(workers, maxtasksperchild=1) as pool:
        for line in pool.imap_unordered(write_shard, jobs):
            print(line, flush=True)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description="Render a labelled set of faces.")
    parser.add_argument("--model", type=Path, required=True, help="face model, .npz")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--count", type=int, required=True, help="number of renders")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--part", choices=PARTS, default="all", help="side of the split")
    options = parser.parse_args()
    generate(options.model, options.out, options.count, options.seed, options.workers, options.part)


if __name__ == "__main__":
    main()
