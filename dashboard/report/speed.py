"""The part of the report about speed and load on this PC. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dashboard.documents.model import Block, Fields, Heading, Paragraph, Table

if TYPE_CHECKING:
    from dashboard.report.writer import Writer

MEBIBYTE = 1 << 20


def speed(w: Writer) -> Iterator[Block]:
    """Say how fast this PC is and what the agent does."""
    facts, words, found = w.facts, w.words, w.facts.speed
    yield Heading(words("speed.title"))
    memory = "–" if found.memory_gib is None else f"{found.memory_gib:g}"
    fields = [(words("speed.machine"), words(
        "speed.machine_value", cpu=found.cpu, cores=found.cores, memory=memory,
        system=found.system,
    ))]  # fmt: skip
    if found.median_ms is None or found.p95_ms is None or found.cpu_ms is None:
        yield Paragraph(words("summary.no_speed"))
    else:
        yield Paragraph(words("speed.about", frames=found.frames))
        for key, value in (
            ("median", found.median_ms), ("p95", found.p95_ms), ("work", found.cpu_ms),
        ):  # fmt: skip
            fields.append((words(f"speed.{key}"), words("speed.ms", n=f"{value:.1f}")))
        cameras, hertz = len(facts.policy.zones), facts.policy.sampling_hz
        share = found.cpu_ms * hertz * cameras / 1000
        fields.append((words("speed.load"), words(
            "speed.load_value", share=w.percent(share),
            cameras=w.some("camera", cameras),
            hertz=f"{hertz:g}",
        )))  # fmt: skip
    yield Fields(tuple(fields))
    yield from _load(w)
    yield from _agent(w)
    dropped = facts.page.coverage.dropped_frames
    yield Paragraph(words("speed.frames_dropped", n=f"{dropped:,}"))


def _load(w: Writer) -> Iterator[Block]:
    """Say what the running agent takes of this PC, as it said itself."""
    words, load, at = w.words, w.facts.health.load, w.facts.health.at
    if load is None or at is None or load.resident is None:
        yield Paragraph(words("speed.no_load"), note=True)
        return
    most = load.most or load.resident
    entries = [(words("speed.memory"), words(
        "speed.memory_value", now=f"{load.resident / MEBIBYTE:,.0f}",
        most=f"{most / MEBIBYTE:,.0f}",
    ))]  # fmt: skip
    if load.cores is not None:
        entries.append((words("speed.processor"), words(
            "speed.processor_value", share=w.percent(load.cores),
            period=w.text.duration(load.seconds),
        )))  # fmt: skip
    yield Heading(words("speed.taken", at=w.moment(at)), level=3)
    yield Fields(tuple(entries))


def _agent(w: Writer) -> Iterator[Block]:
    words, health = w.words, w.facts.health
    if health.at is None or not health.cameras:
        yield Paragraph(words("speed.no_agent"), note=True)
        return
    yield Heading(words("speed.agent", at=w.moment(health.at)), level=3)
    yield Table(
        tuple(words(f"speed.{key}") for key in ("camera", "rate", "looked", "dropped")),
        tuple(
            (c.zone, "–" if c.rate is None else f"{c.rate:.1f}", f"{c.looked:,}",
             f"{c.dropped:,}")
            for c in health.cameras
        ),
        widths=(4, 2, 2, 2),
        align=("left", "right", "right", "right"),
    )  # fmt: skip
