"""Do shares of wrong labels differ between groups, or is it chance? Pure.

Rules:
- clips are asked by several kinds of groups at once (place, hour, distance, light, turn), so the
  chance that is given for a kind is that of *any* kind looking at least so different where nothing
  differs: whoever looks at all of them is misled in one case of twenty, not in every second one;
- labels are dealt anew among the same clips, thousands of times. That needs no assumption about
  small numbers, keeps each clip's weight, and knows that far faces are often also in the yard;
- "no evidence" is never "equal". So it comes with the difference that would probably have been
  noticed: with few clips that is a large one;
- a group under `FEWEST` clips takes no part, and a kind with fewer than two groups says nothing.

Clips are taken as independent of each other; those of one visit aren't quite.

Source: Westfall & Young 1993, single-step maxT; Phipson & Smyth 2010 for the plus one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from agent.evaluation.agreement import FEWEST, Z

CHANCE = 0.05
POWER_Z = 0.841621
"""80 % point of the normal distribution: noticed four times out of five."""
DEALS = 4999
AT_ONCE = 250
"""Deals that are held in memory together."""
SEED = 20261127
"""The same clips always give the same answer."""
_TINY = 1e-9

K = TypeVar("K", bound=str)
Array = npt.NDArray[np.float64]


class Said(StrEnum):
    """What may be said of one kind of groups."""

    DIFFERENT = "different"
    NO_EVIDENCE = "no-evidence"
    TOO_FEW = "too-few"


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of groups.

    Attributes:
        said: what may be said.
        chance: how often chance alone makes any kind look at least so different, (0, 1]; None with
            too few.
        noticeable: difference of two shares, 0-1, that would be noticed four times out of five;
            None with too few.
        clips: that took part.
    """

    said: Said
    chance: float | None
    noticeable: float | None
    clips: int


@dataclass(frozen=True, slots=True)
class _Contrast:
    """One group beside the others of its kind.

    Attributes:
        kind: of group.
        weights: (N,), what a wrong label of each clip adds to the difference of the two shares.
        scale: standard error of that difference, where a single label's is 1.
    """

    kind: str
    weights: Array
    scale: float


def compare(
    wrong: Sequence[bool],
    weight: Sequence[float],
    groups: Mapping[K, Sequence[str | None]],
    deals: int = DEALS,
) -> dict[K, Compared]:
    """Compare shares by several kinds of groups at once.

    Args:
        wrong: of each clip whether its label was.
        weight: of each clip, above 0: one over its probability of being drawn.
        groups: by kind, the group of each clip; None where it isn't known.
        deals: how often labels are dealt anew.

    Returns:
        For each kind what may be said.

    Raises:
        ValueError: the lists aren't equally long, or a weight isn't above 0.
    """
    label, weights = np.array(wrong, np.float64), np.array(weight, np.float64)
    if any(len(one) != len(label) for one in (weights, *groups.values())):
        raise ValueError("each clip has one answer, one weight and one group of each kind")
    if not (weights > 0).all():
        raise ValueError("a weight lies above 0")
    shown = {kind: _large(names) for kind, names in groups.items()}
    contrasts = [c for kind, names in shown.items() for c in _contrasts(kind, names, weights)]
    told = {
        kind: Compared(Said.TOO_FEW, None, None, sum(one is not None for one in names))
        for kind, names in shown.items()
    }
    if not contrasts:
        return told
    found = _sizes(label[None], contrasts)[0]
    chances, needed = _deal(label, contrasts, found, deals)
    share = _share(label, weights)
    # Where nobody was wrong every deal is the same, and says nothing of what would be needed.
    needed = max(needed / _spread(share), Z)
    for kind in shown:
        mine = [place for place, contrast in enumerate(contrasts) if contrast.kind == kind]
        if mine:
            chance = min(chances[place] for place in mine)
            scale = max(contrasts[place].scale for place in mine)
            said = Said.DIFFERENT if chance < CHANCE else Said.NO_EVIDENCE
            told[kind] = Compared(said, chance, _noticeable(share, needed, scale), told[kind].clips)
    return told


def _large(names: Sequence[str | None]) -> list[str | None]:
    """Return the groups with enough clips; None in the place of the others."""
    counts = Counter(name for name in names if name is not None)
    return [name if name is not None and counts[name] >= FEWEST else None for name in names]


def _contrasts(kind: str, names: Sequence[str | None], weights: Array) -> Iterator[_Contrast]:
    different = sorted({name for name in names if name is not None})
    if len(different) < 2:
        return
    known = np.array([name is not None for name in names])
    for name in different[: 1 if len(different) == 2 else None]:
        mine = np.array([one == name for one in names])
        parts = [np.where(part, weights, 0.0) for part in (mine, known & ~mine)]
        # Kish's effective number: unequal weights know less than equally many equal ones.
        scale = math.sqrt(sum(float((p**2).sum() / p.sum() ** 2) for p in parts))
        yield _Contrast(kind, parts[0] / parts[0].sum() - parts[1] / parts[1].sum(), scale)


def _sizes(labels: Array, contrasts: Sequence[_Contrast]) -> Array:
    """Return how far apart shares are, in units of their uncertainty, (deals, contrasts)."""
    weights = np.stack([contrast.weights for contrast in contrasts], axis=1)
    found: Array = np.abs(labels @ weights) / np.array([contrast.scale for contrast in contrasts])
    return found


def _deal(
    label: Array, contrasts: Sequence[_Contrast], found: Array, deals: int
) -> tuple[list[float], float]:
    """Return each contrast's chance among all of them, and what one deal in twenty exceeds."""
    dice = np.random.default_rng(SEED)
    largest = np.concatenate([
        _sizes(dice.permuted(np.tile(label, (count, 1)), axis=1), contrasts).max(axis=1)
        for count in _lots(deals)
    ])  # fmt: skip
    chance = [float((1 + (largest >= size - _TINY).sum()) / (deals + 1)) for size in found.tolist()]
    return chance, float(np.quantile(largest, 1 - CHANCE))


def _lots(deals: int) -> Iterator[int]:
    while deals > 0:
        yield min(deals, AT_ONCE)
        deals -= AT_ONCE


def _share(label: Array, weights: Array) -> float:
    """Return the share of wrong labels, never quite 0 or 1 (Agresti & Coull 1998)."""
    return (float(label @ weights / weights.sum()) * len(label) + 2) / (len(label) + 4)


def _spread(share: float) -> float:
    return math.sqrt(share * (1 - share))


def _noticeable(share: float, needed: float, scale: float) -> float:
    """Return the difference of two shares that four of five samples would show.

    The share is the better group's; the worse one's is so much further, and spreads more.
    """
    found = 0.0
    for _ in range(30):
        middle = min(0.5, share + found / 2) if share < 0.5 else max(0.5, share - found / 2)
        found = min(1.0, (needed + POWER_Z) * scale * _spread(middle))
    return found
