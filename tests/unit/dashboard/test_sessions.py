"""Sessions and limits: when they end, and how long one waits."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest
import streamlit as st

from agent.domain.access import Role
from agent.domain.account import User
from dashboard import session
from dashboard.auth.limit import ACCOUNT, MOST_KEYS, Limiter
from dashboard.auth.sessions import MOST_OF_A_USER, MOST_SESSIONS, Ending, Limits, SessionTable
from tests import signed_in

if TYPE_CHECKING:
    from pathlib import Path

HANA = User("hana", Role.MANAGER)
LIMITS = Limits(idle=900, whole=43_200)


@pytest.fixture
def table() -> SessionTable:
    """Return a table with nobody in it."""
    return SessionTable(LIMITS)


def test_only_the_token_finds_the_session(table: SessionTable) -> None:
    """Neither a similar token nor none finds anybody."""
    token = table.open(HANA, "stamp", 0)
    found = table.find(token, 1)

    assert found is not None
    assert found.user == HANA
    assert len(token) >= 43  # 256 bits in base64url
    for other in (None, "", token[:-1], token + "a", token.swapcase(), "\ud800"):
        assert table.find(other, 1) is None


def test_the_table_keeps_no_token(table: SessionTable) -> None:
    """Who could read the server's memory by accident finds hashes."""
    token = table.open(HANA, "stamp", 0)

    assert token not in repr(vars(table))


@pytest.mark.parametrize(
    ("at", "ending"), [(899.9, None), (900, Ending.IDLE), (50_000, Ending.EXPIRED)]
)
def test_a_session_without_activity_ends(
    table: SessionTable, at: float, ending: Ending | None
) -> None:
    """At the limit it no longer holds, and the sweep says why."""
    token = table.open(HANA, "stamp", 0)

    assert (table.find(token, at) is not None) == (ending is None)
    ended = table.sweep(at, {"hana": "stamp"}, demo=False)
    assert [s.ending for s in ended] == ([ending] if ending else [])
    assert table.why(token, at) is ending


def test_activity_holds_off_the_lock_but_not_the_end(table: SessionTable) -> None:
    """Whoever works all day is asked again after twelve hours."""
    token = table.open(HANA, "stamp", 0)
    for at in range(0, 43_200, 600):
        found = table.find(token, at)
        assert found is not None
        found.active = at

    assert table.find(token, 43_199) is not None
    assert table.find(token, 43_200) is None


@pytest.mark.parametrize("stamps", [{}, {"hana": "other"}, {"ren": "stamp"}])
def test_a_changed_account_ends_its_sessions(table: SessionTable, stamps: dict[str, str]) -> None:
    """Removed, disabled, another role or another password: the session is over."""
    token = table.open(HANA, "stamp", 0)
    ended = table.sweep(1, stamps, demo=False)

    assert [s.ending for s in ended] == [Ending.ACCOUNT_CHANGED]
    assert table.find(token, 1) is None


def test_unreadable_accounts_end_nothing(table: SessionTable) -> None:
    """A file that is being replaced doesn't throw people out."""
    token = table.open(HANA, "stamp", 0)

    assert table.sweep(1, None, demo=False) == []
    assert table.find(token, 1) is not None


def test_a_demos_session_ends_with_the_demo(table: SessionTable) -> None:
    """When the policy stops being a demo's or an account is made, the link's sessions end."""
    token = table.open(HANA, "", 0, demo=True)

    assert table.sweep(1, {}, demo=True) == []
    assert len(table.sweep(2, {}, demo=False)) == 1
    assert table.find(token, 2) is None


def test_the_oldest_session_of_a_crowd_gives_way(table: SessionTable) -> None:
    """One user has at most so many sessions, and so has the server."""
    mine = [table.open(HANA, "s", at) for at in range(MOST_OF_A_USER + 1)]
    for number in range(MOST_SESSIONS):
        table.open(User(f"u{number}", Role.MANAGER), "s", 20 + number)

    assert table.why(mine[0], 20) is Ending.REPLACED
    assert table.find(mine[-1], 100) is None
    assert table.find(table.open(HANA, "s", 101), 101) is not None


def test_whoever_watches_is_told_once(table: SessionTable) -> None:
    """A watcher hears of the end once; a late one at once; one that left never."""
    calls: list[str] = []
    found = table.find(table.open(HANA, "s", 0), 0)
    assert found is not None

    def left() -> None:
        calls.append("left")

    found.watch(lambda: calls.append("early"))
    found.watch(left)
    found.unwatch(left)
    assert table.end(found, Ending.SIGNED_OUT)
    assert not table.end(found, Ending.IDLE)
    found.watch(lambda: calls.append("late"))

    assert calls == ["early", "late"]
    assert found.ending is Ending.SIGNED_OUT


def test_the_first_failures_cost_nothing() -> None:
    """Five mistakes are free."""
    limiter = Limiter(ACCOUNT)
    for at in range(4):
        limiter.count("hana", at)

    assert limiter.wait("hana", 4) == 0


def test_each_further_failure_doubles_the_wait_up_to_a_limit() -> None:
    """The wait grows to a quarter of an hour and no further."""
    limiter, at, waits = Limiter(ACCOUNT), 0.0, []
    for _ in range(20):
        at += limiter.wait("hana", at)
        limiter.count("hana", at)
        waits.append(limiter.wait("hana", at))

    assert waits[:8] == [0, 0, 0, 0, 2, 4, 8, 16]
    assert max(waits) == waits[-1] == ACCOUNT.longest


def test_a_day_allows_about_a_hundred_guesses() -> None:
    """Whoever guesses without a pause gets no more than that."""
    limiter, at, tries = Limiter(ACCOUNT), 0.0, 0
    while at < 86_400:
        limiter.count("hana", at)
        tries += 1
        at += limiter.wait("hana", at)

    assert tries < 120


def test_success_and_time_forgive() -> None:
    """After the right password, or two quiet hours, nothing is held against a name."""
    limiter = Limiter(ACCOUNT)
    for _ in range(10):
        limiter.count("hana", 0)
        limiter.count("ren", 0)
    limiter.succeed("hana")

    assert limiter.wait("hana", 0) == 0
    assert limiter.wait("ren", 0) > 0
    assert limiter.wait("ren", ACCOUNT.forget) == 0


def test_the_limiters_memory_is_bounded() -> None:
    """However many names are tried, only the latest are remembered."""
    limiter = Limiter(ACCOUNT)
    for number in range(MOST_KEYS + 500):
        limiter.count(f"name{number}", 0)

    assert len(limiter._tries) == MOST_KEYS


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> signed_in.HandClock:
    """Sign somebody in, and return the clock of the server; `st.session_state` is a plain dict."""
    clock = signed_in.HandClock()
    signed_in.sign_in(monkeypatch, tmp_path, Role.REVIEWER, clock=clock)
    monkeypatch.setattr(st, "session_state", {})
    return clock


def test_a_secret_is_kept_while_somebody_works(tab: signed_in.HandClock) -> None:
    """Within the time what was put is there."""
    session.secret_store().put("opener", "key")
    tab.seconds += session.SECRET_IDLE_SECONDS - 1

    assert session.secret_store().get("opener") == "key"
    assert session.secret_store().get("other") is None


def test_a_secret_is_forgotten_after_ten_idle_minutes(tab: signed_in.HandClock) -> None:
    """It is closed as well, and doesn't come back with the next movement."""
    closed: list[str] = []
    session.secret_store().put("opener", "key", close=lambda: closed.append("opener"))
    tab.seconds += session.SECRET_IDLE_SECONDS

    assert session.secret_store().get("opener") is None
    assert closed == ["opener"]
    session.current().active = tab.seconds
    assert session.secret_store().get("opener") is None


@pytest.mark.usefixtures("tab")
def test_locking_forgets_this_tabs_secrets_alone() -> None:
    """Keys that begin with `secret.` go too; the choice of a zone stays, and so does the user."""
    closed: list[str] = []
    session.secret_store().put("opener", "key", close=lambda: closed.append("opener"))
    st.session_state["secret.passphrase"] = "typed"
    st.session_state["zone"] = "door"
    session.lock_now()

    assert closed == ["opener"]
    assert dict(st.session_state) == {"zone": "door"}
    assert session.user().name == "hana"
    assert session.secret_store().get("opener") is None


@pytest.mark.usefixtures("tab")
def test_signing_out_forgets_the_secrets_of_all_tabs() -> None:
    """A second tab's store is emptied at once, not when its page is drawn next."""
    closed: list[str] = []
    here = session.secret_store()
    here.put("opener", "key", close=lambda: closed.append("here"))
    st.session_state.clear()
    there = session.secret_store()
    there.put("opener", "key", close=lambda: closed.append("there"))
    session.sign_out()

    assert sorted(closed) == ["here", "there"]
    assert session.find() is None
    assert here.get("opener") is there.get("opener") is None


@pytest.mark.usefixtures("tab")
def test_an_ended_session_keeps_nothing() -> None:
    """What is put after the end, by a run that was under way, is closed at once."""
    closed: list[str] = []
    store = session.secret_store()
    session.sign_out()
    store.put("opener", "key", close=lambda: closed.append("late"))

    assert closed == ["late"]
    assert store.get("opener") is None


@pytest.mark.usefixtures("tab")
def test_no_global_table_holds_a_secret() -> None:
    """When a tab's state is dropped, nothing keeps its store alive."""
    store = weakref.ref(session.secret_store())
    st.session_state.clear()
    gc.collect()

    assert store() is None
