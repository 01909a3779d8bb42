"""What an evaluation came to: scores with intervals, tool beside tool; as a table and as JSON.

The JSON's keys are documented in docs/evaluation.md. Undefined and not measured are null, never 0.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.errors import ConfigError, StoreError

SCHEMA = "omokage.evaluation/1"

SHARE, INTENSITY, DEGREES, RATIO, NUMBER, MILLISECONDS = (
    "share", "intensity 0-5", "degrees", "inter-ocular distance", "number", "ms",
)  # fmt: skip

_DIGITS = {NUMBER: 2, SHARE: 3, INTENSITY: 3, DEGREES: 2, RATIO: 4, MILLISECONDS: 2}


@dataclass(frozen=True, slots=True)
class Score:
    """One number.

    Attributes:
        value: NaN where the sample doesn't define it.
        low: lower end of its 95 % interval; NaN where there is none.
        high: upper end.
        count: units that were resampled for the interval (persons, pictures, clips).
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    count: int = 0

    def text(self, unit: str) -> str:
        """Write it for a person."""
        if math.isnan(self.value):
            return "undefined"
        digits = _DIGITS.get(unit, 3)
        if unit == NUMBER and math.isnan(self.low):
            return f"{self.value:,.0f}" if self.value == int(self.value) else f"{self.value:.4g}"
        text = f"{self.value:.{digits}f}"
        if math.isnan(self.low):
            return text
        return f"{text} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def table(self) -> dict[str, float | int | None]:
        """Return the JSON form."""
        return {
            "value": plain(self.value),
            "low": plain(self.low),
            "high": plain(self.high),
            "count": self.count,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One score of every tool.

    Attributes:
        key: name in the JSON, stable.
        label: name for a person.
        unit: of the values.
        better: `higher`, `lower`, or empty where neither is.
        scores: by tool; a tool that can't answer is absent.
        au: which AU it is about; such rows are printed as one table, an AU a line.
    """

    key: str
    label: str
    unit: str
    better: str
    scores: Mapping[str, Score]
    au: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One slice of one axis: `light: dark`."""

    axis: str
    name: str
    score: Score


@dataclass(frozen=True, slots=True)
class Gap:
    """The best group less the worst, as they are on the whole sample, with a 95 % interval."""

    axis: str
    best: str
    worst: str
    score: Score


@dataclass(frozen=True, slots=True)
class Slices:
    """One score by group along several axes.

    Attributes:
        key: of the score.
        label: of the score, for a person.
        unit: of the score.
        groups: every group with enough examples.
        gaps: one for each axis with two groups or more.
        left_out: groups with too few examples, `axis: name (count)`.
    """

    key: str
    label: str
    unit: str
    groups: tuple[Group, ...]
    gaps: tuple[Gap, ...]
    left_out: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """One task on one set.

    Attributes:
        task: its name on the command line.
        title: one line for a person.
        data: facts about the set: name, SHA-256, counts.
        reference: whose word counts as the truth.
        tools: identities of the weights by tool; the first tool is Omokage.
        rows: the scores.
        slices: the scores by group, of Omokage alone.
        curves: named tables for plots, lists of numbers by column.
        notes: what a reader must know, one sentence each.
    """

    task: str
    title: str
    data: dict[str, Any]
    reference: str
    tools: dict[str, tuple[str, ...]]
    rows: list[Row] = field(default_factory=list)
    slices: list[Slices] = field(default_factory=list)
    curves: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def table(self, version: str) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "schema": SCHEMA,
            "omokage": version,
            "task": self.task,
            "title": self.title,
            "data": self.data,
            "reference": self.reference,
            "tools": {name: list(models) for name, models in self.tools.items()},
            "scores": {
                row.key: {
                    "label": row.label,
                    "unit": row.unit,
                    "better": row.better,
                    "by_tool": {name: score.table() for name, score in row.scores.items()},
                }
                for row in self.rows
            },
            "slices": [_slices_table(one) for one in self.slices],
            "curves": self.curves,
            "notes": self.notes,
        }

    def lines(self) -> Iterator[str]:
        """Write everything for a person, line by line."""
        yield self.title
        yield f"reference: {self.reference}"
        yield ""
        names = list(self.tools)
        cells = [["", *names]]
        for row in self.rows:
            if row.au:
                continue
            texts = [row.scores[n].text(row.unit) if n in row.scores else "-" for n in names]
            cells.append([_with_unit(row), *texts])
        yield from aligned(cells)
        yield from _au_lines([row for row in self.rows if row.au], names)
        if "confusion" in self.curves:
            yield from _confusion_lines(self.curves["confusion"])
        for one in self.slices:
            yield ""
            yield from _slices_lines(one)
        yield ""
        yield "[a, b]: 95 % interval."
        yield from self.notes


def _au_lines(rows: Sequence[Row], tools: Sequence[str]) -> Iterator[str]:
    """Lay the rows about single AUs out: an AU a line, a measure and tool a column."""
    columns = {(row.label, row.unit, tool): None for row in rows for tool in tools}
    found = {(row.au, row.label, tool): row for row in rows for tool in row.scores}
    shown = [key for key in columns if any((row.au, key[0], key[2]) in found for row in rows)]
    if not shown:
        return
    yield ""
    several = len({tool for _, _, tool in shown}) > 1
    words = [label if unit == SHARE else f"{label} ({unit})" for label, unit, _ in shown]
    cells = [["", *(f"{w}, {k[2]}" if several else w for w, k in zip(words, shown, strict=True))]]
    for au in dict.fromkeys(row.au for row in rows):
        line = [au]
        for label, unit, tool in shown:
            row = found.get((au, label, tool))
            line.append(row.scores[tool].text(unit) if row else "-")
        cells.append(line)
    yield from aligned(cells)


def _confusion_lines(table: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Lay out who was taken for what: truth a line, answer a column; classes that occur."""
    names = list(table)
    used = [
        name
        for i, name in enumerate(names)
        if any(table[name]) or any(row[i] for row in table.values())
    ]
    yield ""
    yield "who was taken for what (a line: labelled as, a column: answer)"
    cells = [["", *used]]
    cells += [
        [name, *(f"{table[name][names.index(other)]:.0f}" for other in used)] for name in used
    ]
    yield from aligned(cells)


def _with_unit(row: Row) -> str:
    return row.label if row.unit in {SHARE, NUMBER} else f"{row.label} ({row.unit})"


def _slices_table(one: Slices) -> dict[str, Any]:
    return {
        "score": one.key,
        "unit": one.unit,
        "groups": [
            {"axis": group.axis, "group": group.name, **group.score.table()} for group in one.groups
        ],
        "gaps": [
            {"axis": gap.axis, "best": gap.best, "worst": gap.worst, **gap.score.table()}
            for gap in one.gaps
        ],
        "left_out": list(one.left_out),
    }


def _slices_lines(one: Slices) -> Iterator[str]:
    if not one.groups:
        yield f"{one.label}, by group: too few examples in every group"
        return
    yield f"{one.label}, by group"
    cells = [["", "", "examples", one.unit, "gap, best to worst"]]
    gaps = {gap.axis: gap for gap in one.gaps}
    before = ""
    for group in one.groups:
        first = group.axis != before
        gap = gaps.get(group.axis) if first else None
        cells.append(
            [
                group.axis if first else "",
                group.name,
                str(group.score.count),
                group.score.text(one.unit),
                f"{gap.score.text(one.unit)} ({gap.worst})" if gap else "",
            ]
        )
        before = group.axis
    yield from aligned(cells)
    if one.left_out:
        yield f"too few examples: {', '.join(one.left_out)}"


def aligned(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay a table out: the first column to the left, the others to a common width each."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        yield "  ".join(padded).rstrip()


def plain(value: float) -> float | None:
    """Round for JSON; NaN and infinity become null."""
    return round(float(value), 6) if math.isfinite(value) else None


def check_writable(path: Path) -> None:
    """Refuse a place where the JSON can't be written, before minutes of work.

    Raises:
        ConfigError: its folder isn't there, or it is a folder itself.
    """
    if path.is_dir():
        raise ConfigError(f"{path.name} is a folder, not a file to write")
    if not path.parent.is_dir():
        raise ConfigError(
            f"the folder for {path.name} doesn't exist", advice="Create the folder first."
        )


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write a file whole or not at all.

    Raises:
        StoreError: the disk refuses.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        partial.write_text(f"{text}\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"{path.name} can't be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
