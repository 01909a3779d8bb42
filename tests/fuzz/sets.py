"""Tables of face sets that somebody hands to `omokage evaluate` and to training."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from agent.evaluation.datasets import affectnet, bp4d, codes, disfa, disfaplus, ferplus, rafdb
from tests.fuzz.target import Target, folder
from tests.unit.evaluation import sets


def laid_out(name: str, write: Callable[[Path], Path]) -> Path:
    """Return a folder with a small made-up set in its published layout; made once."""
    place = folder() / name
    if not place.exists():
        write(place)
    return place


def in_set(
    name: str, write: Callable[[Path], Path], load: Callable[[Path], object], *broken: str
) -> Target:
    """Return a target that puts its bytes in the place of one file of a set, which is then read.

    Args:
        name: of the set's folder.
        write: makes the set in a folder.
        load: reads the set.
        broken: files of the set; the first byte chooses one of several.
    """

    def whole() -> list[bytes]:
        place = folder() / f"{name}-whole"
        if not place.exists():
            write(place)
        return [(place / file).read_bytes() for file in broken]

    def read(content: bytes) -> object:
        place, sound = laid_out(name, write), whole()
        chosen = content[0] % len(broken) if len(broken) > 1 and content else 0
        for number, file in enumerate(broken):
            own = content[1:] if len(broken) > 1 else content
            (place / file).write_bytes(own if number == chosen else sound[number])
        return load(place)

    def seeds() -> Sequence[bytes]:
        many = len(broken) > 1
        return [bytes([i]) + raw if many else raw for i, raw in enumerate(whole())]

    return Target(read, seeds)


def write_codes(place: Path) -> Path:
    """Write own codes, in a folder that may be there already."""
    shutil.rmtree(place, ignore_errors=True)
    return sets.write_codes(place)


FERPLUS = partial(ferplus.read_csv, part="valid")
SETS: dict[str, Target] = {
    "codes": in_set("codes", write_codes, codes.load, "labels.csv"),
    "affectnet": in_set("affect", sets.write_affectnet_full, affectnet.load, "validation.csv"),
    "affectnet-npy": in_set(
        "affect-reduced", sets.write_affectnet_reduced, affectnet.load,
        "val_set/annotations/0_exp.npy", "val_set/annotations/0_val.npy",
    ),
    "bp4d": in_set("bp4d", sets.write_bp4d, bp4d.load, "AUCoding/AU_OCC/F001_T1.csv"),
    "disfa": in_set(
        "disfa", sets.write_disfa, disfa.load, "ActionUnit_Labels/SN001/SN001_au4.txt"
    ),
    "disfaplus": in_set(
        "disfaplus", sets.write_disfaplus, disfaplus.load, "Labels/SN001/A1/AU12.txt"
    ),
    "rafdb": in_set("rafdb", sets.write_rafdb, rafdb.load, "EmoLabel/list_patition_label.txt"),
    "ferplus": in_set("ferplus", sets.write_ferplus_tables, FERPLUS, *ferplus.CSV_FILES),
}  # fmt: skip
