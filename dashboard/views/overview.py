"""The manager's page: coverage first, then rates with intervals; from released numbers only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from agent.clock import SystemClock
from agent.errors import CentralError, StoreError
from dashboard import places, queries
from dashboard.places import Afar, Somewhere, key_of, place_of, title_of
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
    try:
        about = _about(words)
    except (StoreError, CentralError) as error:
        trouble(words, "central", error)
        return
    if about is None:
        st.info(words("sites.none"), icon=":material/hub:")
        return
    seen = _mark(about.place)
    _draw(words, about)
    st.fragment(partial(_watch, about.place), run_every=REFRESH_SECONDS)(seen)


@dataclass(frozen=True, slots=True)
class _About:
    """Which site the page is about.

    Attributes:
        place: where its numbers lie.
        title: for people.
        timezone: IANA name.
        policy: its rules; None where they can't be read, or lie elsewhere.
    """

    place: Somewhere
    title: str
    timezone: str
    policy: Policy | None


def _about(words: Text) -> _About | None:
    """Return this machine's site, or at a centre the one that is chosen; None where there is none.

    Raises:
        CentralError: the centre refuses.
    """
    if not places.is_central():
        here = queries.site()
        policy = queries.policy(here)
        title = policy.site if policy else words("app.title")
        return _About(here, title, queries.timezone_of(policy), policy)
    found = {site.name: site for site in places.sites()}
    if not found:
        return None
    named = st.query_params.get("site", "")
    names = list(found)
    name = st.selectbox(
        words("sites.site"),
        names,
        index=names.index(named) if named in found else 0,
        format_func=lambda one: title_of(found[one]),
        key="site",
        width=420,
    )
    st.query_params["site"] = name
    return _About(Afar(name), title_of(found[name]), found[name].timezone, None)


def _watch(place: Somewhere, seen: object) -> None:
    """Have the page drawn again if it would look different; looking costs next to nothing."""
    if _mark(place) != seen:
        st.rerun()


def _mark(place: Somewhere) -> tuple[object, ...]:
    """Return what decides how the page looks, apart from what somebody chooses on it."""
    policy = queries.policy(place)
    digest = policy.digest if policy else None
    try:
        latest = queries.latest(place)
    except (StoreError, CentralError) as error:
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


def _draw(words: Text, about: _About) -> None:
    st.title(about.title, anchor=False)
    try:
        latest = queries.latest(about.place)
        if latest is None:
            _empty(words, about.policy)
        else:
            _filled(words, about, latest)
    except (StoreError, CentralError) as error:
        trouble(words, "central" if places.is_central() else "aggregates", error)


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


def _filled(words: Text, about: _About, latest: Latest) -> None:
    place, policy, timezone = about.place, about.policy, about.timezone
    bucket = words.duration(latest.bucket_seconds)
    zone, period = _controls(words, place, latest)
    if policy is not None and policy.demo:
        st.info(words("banner.demo", bucket=bucket, k=latest.k), icon=":material/science:")
    # A place of its own, so that what is unfolded below stays so when this comes and goes.
    stale = st.empty()
    if (age := _stale(latest)) is not None:
        ago = words.duration(age.total_seconds())
        said = "banner.stale_central" if places.is_central() else "banner.stale"
        stale.warning(words(said, ago=ago), icon=":material/history:")
    page = _read(key_of(place), latest, period, zone, timezone)
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


def _controls(words: Text, place: Somewhere, latest: Latest) -> tuple[str | None, Period]:
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
    return queries.overview(place_of(root), latest, period, zone, timezone)
