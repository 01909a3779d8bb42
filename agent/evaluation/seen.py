"""Which parts the shipped weights have seen in training, recognised by content.

A score on a part that was trained on says nothing about new faces, so it is flagged; a part that
is half trained on is cut down to the half that was kept out. Files are told by their SHA-256,
whatever they are called.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.errors import ConfigError

AUTO, HELD_OUT, ALL = "auto", "held-out", "all"
PERSONS = (AUTO, HELD_OUT, ALL)


@dataclass(frozen=True, slots=True)
class Seen:
    """A known file.

    Attributes:
        what: name of the part.
        partly: whether a tenth, by a hash of the name, was kept out of training.
        note: what a reader of a score must know.
    """

    what: str
    partly: bool
    note: str


KNOWN: dict[str, Seen] = {
    "092eaffef296c5ae842f39c741fccdb19381d42a83e55e45aa04d774e852c108": Seen(
        "FER+ training part", False,
        "SEEN: the shipped weights were trained on this file; the scores are flattered.",
    ),
    "e8b469c3b1dfb90f5d6d89597857050a8b3dba58577330697ff4d3a127d67875": Seen(
        "FER+ validation part", False,
        "Nothing was trained on this file; pictures of the same origin were trained on.",
    ),
    "113390c38b805a29dce6650f36f359e2fa857f4da6f288f41a077caf173d51bb": Seen(
        "LFW crops", True,
        "Nine tenths of the persons in this folder were trained on; the others are scored.",
    ),
    "73738ae2082f0f0dffc8b49bcf4caea56738a0f8213b49c9cd925f8dacc01967": Seen(
        "detector scenes", True,
        "Nine tenths of the pictures in this folder were trained on; the others are scored.",
    ),
}  # fmt: skip
"""By the SHA-256 of the file that defines the part."""


def held_out(names: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Say for each name whether it is in the tenth that training keeps out, bool (N,).

    The rule is that of `training.data.lfw`: CRC-32 of the name, divisible by ten.
    """
    return np.array([zlib.crc32(name.encode()) % 10 == 0 for name in names], np.bool_)


def chosen(
    names: Iterable[str], persons: str, known: Seen | None
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Choose the rows to score.

    Args:
        names: of the persons or files, one per row.
        persons: `auto` takes the kept-out tenth of a known training set and everything of an
            unknown one; `held-out` and `all` do as they say.
        known: what the set was recognised as.

    Returns:
        Which rows to score, bool (N,), and what a reader must know.

    Raises:
        ConfigError: nothing is left.
    """
    listed = list(names)
    partly = known is not None and known.partly
    if persons == ALL or (persons == AUTO and not partly):
        notes = []
        if known is not None:
            notes = ["SEEN: " + known.note.replace("the others are", "all are")] if partly else [
                known.note
            ]  # fmt: skip
        return np.ones(len(listed), np.bool_), notes
    rows = held_out(listed)
    if not rows.any():
        raise ConfigError(
            "nobody in this set belongs to the tenth that training keeps out",
            advice="For a set that training has never seen, say --persons all.",
        )
    return rows, [known.note if known else "Only the tenth that training keeps out is scored."]
