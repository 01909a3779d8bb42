"""Sign somebody in for a test of a page, through the real table of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.context import ContextProxy, StreamlitCookies

from agent.clock import SystemClock
from agent.domain.access import AccessEvent, Role
from agent.domain.account import User
from agent.store.accounts import AccountBook
from agent.store.passwords import CHEAPEST
from dashboard.auth import running
from dashboard.auth.desk import Desk
from dashboard.auth.sessions import Limits, Session

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from dashboard.text import Text

COOKIE = "omokage_test"


class HandClock(SystemClock):
    """Seconds that only move when a test says so; the date is the machine's."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def since_boot(self) -> float:
        """Return the seconds."""
        return self.seconds


class ListRecorder:
    """Keeps events in memory. An `AccessRecorder`."""

    def __init__(self) -> None:
        self.events: list[AccessEvent] = []

    def record(self, event: AccessEvent) -> None:
        """Keep one event."""
        self.events.append(event)


def make_desk(
    root: Path,
    *,
    clock: HandClock | None = None,
    recorder: ListRecorder | None = None,
    limits: Limits | None = None,
) -> Desk:
    """Return a desk of a site's folder whose hashes cost nothing and whose log is a list."""
    kept = recorder or ListRecorder()
    return Desk(
        AccountBook(root / "state" / "accounts.json"),
        lambda: kept,
        clock=clock or HandClock(),
        cookie=COOKIE,
        cost=CHEAPEST,
        limits=limits,
    )


def sign_in(
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    role: Role = Role.MANAGER,
    name: str = "hana",
    *,
    clock: HandClock | None = None,
) -> Session:
    """Sign somebody in, so that an `AppTest` run afterwards is theirs; returns the session.

    The page finds the session as on a server: by the cookie of its connection. Only the connection
    itself is made up.
    """
    desk = make_desk(root, clock=clock)
    token = desk.table.open(User(name, role), "", desk.clock())
    put_cookie(monkeypatch, token)
    monkeypatch.setattr(running, "_CURRENT", [desk])
    found = desk.table.find(token, desk.clock())
    assert found is not None
    return found


def put_cookie(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """Let the connection of the next `AppTest` run carry this session's cookie."""
    cookies = StreamlitCookies({COOKIE: token})
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: cookies))


def show_secret(words: Text, user: User) -> None:
    """Draw a page that a test allows to some."""
    st.markdown(f"secret of {user.name} in {words.language}")
