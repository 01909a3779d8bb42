"""The manager's page: coverage first, then rates with intervals; from released numbers only."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from agent.clock import SystemClock
from agent.config.site import Site
from agent.errors import StoreError
from dashboard import queries
from dashboard.queries import Overview, Period
from dashboard.troubles import kind_of
from dashboard.views import beside, faces, sections
from dashboard.views.change import change
from dashboard.views.common import trouble

if TYPE_CHECKING:
    from agent.domain.account import User
    from agent.domain.policy import Policy
    from agent.store.aggregates import Latest
    from dashboard.text import Text

REFRESH_SECONDS = 5
STALE_BUCKETS = 2
STALE_GRACE = timedelta(seconds=30)


def show(words: Text, _user: User) -> None:
    """Draw the page, and draw it again as soon as there is something new."""
    place = queries.site()
    seen = _mark(place)
    _draw(words, place)
    st.fragment(_watch, run_every=REFRESH_SECONDS)(seen)


def _watch(seen: object) -> None:
    """Have the page drawn again if it would look different; looking costs next to nothing."""
    if _mark(queries.site()) != seen:
        st.rerun()


def _mark(place: Site) -> tuple[object, ...]:
    """Return what decides how the page looks, apart from what somebody chooses on it."""
    policy = queries.policy(place)
    digest = policy.digest if policy else None
    try:
        latest = queries.latest(place)
    except StoreError as error:
        return digest, kind_of(error)
    return digest, latest, latest is not None and _stale(latest) is not None


def _stale(latest: Latest) -> timedelta | None:
    """Return the age of the newest numbers where it is more than it should be."""
    # An agent that stops releases its open bucket early, so the end may still lie ahead.
    age = max(SystemClock().now() - latest.bucket_end, timedelta(0))
    return (
        age
        if age > STALE_BUCKETS * timedelta(seconds=latest.bucket_seconds) + STALE_GRACE
        else None
    )


def _draw(words: Text, place: Site) -> None:
    policy = queries.policy(place)
    st.title(policy.site if policy else words("app.title"), anchor=False)
    try:
        latest = queries.latest(place)
        if latest is None:
            _empty(words, policy)
        else:
            _filled(words, place, policy, latest)
    except StoreError as error:
        trouble(words, "aggregates", error)


def _empty(words: Text, policy: Policy | None) -> None:
    bucket = ""
    if policy is not None:
        length = words.duration(policy.release.bucket.total_seconds())
        bucket = words("state.empty_bucket", bucket=length)
    st.info(
        f"**{words('state.empty_title')}**\n\n{words('state.empty', bucket=bucket)}",
        icon=":material/hourglass_top:",
    )
    sections.footer(words, policy, None)


def _filled(words: Text, place: Site, policy: Policy | None, latest: Latest) -> None:
    bucket = words.duration(latest.bucket_seconds)
    zone, period = _controls(words, place, latest)
    if policy is not None and policy.demo:
        st.info(words("banner.demo", bucket=bucket, k=latest.k), icon=":material/science:")
    if (age := _stale(latest)) is not None:
        ago = words.duration(age.total_seconds())
        st.warning(words("banner.stale", ago=ago), icon=":material/history:")
    timezone = queries.timezone_of(policy)
    page = _read(str(place.root), latest, period, zone, timezone)
    sections.coverage(words, page, zone, policy, latest)
    faces.movement(words, page)
    faces.emotion(words, page)
    metric = beside.chosen_metric(words, page)
    if metric is not None:
        beside.by_hour(words, place, latest, zone, metric, timezone)
        beside.places(words, place, latest, period, metric, timezone)
        change(words, place, latest, zone, timezone)
    sections.hidden(words, page, policy, latest)
    beside.download(words, place, latest, period, zone, timezone)
    sections.footer(words, policy, latest)


def _controls(words: Text, place: Site, latest: Latest) -> tuple[str | None, Period]:
    names = queries.zones(place)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    period = row.segmented_control(
        words("control.period"),
        list(Period),
        default=queries.fitting_period(latest.bucket_seconds),
        format_func=lambda choice: words(f"control.period_{choice.value}"),
        required=True,
        key="period",
    )
    if len(names) < 2:
        return None, period
    zone = row.selectbox(
        words("control.zone"),
        ["", *names],
        format_func=lambda name: name or words("control.all_zones"),
        key="zone",
        width=220,
    )
    return zone or None, period


# Shared between sessions on purpose: these are released numbers, the same for everybody. The
# newest release is part of the key, so that the rows are read again only when there are new ones.
@st.cache_data(max_entries=16, ttl=3600, show_spinner=False)
def _read(root: str, latest: Latest, period: Period, zone: str | None, timezone: str) -> Overview:
    return queries.overview(Site(Path(root)), latest, period, zone, timezone)
