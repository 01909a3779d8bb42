"""Samples kept for a while and learned several times, each time in other company."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Arrays = tuple[npt.NDArray[np.generic], ...]


def mixed(batches: Iterator[Arrays], keep: int, reuse: int, seed: int) -> Iterator[Arrays]:
    """Yield each sample about `reuse` times, mixed with those of up to `keep` batches.

    Args:
        batches: of equal length, each part's first axis the samples.
        keep: batches held in memory; a new one takes the place of the oldest.
        reuse: batches yielded for each one that comes in.
        seed: of the mixing.
    """
    random = np.random.default_rng(seed)
    held: list[Arrays] = []
    for number, batch in enumerate(batches):
        if len(held) < keep:
            held.append(batch)
        else:
            held[number % keep] = batch
        size = len(batch[0])
        # Each batch is learned once as it comes, so that none is missed.
        yield batch
        for _ in range(reuse - 1):
            which, row = random.integers(len(held), size=size), random.integers(size, size=size)
            yield tuple(
                np.stack([held[i][part][j] for i, j in zip(which, row, strict=True)])
                for part in range(len(batch))
            )
