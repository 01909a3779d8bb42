"""Who did what: for auditors and administrators. A session's first look a day is an entry itself.

Where the look can't be written down the page says so and goes on reading, since a broken log must
be examined by somebody; an export, which leaves the building, is refused then.
"""

from __future__ import annotations

import base64
import html
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import streamlit as st

from agent.audit.findings import Kind
from agent.clock import SystemClock
from agent.domain.access import Action, Decision, Role
from agent.domain.access_entry import to_ranges
from agent.errors import AuditBroken, ConfigError, StoreError
from agent.store.access_reader import AccessQuery
from dashboard import entries, queries, queries_access
from dashboard.documents.qr import qr_svg
from dashboard.views.common import facts, grid, local, trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.audit.findings import Finding
    from agent.config.site import Site
    from agent.domain.access_entry import AccessEntry
    from agent.domain.account import User
    from dashboard.queries_access import Checked, LogPage, Signed
    from dashboard.text import Text

TABS = ("entries", "verify", "checkpoint", "export")
MOST_NUMBERS = 12
SHORT_LOG = 25
"""Entries that are shown without a frame to scroll in."""
QR_PIXELS = 280
_LOOKED = "log_looked"
_CURSORS = "log_cursors"
_FILTER = "log_filter"
_FILE = "log_file"
_CHECKED = "log_checked"


def show(words: Text, user: User) -> None:
    """Draw the page once; a filter or a button draws it again."""
    place = queries.site()
    st.title(words("access.title"), anchor=False)
    st.caption(words("access.subtitle"))
    if not queries_access.exists(place):
        st.info(words("access.none"), icon=":material/hourglass_top:")
        return
    _look(words, place, user)
    tabs = dict(zip(TABS, st.tabs([words(f"access.tab_{tab}") for tab in TABS]), strict=True))
    with tabs["entries"]:
        query = _filter(words)
        _entries(words, place, query)
    with tabs["verify"]:
        _verify(words, place)
    with tabs["checkpoint"]:
        _checkpoint(words, place)
    with tabs["export"]:
        _export(words, place, user, query)


def _look(words: Text, place: Site, user: User) -> None:
    """Write down once a session and day that this user looks; say so where it can't be done."""
    now = SystemClock().now()
    seen = (user.name, now.date())
    if st.session_state.get(_LOOKED) == seen:
        return
    try:
        queries_access.record_look(place, user, now)
    except StoreError:
        st.warning(words("access.unlogged"), icon=":material/edit_off:")
    else:
        st.session_state[_LOOKED] = seen


# --- entries -------------------------------------------------------------------------------------


def _filter(words: Text) -> AccessQuery:
    """Ask which entries, and return the question."""
    first = st.columns(4)
    since = first[0].date_input(words("filter.since"), None, key="log_since", format="YYYY-MM-DD")
    until = first[1].date_input(words("filter.until"), None, key="log_until", format="YYYY-MM-DD")
    role = first[2].selectbox(
        words("filter.role"),
        ["", *(role.value for role in Role)],
        format_func=lambda value: words(f"who.{value}") if value else words("filter.any"),
        key="log_role",
    )
    action = first[3].selectbox(
        words("filter.action"),
        ["", *(action.value for action in Action)],
        format_func=lambda value: words(f"action.{value}") if value else words("filter.any"),
        key="log_action",
    )
    second = st.columns([1, 2, 1], vertical_alignment="bottom")
    actor = second[0].text_input(words("filter.actor"), key="log_actor").strip()
    thing = second[1].text_input(words("filter.object"), key="log_object").strip()
    refused = second[2].toggle(words("filter.refused"), key="log_refused")
    if isinstance(since, date) and isinstance(until, date) and since > until:
        st.warning(words("filter.swapped"), icon=":material/event_busy:")
    return AccessQuery(
        since=_midnight(since),
        until=_midnight(until, days=1),
        actor=actor or None,
        role=Role(role) if role else None,
        action=Action(action) if action else None,
        decision=Decision.REFUSED if refused else None,
        object=thing or None,
    )


def _midnight(day: object, days: int = 0) -> datetime | None:
    """Return where a day begins by the browser's clock, some days later; None for no day."""
    if not isinstance(day, date):
        return None
    name = st.context.timezone
    begin = datetime.combine(day + timedelta(days=days), time())
    return begin.replace(tzinfo=ZoneInfo(name)) if name else begin.astimezone()


def _entries(words: Text, place: Site, query: AccessQuery) -> None:
    if st.session_state.get(_FILTER) != query:
        st.session_state[_FILTER] = query
        st.session_state[_CURSORS] = []
    cursors: list[int] = st.session_state[_CURSORS]
    try:
        page = queries_access.read(place, query, cursors[-1] if cursors else None)
    except StoreError as error:
        trouble(words, "access_log", error)
        return
    if not page.entries:
        st.markdown(words("filter.nothing"))
        return
    begin = len(cursors) * queries_access.PAGE_ROWS
    st.caption(
        words(
            "filter.found",
            n=f"{page.matching:,}",
            first=f"{begin + 1:,}",
            last=f"{begin + len(page.entries):,}",
        )
    )
    _table(words, page.entries)
    if cursors or page.older is not None:
        _turn(words, page, cursors)


def _table(words: Text, found: Sequence[AccessEntry]) -> None:
    rows = [
        {
            words("column.number"): f"{entry.number}",
            words("column.at"): local(entry.event.at, "%Y-%m-%d %H:%M:%S"),
            words("column.actor"): entries.who(words, entry),
            words("column.role"): words(f"who.{entry.event.role.value}"),
            words("column.action"): words(f"action.{entry.event.action.value}"),
            words("column.decision"): words(f"decision.{entry.event.decision.value}"),
            words("column.purpose"): entries.purpose(words, entry.event.purpose),
            words("column.objects"): entries.objects(entry.event.objects),
            words("column.counts"): entries.counts(words, entry.event.counts),
            words("column.note"): entries.note(words, entry),
        }
        for entry in found
    ]
    grid(rows, words("access.tab_entries"), tall=len(rows) <= SHORT_LOG)


def _turn(words: Text, page: LogPage, cursors: list[int]) -> None:
    row = st.container(horizontal=True, gap="small")
    if row.button(
        words("filter.newer"), icon=":material/chevron_left:", disabled=not cursors, key="log_newer"
    ):
        cursors.pop()
        st.rerun()
    if row.button(
        words("filter.older"),
        icon=":material/chevron_right:",
        disabled=page.older is None,
        key="log_older",
    ):
        assert page.older is not None
        cursors.append(page.older)
        st.rerun()


# --- verify --------------------------------------------------------------------------------------


def _verify(words: Text, place: Site) -> None:
    st.markdown(words("verify.about"))
    pasted = st.text_area(
        words("verify.pasted"), help=words("verify.pasted_help"), height=120, key="log_pasted"
    )
    key = st.text_input(words("verify.key"), key="log_key")
    if st.button(words("verify.run"), type="primary", icon=":material/verified:", key="log_verify"):
        st.session_state.pop(_CHECKED, None)
        with st.spinner(words("verify.running")):
            checked = _check(words, place, pasted, key)
        if checked is not None:
            st.session_state[_CHECKED] = checked
    if (known := st.session_state.get(_CHECKED)) is not None:
        _verdict(words, known)


def _check(words: Text, place: Site, pasted: str, key: str) -> Checked | None:
    try:
        return queries_access.check(place, pasted, key)
    except ConfigError as error:
        wrong = "bad_paste" if "pasted" in str(error) else "bad_key"
        st.warning(words(f"verify.{wrong}"), icon=":material/edit:")
    except AuditBroken:
        st.error(words("verify.overwritten"), icon=":material/gpp_bad:")
    except StoreError as error:
        trouble(words, "access_log", error)
    return None


def _verdict(words: Text, checked: Checked) -> None:
    verdict = checked.verdict
    if checked.sound:
        st.success(words("verify.sound"), icon=":material/verified_user:")
    else:
        st.error(words("verify.broken"), icon=":material/gpp_bad:")
    if not checked.keys:
        st.warning(words("verify.no_key"), icon=":material/key_off:")
    for kind, found in checked.by_kind().items():
        _finding(words, kind, found)
    span = words("verify.entries_value", n=f"{verdict.entries:,}", first=verdict.first,
                 last=verdict.last)  # fmt: skip
    facts(
        (
            (words("verify.entries"), span),
            (words("verify.checkpoints"), f"{verdict.checkpoints:,}"),
            (words("verify.from_elsewhere"), f"{checked.pasted:,}"),
            (words("verify.unsigned"), f"{checked.unsigned:,}"),
            (words("verify.erased"), f"{verdict.erased:,}"),
        )
    )
    notes = []
    if verdict.first > 1:
        notes.append(words("verify.pruned", first=verdict.first))
    if not checked.pasted:
        notes.append(words("verify.no_witness"))
    for note in notes:
        st.caption(note)
    if checked.findings:
        with st.expander(words("verify.judge"), icon=":material/gavel:"):
            said = "\n".join(finding.sentence for finding in checked.findings[:50])
            st.code(said, language=None, wrap_lines=True)


def _finding(words: Text, kind: Kind, found: Sequence[Finding]) -> None:
    numbers = [finding.entry for finding in found if finding.entry is not None]
    ranges = to_ranges(numbers)
    shown = ", ".join(ranges[:MOST_NUMBERS]) + (" …" if len(ranges) > MOST_NUMBERS else "")
    where = f"  \n{words('verify.where', numbers=shown)}" if ranges else ""
    text = f"**{words(f'finding.{kind.value}')}**{where}"
    (st.warning if kind.fatal else st.info)(text, icon=":material/search:")


# --- checkpoint ----------------------------------------------------------------------------------


def _checkpoint(words: Text, place: Site) -> None:
    st.markdown(words("checkpoint.about"))
    try:
        newest = queries_access.newest_checkpoint(place)
    except StoreError as error:
        trouble(words, "access_log", error)
        return
    if newest is None:
        st.info(words("checkpoint.none"), icon=":material/draw:")
        return
    at = local(newest.stored.at)
    st.markdown(f"## {words('checkpoint.signed', at=at, n=f'{newest.stored.size:,}')}")
    left, right = st.columns([3, 2], gap="large")
    with left:
        _as_text(words, newest)
    with right:
        st.caption(words("checkpoint.code"))
        _qr(newest.stored.note, words("checkpoint.code_alt"))
        st.caption(words("checkpoint.qr_note"))
    st.markdown(f"## {words('checkpoint.how')}")
    st.markdown("\n".join(f"{n}. {words(f'checkpoint.step_{n}')}" for n in range(1, 5)))


def _qr(text: str, said: str) -> None:
    """Draw a QR code with a name for screen readers, which the page server's images can't have."""
    code = base64.b64encode(qr_svg(text).encode()).decode()
    st.html(
        f'<img src="data:image/svg+xml;base64,{code}" width="{QR_PIXELS}" height="{QR_PIXELS}" '
        f'alt="{html.escape(said, quote=True)}">'
    )


def _as_text(words: Text, newest: Signed) -> None:
    st.caption(words("checkpoint.text"))
    st.code(newest.stored.note, language=None, wrap_lines=True)
    if newest.key:
        st.caption(words("checkpoint.key"))
        st.code(newest.key, language=None, wrap_lines=True)
    else:
        st.caption(words("checkpoint.key_unseen"))
    whole = f"{newest.stored.note}\n{newest.key}\n" if newest.key else newest.stored.note
    st.download_button(
        words("checkpoint.save"), whole, f"omokage-checkpoint-{newest.stored.size}.txt",
        "text/plain", icon=":material/download:", on_click="ignore", key="log_checkpoint",
    )  # fmt: skip


# --- export --------------------------------------------------------------------------------------


def _export(words: Text, place: Site, user: User, query: AccessQuery) -> None:
    st.markdown(words("hand.about"))
    purpose = st.text_input(words("hand.purpose"), max_chars=200, key="log_purpose").strip()
    kind = st.radio(
        words("hand.kind"),
        ["jsonl", "csv"],
        format_func=lambda value: words(f"hand.{value}"),
        key="log_kind",
    )
    if query != AccessQuery():
        st.caption(words("hand.part"))
    if st.button(words("hand.make"), icon=":material/edit_note:", key="log_make"):
        st.session_state.pop(_FILE, None)
        if purpose:
            _prepare(words, place, user, query, kind=kind, purpose=purpose)
        else:
            st.warning(words("hand.no_purpose"), icon=":material/edit:")
    if (made := st.session_state.get(_FILE)) is not None:
        name, content = made
        st.download_button(
            words("hand.save", name=name), content, name, "application/octet-stream",
            type="primary", icon=":material/download:", on_click="ignore", key="log_save",
        )  # fmt: skip


def _prepare(
    words: Text, place: Site, user: User, query: AccessQuery, *, kind: str, purpose: str
) -> None:
    now = SystemClock().now()
    try:
        content = queries_access.export(place, query, kind, user=user, purpose=purpose, now=now)
    except StoreError as error:
        st.error(words("hand.refused"), icon=":material/block:")
        trouble(words, "access_log", error)
        return
    st.session_state[_FILE] = (f"access-log-{now:%Y%m%dT%H%M%SZ}.{kind}", content)
