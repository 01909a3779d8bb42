"""The first page of a centre: its sites beside each other, coverage before rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agent.clock import SystemClock
from agent.domain.aggregate import au_rate
from agent.errors import CentralError, StoreError
from dashboard import charts_compare, places, queries_sites
from dashboard.charts import Words
from dashboard.places import title_of
from dashboard.queries import Period
from dashboard.views import sections
from dashboard.views.beside import metric_name
from dashboard.views.common import grid, local, table, trouble

if TYPE_CHECKING:
    from agent.domain.account import User
    from agent.store.central import CentralSite
    from dashboard.queries import Place
    from dashboard.queries_sites import Beside, OneSite
    from dashboard.text import Text

REFRESH_SECONDS = 60
PERIODS = (Period.DAY, Period.WEEK, Period.MONTH, Period.ALL)


def show(words: Text, _user: User) -> None:
    """Draw the page; once a minute again."""
    st.title(words("sites.title"), anchor=False)
    st.fragment(_page, run_every=REFRESH_SECONDS)(words)


def _page(words: Text) -> None:
    try:
        found = places.sites()
        if not found:
            st.info(words("sites.none"), icon=":material/hub:")
            return
        st.caption(words("sites.subtitle"))
        period = st.segmented_control(
            words("control.period"),
            PERIODS,
            default=Period.WEEK,
            format_func=lambda choice: words(f"control.period_{choice.value}"),
            required=True,
            key="sites_period",
        )
        page = queries_sites.beside(found, period)
    except (StoreError, CentralError) as error:
        trouble(words, "central", error)
        return
    _silent(words, page, found)
    if page is None:
        st.info(words("sites.empty"), icon=":material/hourglass_top:")
        return
    st.caption(words("sites.span", since=local(page.since), until=local(page.until)))
    _coverage(words, page)
    _rates(words, page)
    sections.footer(words, None, None)


def _silent(words: Text, page: Beside | None, found: list[CentralSite]) -> None:
    if page is None:
        return
    quiet = queries_sites.silent(found, SystemClock().now())
    if quiet:
        parts = ", ".join(f"{title_of(one)} ({_seen(words, one)})" for one in quiet)
        st.warning(words("sites.silent", parts=parts), icon=":material/cloud_off:")


def _seen(words: Text, site: CentralSite) -> str:
    return words("sites.never") if site.seen_at is None else local(site.seen_at)


def _coverage(words: Text, page: Beside) -> None:
    with st.container(border=True):
        st.markdown(f"## {words('sites.coverage')}")
        st.caption(words("sites.coverage_note"))
        rows = [_covered(words, one) for one in page.sites]
        grid(rows, words("sites.coverage"), tall=True)
        if len(page.models) > 1:
            st.warning(words("sites.models"), icon=":material/warning:")
        if len(page.ks) > 1:
            st.caption(words("sites.rules"))


def _covered(words: Text, one: OneSite) -> dict[str, object]:
    found, latest = one.coverage, one.latest
    nothing = words("sites.nothing")
    return {
        words("sites.site"): title_of(one.site),
        words("sites.usable"): words.percent(found.usable_share) if found else nothing,
        words("sites.hidden"): words.percent(found.hidden_share) if found else "–",
        words("sites.last"): local(latest.bucket_end) if latest else "–",
        words("sites.seen"): _seen(words, one.site),
        words("sites.rule"): words("sites.rule_value", k=latest.k) if latest else "–",
    }


def _rates(words: Text, page: Beside) -> None:
    there = page.metrics
    if not there:
        return
    with st.container(border=True):
        st.markdown(f"## {words('sites.rates')}")
        first = au_rate("AU12")
        metric = st.selectbox(
            words("compare.metric"),
            there,
            index=there.index(first) if first in there else 0,
            format_func=lambda name: metric_name(words, name),
            key="sites_metric",
            width=420,
        )
        found = [
            queries_sites.titled(title_of(one.site), one.rates.get(metric)) for one in page.sites
        ]
        name = metric_name(words, metric)
        said = ", ".join(f"{one.zone} {_value(words, one)}" for one in found)
        st.altair_chart(
            charts_compare.places(
                found,
                Words(name, words("hidden.title"), words("movement.low"), words("movement.high")),
                {one.zone: _value(words, one) for one in found if one.estimate is None},
            ),
            width="stretch",
            alt=words("sites.alt", name=name, parts=said),
            key="sites_chart",
        )
        table(words, [_row(words, one) for one in found], words("sites.rates"))


def _value(words: Text, one: Place) -> str:
    if one.estimate is not None:
        return words.percent(one.estimate.value, 1)
    return words(f"hidden.{one.reason.value}") if one.reason else words("sites.nothing")


def _row(words: Text, one: Place) -> dict[str, object]:
    low, high = (one.estimate.low, one.estimate.high) if one.estimate else (None, None)
    return {
        words("sites.site"): one.zone,
        words("movement.rate"): _value(words, one),
        words("movement.low"): words.percent(low, 1),
        words("movement.high"): words.percent(high, 1),
        words("movement.samples"): one.estimate.samples if one.estimate else None,
        words("movement.tracks"): one.estimate.tracks if one.estimate else None,
        words("compare.buckets"): words("compare.of_buckets", shown=one.shown, cells=one.cells),
    }
