"""The page from which a report of the trial is made and taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agent.errors import ConfigError, StoreError
from dashboard import queries
from dashboard.queries import Days
from dashboard.report.run import FORMATS, LANGUAGES, make_report
from dashboard.views.common import plain, trouble

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.domain.account import User
    from dashboard.text import Text

_MADE = "report_made"


def show(words: Text, _user: User) -> None:
    """Ask for period, language and format; make the report when asked to."""
    place = queries.site()
    st.title(words("reporting.title"), anchor=False)
    st.markdown(words("reporting.about"))
    try:
        newest = queries.latest(place)
        if newest is None:
            st.info(words("reporting.empty"), icon=":material/hourglass_top:")
            return
        kept = queries.kept_days(place, newest, queries.timezone_of(queries.policy(place)))
    except StoreError as error:
        trouble(words, "aggregates", error)
        return
    _asked(words, place, kept)


def _asked(words: Text, place: Site, kept: Days) -> None:
    with st.form("report_form"):
        row = st.container(horizontal=True, gap="medium")
        chosen = row.date_input(
            words("reporting.days"),
            (kept.first, kept.last),
            min_value=kept.first,
            max_value=kept.last,
            format="YYYY-MM-DD",
            key="report_days",
            width=280,
        )
        language = row.selectbox(
            words("reporting.language"),
            LANGUAGES,
            index=LANGUAGES.index(words.language),
            format_func=lambda code: words(f"reporting.language_{code}"),
            key="report_language",
            width=220,
        )
        form = row.selectbox(
            words("reporting.format"),
            list(FORMATS),
            format_func=str.upper,
            key="report_format",
            width=140,
        )
        asked = st.form_submit_button(words("reporting.make"), type="primary")
    if asked:
        st.session_state.pop(_MADE, None)
        _make(words, place, chosen, language, form)
    made = st.session_state.get(_MADE)
    if made is not None:
        content, name, mime = made
        st.success(words("reporting.ready"), icon=":material/task:")
        st.download_button(
            words("reporting.download", name=name),
            content,
            file_name=name,
            mime=mime,
            icon=":material/download:",
            on_click="ignore",
            key="report_download",
        )
    st.caption(words("reporting.note"))


def _make(words: Text, place: Site, chosen: object, language: str, form: str) -> None:
    if not isinstance(chosen, tuple) or len(chosen) != 2:
        st.warning(words("reporting.choose"), icon=":material/date_range:")
        return
    days = Days(*chosen)
    try:
        with st.spinner(words("reporting.making")):
            content = make_report(place, days, language, form)
    except ConfigError as error:
        st.error(f"{plain(str(error))}. {plain(error.advice)}", icon=":material/error:")
        return
    name = f"omokage-report-{days.first:%Y%m%d}-{days.last:%Y%m%d}.{form}"
    st.session_state[_MADE] = content, name, FORMATS[form]
