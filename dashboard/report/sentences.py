"""Words for groups and signs of a comparison, for the page and for the report alike. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.evaluation.agreement import FEWEST
from agent.evaluation.bias import Kind, Measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.evaluation.bias import Errors, Sign
    from dashboard.text import Text


_SCENE = frozenset({Kind.DISTANCE, Kind.LIGHT})


def sentence(words: Text, sign: Sign) -> str:
    """Put a sign into words."""
    return words(
        "bias.sign",
        group=named(words, sign.kind, sign.name),
        measure=words(f"bias.measure.{sign.measure.value}"),
        value=number(words, sign.measure, sign.value),
        rest=number(words, sign.measure, sign.rest),
    )


def spread(words: Text, one: Errors) -> str:
    """Say whether wrong labels differ between the groups of a kind, and how sure that is."""
    return words(
        f"errors.{one.said.value}",
        kind=words(f"errors.kind.{one.kind.value}"),
        chance=words.percent(one.chance, 1),
        points=f"{100 * (one.noticeable or 0.0):.0f}",
        least=FEWEST,
    )


def not_noted(words: Text, found: Sequence[Errors]) -> str:
    """Say how many clips belong to no distance, since nobody noted it then; "" if none."""
    unknown = max((one.unknown for one in found if one.kind in _SCENE), default=0)
    return words("errors.not_noted", n=unknown) if unknown else ""


def named(words: Text, kind: Kind, name: str) -> str:
    """Name a group and its kind."""
    key = "part" if kind is Kind.HOUR and not name.isdigit() else kind.value
    return words(f"bias.kind.{key}", name=short(words, kind, name))


def short(words: Text, kind: Kind, name: str) -> str:
    """Name a group where its kind is clear."""
    if kind is Kind.ZONE:
        return name
    if kind is Kind.HOUR and name.isdigit():
        return words("bias.name.hour", hour=int(name))
    return words(f"bias.name.{name}")


def number(words: Text, measure: Measure, value: float | None) -> str:
    """Write a measure: shares in percent, scores as they are."""
    if value is None:
        return "–"
    scores = {Measure.QUALITY, Measure.EXPRESSIVENESS}
    return f"{value:.2f}" if measure in scores else words.percent(value, 1)
