"""How much of the memory depends on the face that was looked at, in whatever form.

Two processes look at the same face, a third one at another. What the first two have in common and
the third hasn't, in units of 32 bytes, was made from the picture: pixels, a net's inner values,
landmarks, anything. No mark is needed, so it also sees what `omokage prove-discard` can't. It needs
the same numbers in the same order, so it isn't part of the certificate.

Run it as `python -m tests.benchmarks.bench_residue`; about a minute.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.proof.children import Child

ROOT = Path(__file__).resolve().parents[2]
UNIT = 32
FACE, OTHER = 60, 110
"""Numbers of two frames of the bundled clip with faces in them."""


def units(kind: str, number: int) -> npt.NDArray[np.uint64]:
    """Return a hash of each unit of a process's memory that isn't one value repeated."""
    program = Path(__file__).with_name("residue_subject.py")
    with Child((sys.executable, str(program), kind, str(number)), ROOT) as child:
        child.receive_files()
        assert child.hear() > 0, "no face was found"
        pieces = child.copy().pieces
        child.send(b"x")
    found = []
    for _, start, data in pieces:
        skip = -start % UNIT
        count = max(0, (len(data) - skip) // UNIT)
        words = np.frombuffer(data, np.uint64, count * 4, min(skip, len(data))).reshape(-1, 4)
        words = words[(words != words[:, :1]).any(1)]
        mixed = np.zeros(len(words), np.uint64)
        for column in range(4):
            mixed = (mixed ^ words[:, column]) * np.uint64(0x9E37_79B9_7F4A_7C15 + 2 * column)
            mixed ^= mixed >> np.uint64(29)
        found.append(mixed)
    return np.unique(np.concatenate(found))


def depends_on_the_face(kind: str) -> int:
    """Return how many bytes two looks at one face have in common and one at another hasn't."""
    common = np.intersect1d(units(kind, FACE), units(kind, FACE))
    return len(np.setdiff1d(common, units(kind, OTHER))) * UNIT


if __name__ == "__main__":
    for kind, words in (("careless", "own buffers wiped only"), ("careful", "as the agent is")):
        print(f"{words:<24} {depends_on_the_face(kind) >> 10} KB depend on the face")
