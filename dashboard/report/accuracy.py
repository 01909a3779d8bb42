"""The part of the report about accuracy: published tests, and reviewers against the model. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent.evaluation.agreement import FEWEST, Rate, wilson
from dashboard.documents.model import Align, Block, Fields, Heading, Paragraph, Table
from dashboard.report.published import published

if TYPE_CHECKING:
    from agent.evaluation.agreement import Agreement
    from agent.evaluation.versions import Version
    from dashboard.report.writer import Writer

_RIGHT: Align = "right"


def accuracy(w: Writer) -> Iterator[Block]:
    """Say how well the models do in published tests, and at this site."""
    words, facts = w.words, w.facts
    yield Heading(words("accuracy.title"))
    yield Heading(words("accuracy.published"), level=3)
    yield Paragraph(words("accuracy.about"))
    yield Table(
        tuple(words(f"accuracy.{key}") for key in ("test", "data", "score")),
        tuple(published(facts.cards, words)),
        widths=(4, 4, 3),
    )
    yield Heading(words("accuracy.at_site"), level=3)
    if "reviews" in facts.missing:
        yield Paragraph(words("report.missing", why=facts.missing["reviews"]))
    elif facts.reviews is None:
        yield Paragraph(words("summary.not_reviewed"))
    else:
        found = facts.reviews.found
        kappa = found.expression.kappa
        yield Fields((
            (words("accuracy.reviews"), words(
                "accuracy.reviews_value", clips=found.clips, random=found.random,
                reviewers=w.some("reviewer", found.reviewers),
            )),
            (words("accuracy.misjudged"), w.rate(found.misjudged)),
            (words("accuracy.undecided"), w.rate(found.undecided)),
            (words("accuracy.kappa"), f"{kappa:.2f}" if kappa is not None else words(
                "accuracy.too_few", n=found.expression.clips)),
            *_calibration(w, found),
        ))  # fmt: skip
        yield from _versions(w)
        yield from _agreement(w, found)


def _versions(w: Writer) -> Iterator[Block]:
    """Say which models the numbers are about, and what became of the older ones' mistakes."""
    words, reviews = w.words, w.facts.reviews
    if reviews is None:
        return
    newest = reviews.versions[0]
    names = ", ".join(newest.models)
    yield Paragraph(words("accuracy.about_version", names=names), note=True)
    if len(reviews.versions) < 2:
        return
    drifted = reviews.drifted
    yield Heading(words("accuracy.versions"), level=3)
    yield Paragraph(words(
        f"accuracy.versions_{drifted.said.value}", chance=w.percent(drifted.chance, 1),
        points=f"{100 * (drifted.noticeable or 0.0):.0f}", least=FEWEST,
    ))  # fmt: skip
    yield Table(
        tuple(words(f"accuracy.{key}") for key in ("clips_of", "version", "misjudged", "random")),
        tuple(
            (
                words("change.side", first=w.day(one.since), last=w.day(one.until)),
                "\n".join(_changed(one, older)),
                w.estimate(one.misjudged, 0) if one.misjudged.value is not None
                else words("accuracy.few"),
                f"{one.misjudged.clips:,}",
            )
            for one, older in zip(
                reviews.versions[::-1], (None, *reviews.versions[:0:-1]), strict=True
            )
        ),
        widths=(4.2, 4.6, 3.6, 1.6),
        align=("left", "left", "right", "right"),
    )  # fmt: skip


def _calibration(w: Writer, found: Agreement) -> Iterator[tuple[str, str]]:
    if found.error is not None:
        yield (
            w.words("accuracy.calibration"),
            w.words("accuracy.calibration_value", error=w.percent(found.error, 1)),
        )


def _changed(version: Version, older: Version | None) -> list[str]:
    """Return what a version has that the one before it hadn't, and what it hasn't any more."""
    known = () if older is None else older.models
    kinds = {name.partition("@")[0] for name in version.models}
    gone = [name for name in known if name.partition("@")[0] not in kinds]
    new = [name for name in version.models if name not in known]
    return [*new, *(f"\N{MINUS SIGN} {name}" for name in gone)]


def _agreement(w: Writer, found: Agreement) -> Iterator[Block]:
    """Compare the reviewers' blind codings with the model, and with each other."""
    words = w.words
    between = {pair.name: pair for pair in found.between_units}
    pairs = [pair for pair in (*found.units, found.expression) if pair.agreed is not None]
    if not pairs:
        return
    rows = []
    for pair in pairs:
        other = between.get(pair.name, found.between_expression)
        low, high = wilson(pair.agreed or 0.0, pair.clips)
        rows.append((
            words("accuracy.class") if pair.name == "class" else w.name(f"au.{pair.name}"),
            w.estimate(Rate(pair.agreed, low, high, pair.clips), 0),
            _score(pair.kappa), _score(pair.pabak), str(pair.clips),
            words("accuracy.few") if other.agreed is None else _score(other.pabak),
        ))  # fmt: skip
    keys = ("movement", "agreed", "kappa_short", "pabak", "clips", "between")
    yield Heading(words("accuracy.agreement"), level=3)
    yield Paragraph(words("accuracy.agreement_about"))
    yield Table(
        tuple(words(f"accuracy.{key}") for key in keys),
        tuple(rows),
        widths=(5.4, 3.6, 1.6, 1.7, 1.5, 2.2),
        align=("left", *(_RIGHT,) * 5),
    )


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
