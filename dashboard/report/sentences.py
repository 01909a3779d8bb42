"""Words for groups and signs of a comparison, for the page and for the report alike. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.evaluation.bias import Kind, Measure

if TYPE_CHECKING:
    from agent.evaluation.bias import Sign
    from dashboard.text import Text


def sentence(words: Text, sign: Sign) -> str:
    """Put a sign into words."""
    return words(
        "bias.sign",
        group=named(words, sign.kind, sign.name),
        measure=words(f"bias.measure.{sign.measure.value}"),
        value=number(words, sign.measure, sign.value),
        rest=number(words, sign.measure, sign.rest),
    )


def named(words: Text, kind: Kind, name: str) -> str:
    """Name a group."""
    if kind is Kind.ZONE:
        return words("bias.kind.zone", name=name)
    if kind is Kind.HOUR and name.isdigit():
        return words("bias.kind.hour", name=words("bias.name.hour", hour=int(name)))
    return words(f"bias.kind.{kind.value}", name=words(f"bias.name.{name}"))


def number(words: Text, measure: Measure, value: float | None) -> str:
    """Write a measure: shares in percent, scores as they are."""
    if value is None:
        return "–"
    scores = {Measure.QUALITY, Measure.EXPRESSIVENESS}
    return f"{value:.2f}" if measure in scores else words.percent(value, 1)
