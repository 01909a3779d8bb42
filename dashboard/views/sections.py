"""What surrounds the numbers about faces: coverage before, what is hidden and the rules after."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import streamlit as st

from agent.domain.aggregate import (
    Reason,
    au_rate,
)
from agent.domain.facs import AU_LABELS
from agent.domain.frame import FrameStatus
from dashboard import charts
from dashboard.views.common import legend, local, table

if TYPE_CHECKING:
    from agent.domain.policy import Policy
    from agent.store.aggregates import Latest
    from dashboard.estimates import Coverage
    from dashboard.queries import Overview
    from dashboard.text import Text


def coverage(words: Text, page: Overview, zone: str | None, age_seconds: float, rule: str) -> None:
    """Say what the camera could do, before any number about faces."""
    found = page.coverage
    bucket = words.duration(page.bucket)
    buckets = round((page.until - page.since).total_seconds() / page.bucket)
    st.caption(
        words(
            "summary.span",
            since=local(page.since),
            until=_until(page),
            zone=zone or words("control.all_zones"),
            buckets=buckets,
            bucket=bucket,
        )
    )
    _sentence(words, page)
    with st.container(border=True):
        st.markdown(f"#### {words('coverage.title')}")
        facts = (
            ("observed", words.duration(found.observed_seconds), None),
            ("usable", words.percent(found.usable_share), None),
            ("hidden", words.percent(found.hidden_share), None),
            ("last", words("coverage.ago", duration=words.duration(age_seconds)), bucket),
        )
        row = st.container(horizontal=True, gap="small")
        for name, value, length in facts:
            row.metric(
                words(f"coverage.{name}"),
                value,
                help=words(f"coverage.{name}_help", bucket=length),
                width=190,
            )
        _statuses(words, found, rule)


def _until(page: Overview) -> str:
    """Write the period's end; its date only where it isn't that of the start."""
    same = local(page.since, "%d") == local(page.until, "%d")
    return local(page.until, "%H:%M" if same else "%m-%d %H:%M")


def _sentence(words: Text, page: Overview) -> None:
    usable = words.percent(page.coverage.usable_share)
    rates = {
        label: page.whole[au_rate(label)]
        for label in AU_LABELS
        if label != "AU45" and au_rate(label) in page.whole
    }
    if rates:
        top = max(rates, key=lambda label: rates[label].value)
        rate = words.percent(rates[top].value)
        st.markdown(words("summary.sentence", usable=usable, name=words(f"au.{top}"), rate=rate))
    elif not page.whole:
        st.markdown(words("summary.sentence_hidden", usable=usable))


def _statuses(words: Text, found: Coverage, rule: str) -> None:
    times = {status.value: found.status_seconds[status] for status in FrameStatus}
    times["absent"] = found.absent_seconds
    whole = sum(times.values()) or 1.0
    parts = [
        (key, words(f"status.{key}"), seconds / whole)
        for key, seconds in times.items()
        if seconds / whole >= 0.0005
    ]
    said = ", ".join(f"{name} {words.percent(share)}" for _, name, share in parts)
    st.altair_chart(
        charts.shares(parts, words("coverage.share"), words("coverage.status")),
        width="stretch",
        alt=words("coverage.alt", parts=said),
        key="coverage_chart",
    )
    legend(
        (charts.STATUS_COLOURS[key], f"{name} {words.percent(share)}") for key, name, share in parts
    )
    notes = [rule]
    if found.peak is not None:
        notes.append(words("coverage.peak", peak=found.peak))
    if found.dropped_frames:
        notes.append(words("coverage.dropped", count=found.dropped_frames))
    st.caption(" ".join(notes))
    rows = [
        {
            words("coverage.status"): words(f"status.{key}"),
            words("coverage.time"): words.duration(seconds),
            words("coverage.share"): words.percent(seconds / whole, 1),
        }
        for key, seconds in times.items()
    ]
    table(words, rows, "coverage_table")


def bound_of(words: Text, policy: Policy | None) -> str:
    """Say how the policy counts persons."""
    return words(f"hidden.bound_{policy.release.bound.value if policy else 'unknown'}")


def hidden(words: Text, page: Overview, policy: Policy | None, latest: Latest) -> None:
    """Show which buckets are hidden, and explain why."""
    with st.container(border=True):
        st.markdown(f"#### {words('hidden.title')}")
        st.caption(words("hidden.subtitle"))
        states = {key: words(f"hidden.{key}") for key in charts.STATE_COLOURS}
        count = Counter(charts.state_of(cell) for cell in page.cells)
        said = ", ".join(f"{states[key]} {number}" for key, number in count.items())
        st.altair_chart(
            charts.timeline(page.cells, states, (page.since, page.until)),
            width="stretch",
            alt=words("hidden.alt", parts=said),
            key="hidden_chart",
        )
        legend((charts.STATE_COLOURS[key], states[key]) for key in states if count[key])
        shown = page.coverage.cells - sum(page.coverage.hidden.values())
        counted = {"shown": shown} | {r.value: n for r, n in page.coverage.hidden.items()}
        rows = [
            {words("hidden.state"): states[key], words("hidden.count"): number}
            for key, number in counted.items()
        ]
        table(words, rows, "hidden_table")
        with st.expander(words("hidden.why"), icon=":material/help:"):
            bucket = words.duration(page.bucket)
            st.markdown(
                words("hidden.explain", k=latest.k, bound=bound_of(words, policy), bucket=bucket)
            )
            for reason in Reason:
                st.markdown("- " + words(f"hidden.reason_{reason.value}", k=latest.k))


def footer(words: Text, policy: Policy | None, latest: Latest | None) -> None:
    """Name the rules and models behind the numbers, and what this page is not."""
    unknown = words("footer.unknown")
    digest = latest.policy if latest else (policy.digest if policy else unknown)
    parts = [
        (words("footer.policy"), f"`{digest[:12]}`"),
        (words("footer.profile"), f"`{policy.jurisdiction}`" if policy else unknown),
    ]
    if latest is not None:
        parts.append((words("footer.rule"), words("footer.rule_value", k=latest.k)))
        parts.append((words("footer.models"), ", ".join(f"`{m}`" for m in latest.models) or "–"))
    if policy is not None:
        purpose = policy.purpose.get(words.language) or next(iter(policy.purpose.values()))
        parts += [(words("footer.purpose"), purpose), (words("footer.contact"), policy.contact)]
    st.caption("  ·  ".join(f"{name}: {value}" for name, value in parts))
    st.caption(words("footer.legal"))
