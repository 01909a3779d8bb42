"""The rules, what is kept until when, what was deleted; read-only, for everybody."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import streamlit as st

from agent.clock import SystemClock
from agent.config.words import RETENTION, load_words
from agent.domain.policy import local_day
from agent.errors import AgentError, StoreError
from dashboard import entries, queries, queries_live, queries_policy
from dashboard.queries_live import State
from dashboard.queries_policy import TierRow
from dashboard.views.common import grid, plain, trouble

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.domain.account import User
    from agent.domain.policy import Policy
    from agent.domain.profile import Profile
    from agent.retention.summary import Group
    from dashboard.queries_live import Health
    from dashboard.queries_policy import Outlook, Rules, Stock
    from dashboard.text import Text

TABS = ("kept", "rules", "receipts", "law", "notice", "change")
DIGITS = 12
NOTICE_HEIGHT = 900
COMMANDS = {
    "copy": "cp policy.toml policy-new.toml",
    "check": "omokage policy check policy-new.toml",
    "plan": "omokage policy plan policy-new.toml",
    "review": "omokage policy show policy-new.toml",
    "apply": "mv policy-new.toml policy.toml\nomokage policy apply --accept",
}


def show(words: Text, _user: User) -> None:
    """Draw the page once; it is reading matter, not a monitor."""
    place = queries.site()
    found = queries_policy.rules(place)
    now = SystemClock().now()
    health = queries_live.health(place, now)
    st.title(words("rules.title"), anchor=False)
    if found.policy is None or found.profile is None:
        _broken(words, found)
        return
    policy, profile = found.policy, found.profile
    st.caption(
        words(
            "rules.subtitle",
            site=plain(policy.site),
            digest=f"`{policy.digest[:DIGITS]}`",
            profile=profile.title[words.language],
        )
    )
    _in_force(words, policy, health)
    tabs = dict(zip(TABS, st.tabs([words(f"rules.tab_{tab}") for tab in TABS]), strict=True))
    with tabs["kept"]:
        _kept(words, place, policy, health)
    with tabs["rules"]:
        _told(words, policy, profile)
    with tabs["receipts"]:
        _receipts(words, place, policy)
    with tabs["law"]:
        _law(words, policy, profile)
    with tabs["notice"]:
        _notice(words, place, policy, now)
    with tabs["change"]:
        _change(words)


def _broken(words: Text, found: Rules) -> None:
    st.error(
        f"**{words('rules.broken_title')}**\n\n{words('rules.broken')}", icon=":material/error:"
    )
    if found.problems:
        st.code("\n".join(found.problems), language=None, wrap_lines=True)
    _change(words)


def _in_force(words: Text, policy: Policy, health: Health) -> None:
    """Say whether the running agent follows this very file."""
    if health.state is not State.RUNNING:
        st.warning(words("rules.down"), icon=":material/pause_circle:")
    elif health.policy and health.policy != policy.digest:
        old = f"`{health.policy[:DIGITS]}`"
        st.warning(words("rules.differs", digest=old), icon=":material/restart_alt:")
    elif health.policy:
        st.caption(f":green[:material/check_circle:] {words('rules.same')}")
    st.caption(f":material/lock: {words('rules.read_only')}")


# --- what is kept --------------------------------------------------------------------------------


def _kept(words: Text, place: Site, policy: Policy, health: Health) -> None:
    stock = queries_policy.stock(place)
    try:
        outlook = queries_policy.outlook(place, policy, stock)
    except AgentError as error:
        st.error(plain(error.sentences), icon=":material/error:")
        return
    _figures(words, policy, outlook)
    for name, refusal in stock.refused.items():
        trouble(words, name, refusal)
    if "segments" in stock.refused and health.upkeep is not None and health.at is not None:
        st.caption(
            words(
                "kept.records_said",
                at=_clock(policy, health.at),
                overdue=words("kept.unknown")
                if health.upkeep.overdue is None
                else health.upkeep.overdue,
                next=_clock(policy, health.upkeep.next_due),
            )
        )
    _stops(words, policy, outlook)
    st.markdown(f"## {words('kept.tiers')}")
    st.caption(words("kept.tiers_note"))
    rows = queries_policy.tiers(policy, stock, outlook.plan, _log_row(words, place, policy))
    cells = [_tier(words, policy, row) for row in rows]
    grid(cells, words("kept.tiers"), tall=True)
    st.markdown(f"## {words('kept.plan')}")
    _plan(words, policy, outlook)
    st.markdown(f"## {words('kept.holds')}")
    _holds(words, policy, stock)


def _clock(policy: Policy, instant: datetime | None) -> str:
    """Write an instant by the site's clock, which the policy speaks of; a dash for none."""
    if instant is None:
        return "–"
    return f"{instant.astimezone(ZoneInfo(policy.timezone)):%Y-%m-%d %H:%M}"


def _figures(words: Text, policy: Policy, outlook: Outlook) -> None:
    due = outlook.plan.next_due
    local = None if due is None else due.astimezone(ZoneInfo(policy.timezone))
    row = st.container(horizontal=True, gap="xsmall")
    figures = (
        (
            "next",
            "–" if local is None else f"{local:%H:%M}",
            None if local is None else f"{local:%Y-%m-%d}",
        ),
        ("overdue", f"{sum(group.rows for group in outlook.due):,}", None),
        ("waiting", f"{outlook.clearance.waiting_rows:,}", None),
        ("held", f"{sum(group.rows for group in outlook.held):,}", None),
    )
    for key, value, below in figures:
        row.metric(
            words(f"kept.{key}"), value, delta=below, delta_color="off", delta_arrow="off",
            help=words(f"kept.{key}_help"), border=True, width=170, height=124,
        )  # fmt: skip


def _stops(words: Text, policy: Policy, outlook: Outlook) -> None:
    """Say what stands in the way of a deletion, in the sentences of `omokage policy plan`."""
    said, sentences = [], load_words(words.language, RETENTION)
    if outlook.verdict.doubt is not None:
        at = _clock(policy, outlook.verdict.mark.wall)
        said.append(sentences(f"doubt.{outlook.verdict.doubt}", at=at))
    if outlook.clearance.stop is not None:
        number = outlook.clearance.waiting_rows
        said.append(sentences(f"stop.{outlook.clearance.stop}", rows=number))
    for sentence in said:
        end = "。" if words.language == "ja" else "."
        st.warning(f"{sentence[:1].upper()}{sentence[1:]}{end}", icon=":material/warning:")


def _log_row(words: Text, place: Site, policy: Policy) -> TierRow:
    try:
        return queries_policy.log_row(place, policy)
    except StoreError as error:
        trouble(words, "access_log", error)
        return queries_policy.unseen_log(policy)


def _tier(words: Text, policy: Policy, row: TierRow) -> dict[str, str]:
    seen = row.parts is not None
    return {
        words("kept.what"): words(f"kept.tier_{row.tier.value}"),
        words("kept.most"): queries_policy.lifetime(row.most, words.language),
        words("kept.parts"): f"{row.parts:,}" if seen else words("kept.hidden"),
        words("kept.rows"): f"{row.rows:,}" if seen else "–",
        words("kept.oldest"): _clock(policy, row.oldest),
        words("kept.newest"): _clock(policy, row.newest),
        words("kept.goes"): _clock(policy, row.next_due),
    }


def _plan(words: Text, policy: Policy, outlook: Outlook) -> None:
    st.caption(words("kept.plan_note"))
    fates = (
        ("due", outlook.due), ("waiting", outlook.waiting), ("held", outlook.held),
        ("kept", outlook.kept),
    )  # fmt: skip
    rows = [_lot(words, policy, fate, group) for fate, groups in fates for group in groups]
    if not rows:
        st.markdown(words("kept.nothing"))
        return
    grid(rows, words("kept.plan"))


def _lot(words: Text, policy: Policy, fate: str, group: Group) -> dict[str, str]:
    places = {"": words("kept.everywhere"), "*": words("kept.together")}
    return {
        words("kept.fate"): words(f"kept.fate_{fate}"),
        words("kept.what"): words(f"kept.tier_{group.tier.value}"),
        words("kept.where"): places.get(group.zone, group.zone),
        words("kept.parts"): f"{group.holdings:,}",
        words("kept.rows"): f"{group.rows:,}",
        words("kept.why"): group.sentence(policy.timezone, load_words(words.language, RETENTION)),
    }


def _holds(words: Text, policy: Policy, stock: Stock) -> None:
    if not stock.holds:
        st.markdown(words("kept.hidden" if "segments" in stock.refused else "kept.holds_none"))
        return
    now = SystemClock().now()
    rows = []
    for hold in reversed(stock.holds):
        over = f" ({words('kept.hold_over')})" if hold.expires_at <= now else ""
        rows.append(
            {
                words("kept.hold_reason"): hold.reason,
                words("kept.hold_by"): hold.approver,
                words("kept.where"): hold.zone or words("kept.everywhere"),
                words("kept.hold_since"): _clock(policy, hold.since),
                words("kept.hold_until"): _clock(policy, hold.until),
                words("kept.hold_ends"): _clock(policy, hold.expires_at) + over,
            }
        )
    grid(rows, words("kept.holds"), tall=True)


# --- the rules and the law -----------------------------------------------------------------------


def _told(words: Text, policy: Policy, profile: Profile) -> None:
    told = queries_policy.told(policy, profile, words.language)
    sections = [section for section in told if section.id != "law"]  # it has a tab of its own
    for first in range(0, len(sections), 2):
        for column, section in zip(st.columns(2), sections[first : first + 2], strict=False):
            with column.container(border=True, height="stretch"):
                st.markdown(f"**{section.title}**")
                st.markdown("\n".join(f"- {plain(text)}" for text in section.sentences))


def _law(words: Text, policy: Policy, profile: Profile) -> None:
    title, date = profile.title[words.language], profile.verified_on.isoformat()
    st.markdown(f"## {words('law.title', title=title, date=date)}")
    st.markdown("\n".join(f"- {plain(text)}" for text in profile.about[words.language]))
    st.markdown(f"## {words('law.limits')}")
    found = queries_policy.bounds(policy, profile, words.language)
    if not found:
        st.markdown(words("law.limits_none"))
    else:
        rows = [
            {
                words("law.about"): bound.about,
                words("law.asked"): bound.asked,
                words("law.bound"): bound.bound,
                words("law.basis"): bound.basis,
                words("law.because"): bound.because,
            }
            for bound in found
        ]
        grid(rows, words("law.limits"), tall=True)
    st.markdown(f"## {words('law.sources')}")
    lines = [
        f"- [{plain(str(source))}]({source.url})" if source.url else f"- {plain(str(source))}"
        for source in profile.sources.values()
    ]
    st.markdown("\n".join(lines))
    st.caption(words("law.not_advice"))


# --- what was deleted ----------------------------------------------------------------------------


def _receipts(words: Text, place: Site, policy: Policy) -> None:
    st.markdown(f"## {words('receipt.title')}")
    st.caption(words("receipt.note"))
    try:
        found = queries_policy.receipts(place)
    except StoreError as error:
        trouble(words, "access_log", error)
        return
    if not found:
        st.markdown(words("receipt.none"))
        return
    rows = []
    for entry in found:
        event = entry.event
        rows.append(
            {
                words("receipt.at"): _clock(policy, event.at),
                words("receipt.action"): words(f"action.{event.action.value}"),
                words("receipt.how"): entries.purpose(words, event.purpose),
                words("receipt.counts"): entries.counts(words, event.counts),
                # Names and notes may be personal: they are for those who may read the access log.
                words("receipt.by"): words(f"who.{event.role.value}"),
                words("receipt.policy"): entries.policy_of(entry)[:DIGITS],
                words("receipt.entry"): entry.number,
            }
        )
    grid(rows, words("receipt.title"), tall=True)


# --- the notice ----------------------------------------------------------------------------------


def _notice(words: Text, place: Site, policy: Policy, now: datetime) -> None:
    st.markdown(words("notice.about"))
    names = {"ja": "日本語", "en": "English", "both": words("notice.both")}
    language = st.segmented_control(
        words("notice.language"),
        list(names),
        default=words.language,
        format_func=names.__getitem__,
        required=True,
        key="notice_language",
    )
    issued = local_day(policy, now)
    try:
        page = queries_policy.notice_page(policy, language, issued)
    except AgentError as error:
        _undrawn(words, error)
        return
    row = st.container(horizontal=True, gap="small")
    row.download_button(
        words("notice.web"), page, f"notice-{language}.html", "text/html",
        icon=":material/html:", on_click="ignore", key="notice_html",
    )  # fmt: skip
    made: dict[tuple[str, str], bytes] = st.session_state.setdefault("notice_pdf", {})
    wanted = (policy.digest, language)
    if wanted not in made:
        if row.button(words("notice.make"), icon=":material/picture_as_pdf:", key="notice_make"):
            _make(words, place, made, wanted, issued)
    else:
        row.download_button(
            words("notice.print"), made[wanted], f"notice-{language}.pdf", "application/pdf",
            icon=":material/download:", type="primary", on_click="ignore", key="notice_save",
        )  # fmt: skip
    st.caption(words("notice.preview"))
    st.iframe(page, height=NOTICE_HEIGHT)


def _make(
    words: Text, place: Site, made: dict[tuple[str, str], bytes], wanted: tuple[str, str],
    issued: date,
) -> None:  # fmt: skip
    try:
        with st.spinner(words("notice.making")):
            made.clear()
            made[wanted] = queries_policy.notice_pdf(place, wanted[1], issued)
    except AgentError as error:
        _undrawn(words, error)
        return
    st.rerun()


def _undrawn(words: Text, error: AgentError) -> None:
    said = plain(error.sentences)
    st.error(f"**{words('notice.failed')}**  \n{said}", icon=":material/error:")


# --- changing it ---------------------------------------------------------------------------------


def _change(words: Text) -> None:
    st.markdown(words("change.about"))
    for number, (step, commands) in enumerate(COMMANDS.items(), 1):
        st.markdown(f"{number}. {words(f'change.step_{step}')}")
        st.code(commands, language=None)
