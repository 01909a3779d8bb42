"""Which Action Units a picture can't show: behind a mask, dark lenses, a hand, the head's turn.

Such a label is exact and still can't be learned: it is left out of the loss and of the score of
what can be seen. Pure.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_SIDE_LABELS

Array = npt.NDArray[np.float32]

DARK_LENS = 0.45
"""Cover of a lens from which the eye behind it counts as hidden."""

FAR_TURN = 38.0
"""Degrees of yaw from which the far side counts as hidden."""

_BROW = {"L": (22, 23, 24, 25, 26), "R": (17, 18, 19, 20, 21)}
_EYE = {"L": (42, 43, 44, 45, 46, 47), "R": (36, 37, 38, 39, 40, 41)}
_LID = {"L": (46, 47, 45, 42), "R": (41, 40, 36, 39)}
_NOSE = {"L": (27, 28, 29, 35), "R": (27, 28, 29, 31)}
_UPPER = {"L": (51, 52, 53), "R": (49, 50, 51)}
_CORNER = {"L": (53, 54, 55), "R": (48, 49, 59)}
_SIDED = {
    "AU01": _BROW, "AU02": _BROW, "AU04": _BROW, "AU05": _EYE, "AU06": _LID, "AU07": _EYE,
    "AU09": _NOSE, "AU10": _UPPER, "AU12": _CORNER, "AU14": _CORNER, "AU15": _CORNER,
    "AU20": _CORNER, "AU45": _EYE,
}  # fmt: skip
_LIPS = tuple(range(48, 60))
_WHOLE = {"AU17": (7, 8, 9, 56, 57, 58)}

REGIONS: tuple[tuple[int, ...], ...] = tuple(
    _SIDED[label[:4]][label[-1]] if "_" in label else _WHOLE.get(label, _LIPS)
    for label in AU_SIDE_LABELS
)
"""For each of the 32 outputs, the Multi-PIE landmarks about which it shows."""

_BEHIND_LENSES = np.array([label[:4] in ("AU05", "AU07", "AU45") for label in AU_SIDE_LABELS])
_LEFT = np.array([label.endswith("_L") for label in AU_SIDE_LABELS])
_RIGHT = np.array([label.endswith("_R") for label in AU_SIDE_LABELS])


def hidden_units(
    cover: Array, landmarks: Array, *, lens: float, yaw: float
) -> npt.NDArray[np.bool_]:
    """Tell which outputs can't be read: half of their landmarks or more are covered.

    Args:
        cover: float32 (H, W), 0 free to 1 covered.
        landmarks: float32 (68, 2), its pixels.
        lens: cover of the glasses, 0 where none are worn.
        yaw: of the head, degrees, positive to the subject's left.

    Returns:
        bool (32,).
    """
    height, width = cover.shape
    cells = np.round(landmarks).astype(int)
    x, y = np.clip(cells[:, 0], 0, width - 1), np.clip(cells[:, 1], 0, height - 1)
    covered = cover[y, x] > 0.5
    hidden = np.array([covered[list(region)].mean() >= 0.5 for region in REGIONS])
    if lens >= DARK_LENS:
        hidden |= _BEHIND_LENSES
    # A head turned to its own left shows its right side, and the other way round.
    if yaw > FAR_TURN:
        hidden |= _LEFT
    elif yaw < -FAR_TURN:
        hidden |= _RIGHT
    return hidden
