"""Folds in which nobody is trained on and tested: published ones, and a stated rule for others.

Every fold is checked when it is made; an overlap is an error and never a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Fold:
    """Who trains and who is tested.

    Attributes:
        number: from 1.
        train: subjects.
        test: subjects, none of them in `train`.
    """

    number: int
    train: frozenset[str]
    test: frozenset[str]

    def __post_init__(self) -> None:
        """Refuse an overlap, and a side without anybody."""
        require_disjoint(self.train, self.test)
        if not self.train or not self.test:
            raise ConfigError(f"fold {self.number} trains on or tests nobody")


def require_disjoint(*groups: Iterable[str]) -> None:
    """Refuse groups that share a subject.

    Raises:
        ConfigError: somebody is in two of them; nobody is named.
    """
    seen: set[str] = set()
    for group in groups:
        members = set(group)
        shared = seen & members
        if shared:
            raise ConfigError(
                f"{len(shared)} subjects would be trained on and tested",
                advice="Mend the folds: a subject belongs to one part only.",
            )
        seen |= members


def folds_from(parts: Sequence[Iterable[str]], order: Sequence[int] | None = None) -> list[Fold]:
    """Make folds in which each part is tested once by what learned from the others.

    Args:
        parts: of the subjects; a subject belongs to one of them.
        order: index of the part that fold 1, 2, ... tests; by default the parts' own order.

    Raises:
        ConfigError: a subject is in two parts, or a part is empty.
    """
    groups = [frozenset(part) for part in parts]
    require_disjoint(*groups)
    everyone = frozenset().union(*groups)
    tested = order if order is not None else range(len(groups))
    return [
        Fold(number, everyone - groups[index], groups[index])
        for number, index in enumerate(tested, start=1)
    ]


def dealt(subjects: Iterable[str], count: int) -> list[Fold]:
    """Deal the sorted subjects out in turn: subject i is tested in fold i modulo `count`.

    For sets whose published folds nobody knows; two people who follow this rule have the same ones.

    Raises:
        ConfigError: fewer subjects than folds.
    """
    names = sorted(set(subjects))
    if count < 2 or len(names) < count:
        raise ConfigError(f"{len(names)} subjects can't be dealt into {count} folds")
    return folds_from([names[start::count] for start in range(count)])


def within(folds: Sequence[Fold], number: int, present: Iterable[str]) -> Fold:
    """Return one fold, cut down to the subjects that are there.

    Raises:
        ConfigError: there is no such fold, somebody belongs to none, or a side stays empty.
    """
    if not 1 <= number <= len(folds):
        raise ConfigError(f"there are folds 1 to {len(folds)}, not {number}")
    fold, there = folds[number - 1], frozenset(present)
    strangers = there - fold.train - fold.test
    if strangers:
        raise ConfigError(f"{len(strangers)} subjects of this folder belong to no published fold")
    return Fold(number, fold.train & there, fold.test & there)
