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


def coverage(
    words: Text, page: Overview, zone: str | None, policy: Policy | None, latest: Latest
) -> None:
    """Say what the camera could do, before any number about faces."""
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
        st.markdown(f"## {words('coverage.title')}")
        _figures(words, page, latest)
        _statuses(words, page.coverage)
        st.caption(" ".join(_notes(words, page, policy, latest)))
        st.caption(_basis(words, policy, latest))
        _status_table(words, page.coverage)


def _figures(words: Text, page: Overview, latest: Latest) -> None:
    found = page.coverage
    poor = found.status_seconds[FrameStatus.TOO_DARK] + found.status_seconds[FrameStatus.BLURRED]
    looked = found.observed_seconds + poor
    readable = words.duration(found.status_seconds[FrameStatus.OK])
    peak = "–" if found.peak is None else words("coverage.faces", n=found.peak)
    figures = (
        ("observed", words.duration(found.observed_seconds), _of_period(words, found)),
        ("usable", readable, words("coverage.of_period", share=words.percent(found.usable_share))),
        ("bound", peak, words("coverage.at_once")),
        (
            "hidden",
            words.percent(found.hidden_share),
            words("coverage.of_cells", n=f"{found.cells:,}"),
        ),
        ("quality", words.percent(poor / looked if looked else None), words("coverage.of_picture")),
        ("last", local(latest.bucket_end, "%H:%M"), local(latest.bucket_end, "%Y-%m-%d")),
    )
    row = st.container(horizontal=True, gap="xsmall")
    for name, value, below in figures:
        row.metric(
            words(f"coverage.{name}"),
            value,
            delta=below,
            delta_color="off",
            delta_arrow="off",
            help=words(f"coverage.{name}_help", bucket=words.duration(page.bucket)),
            width=147,
        )


def _of_period(words: Text, found: Coverage) -> str:
    share = found.observed_seconds / found.seconds if found.seconds else 0.0
    return words("coverage.of_period", share=words.percent(share))


def _notes(words: Text, page: Overview, policy: Policy | None, latest: Latest) -> list[str]:
    notes = [words("coverage.rule", k=latest.k, bound=bound_of(words, policy))]
    places = len({cell.zone for cell in page.cells})
    if places > 1:
        notes.append(words("coverage.added", n=places))
    if page.coverage.dropped_frames:
        notes.append(words("coverage.dropped", count=f"{page.coverage.dropped_frames:,}"))
    return notes


def _basis(words: Text, policy: Policy | None, latest: Latest) -> str:
    """Name the models, the profile and the policy that the numbers rest on."""
    parts = (
        (words("footer.models"), ", ".join(f"`{model}`" for model in latest.models) or "–"),
        (
            words("footer.profile"),
            f"`{policy.jurisdiction}`" if policy else words("footer.unknown"),
        ),
        (words("footer.policy"), f"`{latest.policy[:12]}`"),
    )
    return "  ·  ".join(f"{name}: {value}" for name, value in parts)


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


def _times(found: Coverage) -> dict[str, float]:
    times = {status.value: found.status_seconds[status] for status in FrameStatus}
    return {**times, "absent": found.absent_seconds}


def _statuses(words: Text, found: Coverage) -> None:
    times = _times(found)
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


def _status_table(words: Text, found: Coverage) -> None:
    times = _times(found)
    whole = sum(times.values()) or 1.0
    rows = [
        {
            words("coverage.status"): words(f"status.{key}"),
            words("coverage.time"): words.duration(seconds),
            words("coverage.share"): words.percent(seconds / whole, 1),
        }
        for key, seconds in times.items()
    ]
    table(words, rows, words("coverage.title"))


def bound_of(words: Text, policy: Policy | None) -> str:
    """Say how the policy counts persons."""
    return words(f"hidden.bound_{policy.release.bound.value if policy else 'unknown'}")


def hidden(words: Text, page: Overview, policy: Policy | None, latest: Latest) -> None:
    """Show which buckets are hidden, and explain why."""
    with st.container(border=True):
        st.markdown(f"## {words('hidden.title')}")
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
        table(words, rows, words("hidden.title"))
        with st.expander(words("hidden.why"), icon=":material/help:"):
            bucket = words.duration(page.bucket)
            st.markdown(
                words("hidden.explain", k=latest.k, bound=bound_of(words, policy), bucket=bucket)
            )
            for reason in Reason:
                st.markdown("- " + words(f"hidden.reason_{reason.value}", k=latest.k))


def footer(words: Text, policy: Policy | None, latest: Latest | None) -> None:
    """Name the purpose and whom to ask, and say what this page is not."""
    parts = []
    if latest is not None:
        parts.append((words("footer.rule"), words("footer.rule_value", k=latest.k)))
    if policy is not None:
        purpose = policy.purpose.get(words.language) or next(iter(policy.purpose.values()))
        parts += [(words("footer.purpose"), purpose), (words("footer.contact"), policy.contact)]
    st.caption("  ·  ".join(f"{name}: {value}" for name, value in parts))
    st.caption(words("footer.legal"))
