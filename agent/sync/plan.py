"""Decide what the centre lacks, by comparing what is here with what is there. Pure.

There is no list of what was sent: what the centre holds is that list. So nothing can disagree with
it, whenever a run is killed, repeated or doubled, and a centre that was restored from an old copy
gets again what it lost. Both sides are compared by zone and day first, by a few sums, so that a run
with nothing to send reads little.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.domain.outgoing import Group, Key, Kind, Sums


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run has to do.

    Attributes:
        send: what isn't there, in order of time.
        lower: what is there with a later deadline than here, with the deadline here.
    """

    send: tuple[Key, ...]
    lower: Mapping[Key, int]


def living(stock: Mapping[Key, int], now: int) -> dict[Key, int]:
    """Return what isn't due yet: what is due here must not appear there.

    Args:
        stock: deadlines by key, seconds since 1970.
        now: likewise.
    """
    return {key: deadline for key, deadline in stock.items() if deadline > now}


def sums(stock: Mapping[Key, int]) -> dict[Group, Sums]:
    """Sum a stock up by group."""
    found: dict[Group, list[int]] = defaultdict(lambda: [0, 0, 0])
    for key, deadline in stock.items():
        parts = found[key.group]
        parts[0] += 1
        parts[1] += key.start
        parts[2] += deadline
    return {group: Sums(*parts) for group, parts in found.items()}


def unlike(here: Mapping[Group, Sums], there: Mapping[Group, Sums]) -> list[Group]:
    """Return the groups of this side that the other side doesn't have just so, in order."""
    return sorted(group for group, found in here.items() if there.get(group) != found)


def decide(
    here: Mapping[Key, int], there: Mapping[Key, int], groups: Sequence[Group] | None = None
) -> Plan:
    """Return what the other side lacks.

    What is there and not here stays: it was released, and goes by its own deadline.

    Args:
        here: deadlines of what was released and isn't due.
        there: deadlines of what the centre holds of it.
        groups: to which it is limited; None for all.
    """
    chosen = None if groups is None else set(groups)
    mine = {k: d for k, d in here.items() if chosen is None or k.group in chosen}
    send = tuple(sorted(key for key in mine if key not in there))
    lower = {key: at for key, at in mine.items() if at < there.get(key, at)}
    return Plan(send, lower)


def portions(keys: Sequence[Key], most: int) -> Iterator[Sequence[Key]]:
    """Cut keys into portions of one kind each, in order, of at most `most`."""
    for kind in Kind:
        mine = [key for key in keys if key.kind is kind]
        yield from (mine[at : at + most] for at in range(0, len(mine), most))


def waiting(here: Mapping[Key, int], through: Mapping[Kind, int]) -> int:
    """Count what was released after the last complete run, without asking the centre.

    Args:
        here: deadlines by key.
        through: the newest start that was sent, by kind.
    """
    return sum(key.start > through.get(key.kind, -1) for key in here)


def newest(here: Mapping[Key, int]) -> dict[Kind, int]:
    """Return the newest start of each kind, seconds since 1970; -1 where there is none."""
    return {kind: max((key.start for key in here if key.kind is kind), default=-1) for kind in Kind}
