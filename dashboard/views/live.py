"""How cameras and agent are, for everybody; never a picture. Works while the agent is down."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from agent.clock import SystemClock
from agent.config.site import Site
from agent.domain.frame import FrameStatus
from agent.domain.schedule import CaptureReason
from agent.errors import StoreError
from dashboard import alarms, charts, queries, queries_live
from dashboard.alarms import Alarm, Level
from dashboard.queries_live import Capture, State, Today
from dashboard.views.common import facts, legend, local, moment, table, trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.domain.account import User
    from agent.domain.policy import Policy
    from dashboard.estimates import Coverage
    from dashboard.queries_live import Camera, Disk, Health
    from dashboard.text import Text

REFRESH_SECONDS = 2
PATIENCE_SECONDS = 0.3
"""With a locked database; far less than the page's own rhythm, or it would never be whole."""
GIGABYTE = 1e9
_BOX = {Level.NOW: st.error, Level.SOON: st.warning, Level.KNOW: st.info}
_ICON = {
    Level.NOW: ":material/error:",
    Level.SOON: ":material/warning:",
    Level.KNOW: ":material/info:",
}
_SIGN = {
    FrameStatus.OK: ":green[:material/check_circle:]",
    FrameStatus.NO_FACE: ":green[:material/check_circle:]",
    FrameStatus.TOO_DARK: ":orange[:material/warning:]",
    FrameStatus.BLURRED: ":orange[:material/warning:]",
    FrameStatus.FROZEN: ":red[:material/error:]",
    FrameStatus.PAUSED: ":gray[:material/pause_circle:]",
    FrameStatus.CAMERA_LOST: ":red[:material/videocam_off:]",
    None: ":gray[:material/help:]",
}
_CLOSED = {
    CaptureReason.OUTSIDE_WINDOWS: "camera.outside_windows",
    CaptureReason.CLOSED_DAY: "camera.closed_day",
    CaptureReason.PAUSED: "camera.closed_paused",
    CaptureReason.PAUSE_UNREADABLE: "camera.pause_unreadable",
}


def show(words: Text, _user: User) -> None:
    """Draw the page, and draw it again by itself while it is open."""
    st.title(words("live.title"), anchor=False)
    st.fragment(_draw, run_every=REFRESH_SECONDS)(words)


def _draw(words: Text) -> None:
    place = queries.site()
    rules = queries.policy(place)
    now = SystemClock().now()
    health = queries_live.health(place, now)
    disk = queries_live.disk(place)
    name = rules.site if rules else place.root.name
    st.caption(words("live.subtitle", site=name, seconds=REFRESH_SECONDS))
    found = alarms.alarms(health, rules, disk, now)
    capture = health.capture
    if health.state is not State.RUNNING and rules is not None:
        capture = queries_live.capture_by_policy(place, rules, now)
    day, refusal = _day(place, rules, now)
    # Each part has a box of its own: where one more alarm would move what comes after it, the
    # browser would draw that anew, folded up and without the keyboard's focus.
    with st.container():
        for alarm in found:
            _alarm(words, alarm, now)
        if refusal is not None:
            trouble(words, "aggregates", refusal)
        if not capture.allowed:
            st.info(_closed(words, capture, now), icon=":material/schedule:")
        elif refusal is None and not any(alarm.level < Level.KNOW for alarm in found):
            count = len(health.cameras)
            cameras = words("live.watching_one" if count == 1 else "live.watching_many", n=count)
            st.success(words("live.well_watching", cameras=cameras), icon=":material/check_circle:")
    with st.container():
        _figures(words, health, disk, now)
    with st.container():
        _cameras(words, health, day, now)
    with st.container():
        _more(words, health, now)


def _alarm(words: Text, alarm: Alarm, now: datetime) -> None:
    at = "?" if alarm.at is None else moment(alarm.at, now)
    values = {**alarm.values, "at": at}
    what = words(f"alarm.{alarm.key}.what", **values)
    todo = words(f"alarm.{alarm.key}.todo", **values)
    _BOX[alarm.level](f"**{what}**  \n{todo}", icon=_ICON[alarm.level])


def _closed(words: Text, capture: Capture, now: datetime) -> str:
    reason = capture.reason or CaptureReason.PAUSED
    if capture.next_change is None:
        return words(f"closed.{reason.value}_open")
    return words(f"closed.{reason.value}", at=moment(capture.next_change, now))


def _figures(words: Text, health: Health, disk: Disk | None, now: datetime) -> None:
    """Show the six numbers that somebody asks for first."""
    row = st.container(horizontal=True, gap="xsmall")
    for key, value, below in (
        ("agent", words(f"figure.agent_{health.state.value}"), _age(words, health, now)),
        ("storing", *_storing(words, health, now)),
        ("overdue", *_overdue(words, health)),
        ("next", *_next(words, health, now)),
        ("keys", *_keys(words, health)),
        ("disk", *_disk(words, disk)),
    ):
        row.metric(
            words(f"figure.{key}"),
            value,
            delta=below,
            delta_color="off",
            delta_arrow="off",
            help=words(f"figure.{key}_help"),
            border=True,
            width=154,
            height=124,
        )


def _age(words: Text, health: Health, now: datetime) -> str | None:
    if health.at is None:
        return None
    age = max(0.0, (now - health.at).total_seconds())
    return words("figure.ago", duration=words.duration(age))


def _storing(words: Text, health: Health, now: datetime) -> tuple[str, str]:
    can = health.persisting
    if health.keys_known and health.keys_days is None:
        can = False
    last = health.last_commit
    below = words("figure.last", at=moment(last, now)) if last else words("figure.last_none")
    key = "unknown" if can is None or health.state is not State.RUNNING else "yes" if can else "no"
    return words(f"figure.{key}"), below


def _overdue(words: Text, health: Health) -> tuple[str, str]:
    known = health.upkeep is not None and health.upkeep.overdue is not None
    value = f"{health.upkeep.overdue:,}" if health.upkeep and known else words("figure.unknown")
    return value, words("figure.goal")


def _next(words: Text, health: Health, now: datetime) -> tuple[str, str | None]:
    if health.upkeep is None:
        return words("figure.unknown"), None
    due = health.upkeep.next_due
    if due is None:
        return "–", words("figure.next_none")
    return local(due, "%H:%M"), local(due, "%Y-%m-%d") if due > now else None


def _keys(words: Text, health: Health) -> tuple[str, str | None]:
    if not health.keys_known:
        return words("figure.unknown"), None
    if health.keys_days is None:
        return "–", words("figure.keys_none")
    return words("figure.keys_days", n=health.keys_days), None


def _disk(words: Text, disk: Disk | None) -> tuple[str, str | None]:
    if disk is None:
        return words("figure.unknown"), None
    free = words("figure.gigabytes", n=f"{disk.free / GIGABYTE:.1f}")
    return free, words("figure.of", n=f"{disk.total / GIGABYTE:.0f}")


def _cameras(words: Text, health: Health, day: Today | None, now: datetime) -> None:
    st.markdown(f"## {words('camera.title')}")
    if not health.cameras:
        st.markdown(words("camera.none"))
    elif health.state is not State.RUNNING and health.at is not None:
        st.caption(words("live.last_known", at=moment(health.at, now)))
    wide = 2 if len(health.cameras) > 1 else 1
    for first in range(0, len(health.cameras), wide):
        pair = health.cameras[first : first + wide]
        for column, camera in zip(st.columns(wide), pair, strict=False):
            with column.container(border=True):
                _camera(words, health, camera, day)
    if day is None:
        st.caption(words("camera.today_none"))
        return
    _day_table(words, day)


def _day(
    place: Site, rules: Policy | None, now: datetime
) -> tuple[Today | None, StoreError | None]:
    """Return the day so far, or why it can't be read."""
    if rules is None:
        return None, None
    since = queries_live.day_start(rules, now)
    try:
        newest = queries.latest(place, PATIENCE_SECONDS)
        if newest is None or newest.bucket_end <= since:
            return None, None
        return _read(str(place.root), rules.digest, since, newest.bucket_end), None
    except StoreError as error:
        return None, error


# Shared between sessions on purpose: released numbers, the same for everybody, read again only
# when there are new ones.
@st.cache_data(max_entries=4, ttl=3600, show_spinner=False)
def _read(root: str, digest: str, since: datetime, until: datetime) -> Today | None:
    place = Site(Path(root))
    rules = queries.policy(place)
    if rules is None or rules.digest != digest:
        return None
    return queries_live.today(place, rules, since, until)


def _camera(words: Text, health: Health, camera: Camera, day: Today | None) -> None:
    sign, status = _SIGN[camera.status], _status(words, health, camera)
    st.markdown(f"**{camera.zone}**  \n{sign} {status}")
    notes = []
    if camera.rate is not None and health.state is State.RUNNING and health.capture.allowed:
        rate = f"{camera.rate:.1f}"
        wanted = "" if health.hertz is None else f"{health.hertz:g}"
        key = "camera.rate" if wanted else "camera.rate_alone"
        notes.append(words(key, rate=rate, wanted=wanted))
    if camera.looked + camera.dropped:
        share = camera.dropped / (camera.looked + camera.dropped)
        notes.append(words("camera.dropped", share=words.percent(share)))
    st.caption("  ·  ".join(notes))
    if day is not None and camera.zone in day.zones:
        _bar(words, camera.zone, day.zones[camera.zone])


def _status(words: Text, health: Health, camera: Camera) -> str:
    reason = health.capture.reason
    if camera.status is FrameStatus.PAUSED and reason in _CLOSED:
        return words(_CLOSED[reason])
    return words(f"camera.{camera.status.value if camera.status else 'unknown'}")


def _parts(words: Text, found: Coverage) -> Sequence[tuple[str, str, float]]:
    times = {status.value: found.status_seconds[status] for status in FrameStatus}
    times["absent"] = found.absent_seconds
    return [(key, words(f"status.{key}"), seconds) for key, seconds in times.items()]


def _bar(words: Text, zone: str, found: Coverage) -> None:
    whole = found.seconds or 1.0
    parts = [
        (key, name, seconds / whole)
        for key, name, seconds in _parts(words, found)
        if seconds / whole >= 0.0005
    ]
    said = ", ".join(f"{name} {words.percent(share)}" for _, name, share in parts)
    st.altair_chart(
        charts.shares(parts, words("coverage.share"), words("coverage.status")),
        width="stretch",
        alt=words("camera.alt", zone=zone, parts=said),
        key=f"today_{zone}",
    )
    legend((charts.STATUS_COLOURS[key], f"{name} {words.percent(s)}") for key, name, s in parts)


def _day_table(words: Text, day: Today) -> None:
    since, until = local(day.since, "%H:%M"), local(day.until, "%H:%M")
    st.caption(words("camera.today_note", since=since, until=until))
    rows = [
        {
            words("camera.zone"): zone,
            **{name: words.duration(seconds) for _, name, seconds in _parts(words, found)},
        }
        for zone, found in day.zones.items()
    ]
    table(words, rows, words("camera.title"))


def _more(words: Text, health: Health, now: datetime) -> None:
    """List what only whoever installed it asks for."""
    if health.at is None:
        return
    with st.expander(words("fact.title"), icon=":material/list:"):
        facts(_facts(words, health, now))
        said = [*health.hardening, *([health.trouble] if health.trouble else [])]
        if said:
            st.caption(words("live.own_words"))
            st.code("\n".join(said), language=None, wrap_lines=True)


def _facts(words: Text, health: Health, now: datetime) -> list[tuple[str, str]]:
    upkeep = health.upkeep
    found = [
        (words("fact.stored"), f"{health.stored:,}"),
        (words("fact.lost"), f"{health.lost:,}"),
    ]
    if upkeep is not None:
        clock = "clock_fine" if upkeep.doubt is None else "clock_doubt"
        found += [
            (words("fact.held"), f"{upkeep.held:,}"),
            (words("fact.round"), "–" if upkeep.at is None else moment(upkeep.at, now)),
            (words("fact.erased"), words("fact.yes" if upkeep.erased else "fact.no")),
            (words("fact.clock"), words(f"fact.{clock}")),
        ]
    hardening = "hardening_some" if health.hardening else "hardening_fine"
    return [
        *found,
        (words("fact.models"), ", ".join(health.models) or "–"),
        (words("fact.policy"), health.policy[:12] or "–"),
        (words("fact.hardening"), words(f"fact.{hardening}")),
    ]
