"""What reviews say about the model: numbers only, no clip, no person."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from agent.clock import SystemClock
from agent.config.calibration_file import read_steps
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.domain.access import Action
from agent.domain.calibration import Step, present
from agent.domain.observation import EMOTIONS
from agent.domain.review import Review
from agent.errors import ConfigError, PolicyError, StoreError
from agent.evaluation.agreement import FEWEST, Agreement, Pair, assess, wilson
from agent.evaluation.bias import Errors, Group, errors, reviewed
from agent.evaluation.differences import Compared
from agent.evaluation.proposal import FEWEST_CLIPS, Change, propose
from agent.evaluation.versions import Version, compared, of_version, versions
from agent.store.access_reader import AccessQuery, AccessReader
from agent.store.reviews import ReviewReader
from agent.submission import Fault, Finding, check
from dashboard import charts_quality, queries
from dashboard.views import bias, misjudged
from dashboard.views.common import grid, local, table

if TYPE_CHECKING:
    from agent.domain.account import User
    from dashboard.text import Text

MOST_ENTRIES = 100_000
"""Of the access log that are compared with the reviews."""
FIGURE_WIDTH = 175
"""Of a number with its name, in pixels; on a phone two stand side by side."""


@dataclass(frozen=True, slots=True)
class Quality:
    """All that the page shows.

    Attributes:
        found: of the reviews of the version that is shown.
        whole: of all reviews, whatever made the records.
        changes: that the reviews speak for.
        drawn: clips that were drawn at random so far.
        changed: reviews that aren't in the access log as they are.
        missing: reviews that are gone too early.
        steps: every calibration that a person put in force, the last one holds.
        versions: sets of models and thresholds that the reviews are about, the newest first.
        drifted: whether they differ in their share of wrong labels.
        groups: shares of wrong labels by circumstance, of the version that is shown.
        errors: whether those differ, by kind.
    """

    found: Agreement
    whole: Agreement
    changes: tuple[Change, ...]
    drawn: int
    changed: int
    missing: int
    steps: tuple[Step, ...]
    versions: tuple[Version, ...]
    drifted: Compared
    groups: tuple[Group, ...]
    errors: tuple[Errors, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """What was read: reviews, and what they are compared with."""

    reviews: tuple[Review, ...]
    versions: tuple[Version, ...]
    faults: tuple[Finding, ...]
    drawn: int
    steps: tuple[Step, ...]


def read(place: Site) -> Stored:
    """Read the reviews and hold them against the access log.

    Raises:
        StoreError: a database refuses.
        ConfigError: the calibration's file can't be understood.
    """
    steps = tuple(read_steps(place.calibration))
    with closing(ReviewReader(place.reviews)) as reader:
        stored, draws = reader.reviews(), reader.draws()
    log = AccessReader(place.access_log)
    entries = log.entries(AccessQuery(action=Action.REVIEWED), limit=MOST_ENTRIES)
    reviews = tuple(one.review for one in stored)
    faults = tuple(check(stored, entries, SystemClock().now()))
    drawn = sum(draw.drawn for draw in draws.values())
    return Stored(reviews, versions(reviews), faults, drawn, steps)


def judge(stored: Stored, chosen: int, timezone: str) -> Quality:
    """Compute what the page shows of one version.

    Args:
        stored: what was read.
        chosen: place of the version among the stored ones.
        timezone: of the site's clock.
    """
    reviews = stored.reviews
    mine = of_version(reviews, stored.versions[chosen] if stored.versions else None)
    return Quality(
        found=assess(mine),
        whole=assess(reviews),
        changes=tuple(propose(reviews, stored.steps)),
        drawn=stored.drawn,
        changed=sum(one.fault is Fault.NOT_LOGGED for one in stored.faults),
        missing=sum(one.fault is Fault.MISSING for one in stored.faults),
        steps=stored.steps,
        versions=stored.versions,
        drifted=compared(reviews),
        groups=tuple(reviewed(mine, timezone)),
        errors=errors(mine, timezone),
    )


def show(words: Text, user: User) -> None:  # noqa: ARG001 (every page is called the same way)
    """Draw the page."""
    st.title(words("evaluation.title"), anchor=False)
    st.markdown(words("evaluation.intro"))
    place = queries.site()
    try:
        stored = read(place)
        timezone = load_policy(place.policy).timezone
    except (ConfigError, PolicyError, StoreError) as error:
        trouble = words("evaluation.trouble", detail=str(error), advice=error.advice)
        st.error(trouble, icon=":material/error:")
        return
    chosen = misjudged.choice(words, stored.versions)
    quality = judge(stored, chosen, timezone)
    found = quality.found
    _chain(words, quality)
    if not found.reviews:
        st.info(words("evaluation.none"), icon=":material/hourglass_top:")
        bias.section(words, place)
        return
    _head(words, quality)
    misjudged.models(words, quality.versions[chosen])
    misjudged.by_circumstance(words, quality.groups, quality.errors)
    misjudged.by_version(words, quality.versions, quality.drifted)
    _units(words, found.units, found.random, "evaluation.units", ("person", "model"))
    _expression(words, found)
    _calibration(words, found)
    _drift(words, found)
    _proposals(words, quality)
    between = quality.whole.between_units
    pairs = max((pair.clips + pair.unseen for pair in between), default=0)
    _units(words, between, pairs, "evaluation.between", ("first", "second"))
    bias.section(words, place)


def _chain(words: Text, quality: Quality) -> None:
    if quality.changed or quality.missing:
        text = words("evaluation.chain_bad", changed=quality.changed, missing=quality.missing)
        st.error(text, icon=":material/gpp_bad:")
    elif quality.whole.reviews:
        st.caption(words("evaluation.chain_ok", n=quality.whole.reviews))


def _head(words: Text, quality: Quality) -> None:
    found = quality.found
    with st.container(border=True):
        rate = found.misjudged
        if rate.value is None:
            few = words("evaluation.summary_few", n=rate.clips, needed=FEWEST)
            st.markdown(few)
        else:
            value, low, high = (
                f"{100 * share:.0f}" for share in (rate.value, rate.low or 0.0, rate.high or 0.0)
            )
            text = words("evaluation.summary", value=value, low=low, high=high, n=rate.clips)
            st.markdown(text)
        if found.undecided.value is not None:
            share = words.percent(found.undecided.value)
            st.markdown(words("evaluation.undecided", value=share))
        row = st.container(horizontal=True, gap="xsmall")
        for name, number in (
            ("reviews", found.reviews),
            ("random", found.random),
            ("reviewers", found.reviewers),
        ):
            row.metric(words(f"evaluation.{name}"), number, width=FIGURE_WIDTH)
        row.metric(
            words("evaluation.response"),
            f"{quality.whole.random} / {quality.drawn}",
            help=words("evaluation.response_help"),
            width=FIGURE_WIDTH,
        )
        verdicts = [
            {
                words("evaluation.verdict"): words(f"review.verdict.{verdict.value}"),
                words("evaluation.clips"): count,
            }
            for verdict, count in found.verdicts.items()
        ]
        with st.expander(words("evaluation.verdicts"), icon=":material/table:"):
            grid(verdicts, words("evaluation.verdicts"))


def _units(
    words: Text, pairs: tuple[Pair, ...], clips: int, title: str, sides: tuple[str, str]
) -> None:
    with st.container(border=True):
        st.markdown(f"#### {words(title)}")
        shown = [pair for pair in pairs if pair.pabak is not None]
        if not shown:
            st.markdown(words("evaluation.few", n=clips, needed=FEWEST))
            return
        st.caption(words(f"{title}_note"))
        labels = {pair.name: f"{words(f'au.{pair.name}')} · {pair.name}" for pair in pairs}
        bars = [(labels[pair.name], pair.kappa, pair.pabak or 0.0) for pair in shown]
        names = words("evaluation.kappa"), words("evaluation.pabak")
        st.altair_chart(
            charts_quality.agreement(bars, names),
            alt=words("evaluation.alt_units"),
            width="stretch",
            key=f"{title}.chart",
        )
        rows = [
            {
                words("evaluation.movement"): labels[pair.name],
                words(f"evaluation.{sides[0]}"): words.percent(pair.first),
                words(f"evaluation.{sides[1]}"): words.percent(pair.second),
                words("evaluation.agreed"): words.percent(pair.agreed),
                words("evaluation.kappa"): _number(pair.kappa),
                words("evaluation.pabak"): _number(pair.pabak),
                words("evaluation.clips"): pair.clips,
                words("evaluation.unseen"): pair.unseen,
            }
            for pair in pairs
        ]
        table(words, rows, words(title))


def _expression(words: Text, found: Agreement) -> None:
    with st.container(border=True):
        st.markdown(f"#### {words('evaluation.class')}")
        pair = found.expression
        if pair.agreed is None:
            st.markdown(words("evaluation.few", n=pair.clips, needed=FEWEST))
            return
        line = words(
            "evaluation.class_line",
            agreed=words.percent(pair.agreed),
            n=pair.clips,
            kappa=_number(pair.kappa),
            pabak=_number(pair.pabak),
        )
        st.markdown(line)
        st.caption(words("evaluation.confusion"))
        names = [words(f"emotion.{name}") for name in EMOTIONS]
        axes = words("evaluation.person_said"), words("evaluation.model_said")
        st.altair_chart(
            charts_quality.confusion(found.confusion, names, axes),
            alt=words("evaluation.alt_confusion"),
            width="stretch",
            key="evaluation.confusion.chart",
        )
        pairs = [
            {axes[0]: names[i], axes[1]: names[j], words("evaluation.clips"): count}
            for i, row in enumerate(found.confusion)
            for j, count in enumerate(row)
            if count
        ]
        table(words, pairs, words("evaluation.class"))


def _calibration(words: Text, found: Agreement) -> None:
    if not found.bins:
        return
    with st.container(border=True):
        st.markdown(f"#### {words('evaluation.calibration')}")
        st.caption(words("evaluation.calibration_note", error=words.percent(found.error)))
        points = [
            (one.stated, one.right, *wilson(one.right, one.clips), one.clips) for one in found.bins
        ]
        names = tuple(words(f"evaluation.{key}") for key in ("stated", "right", "clips"))
        st.altair_chart(
            charts_quality.calibration(points, (names[0], names[1], names[2])),
            alt=words("evaluation.alt_calibration"),
            width="stretch",
            key="evaluation.calibration.chart",
        )
        rows = [
            {
                names[0]: f"{words.percent(one.low)} – {words.percent(one.high)}",
                names[1]: words.percent(right),
                words("evaluation.low"): words.percent(low),
                words("evaluation.high"): words.percent(high),
                names[2]: clips,
            }
            for one, (_, right, low, high, clips) in zip(found.bins, points, strict=True)
        ]
        table(words, rows, words("evaluation.calibration"))


def _drift(words: Text, found: Agreement) -> None:
    if not any(rate.value is not None for _, rate in found.weeks):
        return
    with st.container(border=True):
        st.markdown(f"#### {words('evaluation.drift')}")
        st.caption(words("evaluation.drift_note"))
        points = [
            (monday.isoformat(), rate.value, rate.low or 0.0, rate.high or 0.0)
            for monday, rate in found.weeks
            if rate.value is not None
        ]
        st.altair_chart(
            charts_quality.weekly(points, words("evaluation.share")),
            alt=words("evaluation.alt_drift"),
            width="stretch",
            key="evaluation.drift.chart",
        )
        rows = [
            {
                words("evaluation.week"): monday.isoformat(),
                words("evaluation.share"): words.percent(rate.value),
                words("evaluation.low"): words.percent(rate.low),
                words("evaluation.high"): words.percent(rate.high),
                words("evaluation.clips"): rate.clips,
            }
            for monday, rate in found.weeks
        ]
        table(words, rows, words("evaluation.drift"))


def _proposals(words: Text, quality: Quality) -> None:
    with st.container(border=True):
        st.markdown(f"#### {words('evaluation.proposals')}")
        _in_force(words, quality.steps)
        if not quality.changes:
            st.markdown(words("evaluation.proposals_none", needed=FEWEST_CLIPS))
            return
        st.markdown("\n".join(f"- {_proposal(words, change)}" for change in quality.changes))
        st.markdown(words("evaluation.proposals_how"))
        st.code("omokage calibrate apply --reason …", language="sh")
        st.caption(words("evaluation.proposals_note"))


def _in_force(words: Text, steps: tuple[Step, ...]) -> None:
    """Say what holds now, since when, and how to take it back."""
    held = present(steps)
    if not held.changes:
        st.markdown(words("evaluation.as_shipped"))
        return
    parts = [
        words("evaluation.from", name=f"{words(f'au.{label}')} · {label}", value=f"{value:g}")
        for label, value in sorted(held.thresholds.items())
    ]
    if held.temperature != 1.0:
        parts.append(words("evaluation.times", value=f"{held.temperature:g}"))
    at = local(steps[-1].at, "%Y-%m-%d %H:%M")
    joined = words("evaluation.comma").join(parts)
    st.markdown(words("evaluation.in_force", at=at, what=joined, name=held.name))


def _proposal(words: Text, change: Change) -> str:
    if change.name == "class":
        return words(
            "evaluation.proposal_class",
            now=f"{change.now:.2f}",
            proposed=f"{change.proposed:.2f}",
            before=f"{change.before:.2f}",
            after=f"{change.after:.2f}",
            n=change.clips,
        )
    return words(
        "evaluation.proposal_unit",
        name=f"{words(f'au.{change.name}')} · {change.name}",
        now=f"{change.now:.1f}",
        proposed=f"{change.proposed:.1f}",
        before=words.percent(change.before),
        after=words.percent(change.after),
        n=change.clips,
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
