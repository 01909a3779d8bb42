"""Processes that draw batches ahead, into memory that they share with the trainer.

Drawing one sample takes milliseconds of one core; a GPU learns faster than one process draws.
Batch `i` is drawn by process `i modulo workers`, and is handed out in order, so the order doesn't
depend on who is fast. The memory is anonymous and inherited by fork: no file, no /dev/shm.
"""

from __future__ import annotations

import mmap
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Self

import numpy as np
import numpy.typing as npt

Arrays = tuple[npt.NDArray[np.generic], ...]
Draw = Callable[[tuple[int, int]], Arrays]

DEPTH = 2
"""Batches that each process may be ahead."""


def shared(shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """Make an array of zeros that processes forked later share."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, max(size, 1)), dtype, count=int(np.prod(shape))).reshape(
        tuple(shape)
    )


@dataclass(frozen=True, slots=True)
class Worker:
    """One process, its end of the pipe, and the places that it fills."""

    process: BaseProcess
    pipe: Connection
    places: tuple[Arrays, ...]


class Crew:
    """Draws batches in processes; a context manager that ends them.

    Args:
        draw: makes one batch from (seed, step), always of the shapes of the first one.
        workers: processes.
    """

    def __init__(self, draw: Draw, workers: int) -> None:
        like = draw((0, 0))
        context = multiprocessing.get_context("fork")
        self._workers: list[Worker] = []
        for _ in range(workers):
            places = tuple(
                tuple(shared(part.shape, part.dtype) for part in like) for _ in range(DEPTH)
            )
            here, there = context.Pipe()
            others = [here, *(worker.pipe for worker in self._workers)]
            process = context.Process(
                target=_serve, args=(draw, there, places, others), daemon=True
            )
            process.start()
            there.close()
            self._workers.append(Worker(process, here, places))

    def batches(self, seed: int, steps: int) -> Iterator[Arrays]:
        """Yield the batches (seed, 0) to (seed, steps - 1), each a copy.

        Raises:
            RuntimeError: a process failed.
        """
        count = len(self._workers)
        asked = min(steps, count * DEPTH)
        for step in range(asked):
            self._workers[step % count].pipe.send((seed, step))
        received = 0
        try:
            for step in range(steps):
                worker = self._workers[step % count]
                failure, received = worker.pipe.recv(), step + 1
                if failure is not None:
                    raise RuntimeError(f"drawing failed: {failure}")
                place = worker.places[(step // count) % DEPTH]
                batch = tuple(part.copy() for part in place)
                if asked < steps:
                    worker.pipe.send((seed, asked))
                    asked += 1
                yield batch
        finally:  # one who stops early leaves nothing in the pipes
            for step in range(received, asked):
                if self._workers[step % count].pipe.recv() is not None:
                    break

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes, which have nothing to save.

        By force: a trainer's own handler for SIGTERM is inherited, and would let them live.
        """
        for worker in self._workers:
            worker.pipe.close()
            worker.process.kill()
            worker.process.join()


def _serve(
    draw: Draw, pipe: Connection, places: tuple[Arrays, ...], others: Sequence[Connection]
) -> None:
    """Fill places in turns until the pipe closes.

    Args:
        draw: makes one batch.
        pipe: this process's end.
        places: where its batches go.
        others: the trainer's ends, inherited; open here, they would hide that the trainer is gone.
    """
    for other in others:
        other.close()
    turn, last = 0, -1
    while True:
        try:
            seed, step = pipe.recv()
        except EOFError:
            return
        if step <= last:  # a new epoch starts at the first place
            turn = 0
        last = step
        try:
            for place, part in zip(places[turn % DEPTH], draw((seed, step)), strict=True):
                place[...] = part  # type: ignore[index]
        except Exception as error:  # noqa: BLE001 - told to the trainer, which stops
            pipe.send(f"{type(error).__name__}: {error}")
            continue
        turn += 1
        pipe.send(None)
