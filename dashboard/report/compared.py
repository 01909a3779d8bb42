"""The parts of the report that compare: before and after, places, hours, circumstances. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent.domain.aggregate import ATTENTION
from agent.domain.frame import FrameStatus
from agent.evaluation.agreement import FEWEST
from agent.evaluation.bias import PAIR_KINDS, Measure
from agent.evaluation.differences import Said
from dashboard.compare import Verdict
from dashboard.documents.model import (
    Align,
    Block,
    Bullets,
    Figure,
    Heading,
    Paragraph,
    Table,
)
from dashboard.report import draw
from dashboard.report.draw import Mark
from dashboard.report.sentences import named, not_noted, number, sentence, spread

if TYPE_CHECKING:
    from agent.evaluation.bias import Group
    from dashboard.compare import Difference
    from dashboard.estimates import Coverage, Estimate
    from dashboard.report.facts import Change
    from dashboard.report.writer import Writer

_RIGHT: Align = "right"
_READ = (Measure.QUALITY, Measure.EXPRESSIVENESS)


def changes(w: Writer) -> Iterator[Block]:
    """Compare before and after each marked day."""
    words = w.words
    for change in w.facts.changes:
        yield Heading(words(
            "change.title", marker=change.marker.told(words.language),
            date=words.date(change.marker.day),
        ), level=3)  # fmt: skip
        sides = [words("change.side", first=words.date(side.first), last=words.date(side.last))
                 for side in (change.before, change.after)]  # fmt: skip
        yield Paragraph(words("change.about", before=sides[0], after=sides[1]))
        for caution, said in (("models", change.found.same_models),
                              ("policy", change.found.same_policy)):  # fmt: skip
            if not said:
                yield Paragraph(words(f"change.{caution}"))
        yield _differences(w, change)


def _differences(w: Writer, change: Change) -> Block:
    words = w.words
    keys = ("movement", "before", "after", "difference", "said")
    rows = [
        (w.name(metric), w.percent(one.first.estimate.value, 1),
         w.percent(one.second.estimate.value, 1), _difference(w, one),
         words(f"change.{one.verdict.value}"))
        for metric, one in sorted(change.found.differences.items(), key=_by_size)
    ]  # fmt: skip
    if not rows:
        return Paragraph(words("change.nothing"))
    return Table(
        tuple(words(f"change.{key}") for key in keys),
        tuple(rows),
        widths=(4.8, 1.6, 1.6, 4.6, 3.4),
        align=("left", "right", "right", "right", "left"),
    )


def _difference(w: Writer, one: Difference) -> str:
    value, low, high = (
        "–" if end is None else _signed(100 * end) for end in (one.value, one.low, one.high)
    )
    return w.words("change.interval", value=value, low=low, high=high)


def bias(w: Writer) -> Iterator[Block]:
    """Compare circumstances, and say what can't be compared."""
    words, facts = w.words, w.facts
    yield Heading(words("bias.title"))
    yield Paragraph(words("bias.about"))
    named = [w.name(facts.hour_metric)] if facts.hour_metric else []
    keys = ("zone", "readable", "dark", "hidden", "facing")
    rows = []
    for zone in facts.zones:
        row = [zone.name, w.percent(zone.coverage.usable_share, 1),
               w.percent(_unclear(zone.coverage), 1),
               w.percent(zone.coverage.hidden_share),
               w.percent(_value(zone.whole.get(ATTENTION)))]  # fmt: skip
        row += [w.estimate(zone.whole.get(facts.hour_metric)) for _ in named]
        rows.append(tuple(row))
    yield Table(
        (*(words(f"bias.{key}") for key in keys), *named),
        tuple(rows),
        widths=(3, 2, 2, 1.6, 2.4, *(4.4 for _ in named)),
        align=("left", "right", "right", "right", "right", *(_RIGHT for _ in named)),
    )
    yield from _groups(w)
    yield from _mistakes(w)
    yield from _hours(w)
    yield Heading(words("bias.cannot"), level=3)
    yield Bullets(tuple(words(f"bias.cannot_{key}", least=FEWEST) for key in _cannot(w)))


def _cannot(w: Writer) -> tuple[str, ...]:
    """Return what stays open: people always, mistakes where no kind of groups could be compared."""
    bias = w.facts.bias
    told = bias is not None and any(one.said is not Said.TOO_FEW for one in bias.errors)
    return ("people",) if told else ("people", "error")


def _mistakes(w: Writer) -> Iterator[Block]:
    """Say where and when reviewers found the model wrong, and whether that is more than chance."""
    words, bias = w.words, w.facts.bias
    if bias is None or not bias.errors:
        return
    groups = [one for one in bias.groups if one.measure is Measure.MISJUDGED]
    yield Heading(words("bias.mistakes"), level=3)
    yield Paragraph(words("bias.mistakes_about", least=FEWEST))
    yield Bullets(tuple(spread(w.text, one) for one in bias.errors))
    if missing := not_noted(w.text, bias.errors):
        yield Paragraph(missing)
    yield Paragraph(w.text("errors.caution"), note=True)
    yield Table(
        (words("bias.group"), words("accuracy.misjudged"), words("accuracy.clips")),
        tuple((named(w.text, g.kind, g.name), _group(w, g), f"{g.samples:,}") for g in groups),
        widths=(6, 5, 2),
        align=("left", "right", "right"),
    )


def _hours(w: Writer) -> Iterator[Block]:
    words = w.words
    hours = [hour for hour in w.facts.hours if hour.cells]
    if not hours:
        return
    name = w.name(w.facts.hour_metric)
    yield Heading(words("bias.by_hour", name=name), level=3)
    yield Figure(
        draw.intervals([
            Mark(
                words("bias.hour_value", hour=h.hour),
                h.estimate.value if h.estimate else None,
                h.estimate.low if h.estimate else None,
                h.estimate.high if h.estimate else None,
                w.percent(h.estimate.value) if h.estimate else words(
                    f"coverage.{h.reason.value}") if h.reason else "–",
            )
            for h in hours
        ], left=70),
        words("bias.hour_alt", name=name),
    )  # fmt: skip


def _groups(w: Writer) -> Iterator[Block]:
    """Give each circumstance's quality of reading and movement, with intervals."""
    words, bias = w.words, w.facts.bias
    if bias is None:
        return
    if bias.signs:
        yield Heading(words("bias.signs"), level=3)
        yield Bullets(tuple(sentence(w.text, sign) for sign in bias.signs))
    found = {(g.kind, g.name, g.measure): g for g in bias.groups if g.kind in PAIR_KINDS}
    names = dict.fromkeys((kind, name) for kind, name, _ in found)
    rows = []
    for kind, name in names:
        quality, moved = (found.get((kind, name, measure)) for measure in _READ)
        if quality is not None:
            behind = f"{quality.samples:,}"
            rows.append((named(w.text, kind, name), _group(w, quality), _group(w, moved), behind))
    if not rows:
        return
    yield Heading(words("bias.circumstances"), level=3)
    yield Paragraph(words("bias.circumstances_about"))
    yield Table(
        tuple(words(f"bias.{key}") for key in ("group", "quality", "expressiveness", "behind")),
        tuple(rows),
        widths=(4.6, 4, 4, 2),
        align=("left", "right", "right", "right"),
    )


def _group(w: Writer, one: Group | None) -> str:
    if one is None:
        return "–"
    if one.value is None:
        return w.words("accuracy.few")
    value, low, high = (number(w.text, one.measure, end) for end in (one.value, one.low, one.high))
    return w.words("report.interval", value=value, low=low.rstrip("%\u202f"), high=high)


def _signed(points: float) -> str:
    """Write a number with its sign; what rounds to nothing has none."""
    told = f"{points:+.1f}".replace("-", "\N{MINUS SIGN}")
    return "0.0" if told[1:] == "0.0" else told


def _by_size(item: tuple[str, Difference]) -> tuple[bool, float]:
    """Order what is seen to differ first, then by size."""
    one = item[1]
    return one.verdict not in {Verdict.HIGHER, Verdict.LOWER}, -abs(one.value)


def _value(found: Estimate | None) -> float | None:
    return None if found is None else found.value


def _unclear(found: Coverage) -> float:
    seconds = found.status_seconds[FrameStatus.TOO_DARK] + found.status_seconds[FrameStatus.BLURRED]
    return seconds / found.seconds if found.seconds else 0.0
