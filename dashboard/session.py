"""What a page knows of the session that it is drawn in: who looks, and what must be forgotten.

The user comes from the server's own table, by the cookie of the page's connection; nothing else
that a browser sends counts. What was decrypted lives in a `SecretStore` in `st.session_state`, of
one browser tab, and is dropped by `lock_now()`, after some minutes without activity, and when the
session ends.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from agent.clock import SystemClock
from agent.domain.account import User
from dashboard.auth import running
from dashboard.auth.sessions import Ending, Session

SECRET_IDLE_SECONDS = 10 * 60.0
SECRET_PREFIX = "secret."  # noqa: S105  (a prefix of keys)
_STORE = "_secret_store"


class SecretStore:
    """Keeps what was decrypted, for one tab, until it is to be forgotten."""

    def __init__(self, session: Session, clock: Callable[[], float]) -> None:
        """Begin empty, and be told when the session ends."""
        self._session = session
        self._clock = clock
        self._values: dict[str, Any] = {}
        self._closers: list[Callable[[], None]] = []
        # Weak: the store must not outlive the tab's state, and the session's table is global.
        mine = weakref.WeakMethod(self.forget)
        session.watch(lambda: _call(mine))

    def put(self, name: str, value: object, *, close: Callable[[], None] | None = None) -> None:
        """Keep something; `close` is called when it is forgotten, for example to wipe a key.

        A session that has ended keeps nothing: what is put is closed at once.
        """
        self._values[name] = value
        if close is not None:
            self._closers.append(close)
        if self._over():
            self.forget()

    def get(self, name: str) -> Any | None:
        """Return what was kept under a name; None where there is nothing, or nothing any more."""
        if self._over():
            self.forget()
        return self._values.get(name)

    def forget(self) -> None:
        """Drop everything."""
        closers, self._closers = self._closers, []
        self._values.clear()
        for close in closers:
            close()

    def _over(self) -> bool:
        session = self._session
        return session.ending is not None or self._clock() - session.active >= SECRET_IDLE_SECONDS


def find() -> Session | None:
    """Return the session that this page is drawn in; None where nobody is signed in."""
    gate = running.current()
    if gate is None:
        return None
    session = gate.table.find(st.context.cookies.get(gate.cookie), gate.clock())
    context = get_script_run_ctx()
    if session is not None and context is not None:
        session.own(context.session_id)
    return session


def current() -> Session:
    """Return the session that this page is drawn in; where nobody is signed in, draw no page."""
    session = find()
    if session is None:
        # Only reached where a session ended during this run, or without the gate in front.
        st.error("Not signed in · サインインしていません — `omokage dashboard`")
        st.stop()
    assert session is not None  # outside a page server, nothing stops there
    return session


def user() -> User:
    """Return who is signed in; where nobody is, the page ends here."""
    return current().user


def secret_store() -> SecretStore:
    """Return this tab's store for what was decrypted."""
    session = current()
    store = st.session_state.get(_STORE)
    if not isinstance(store, SecretStore) or store._session is not session:  # noqa: SLF001
        if isinstance(store, SecretStore):
            store.forget()
        gate = running.current()
        store = SecretStore(session, gate.clock if gate else SystemClock().since_boot)
        st.session_state[_STORE] = store
    return store


def lock_now() -> None:
    """Forget what was decrypted in this tab, and each state whose key starts with `secret.`.

    The user stays signed in. Works as a button's callback.
    """
    store = st.session_state.pop(_STORE, None)
    if isinstance(store, SecretStore):
        store.forget()
    for key in [key for key in st.session_state if str(key).startswith(SECRET_PREFIX)]:
        del st.session_state[key]


def sign_out() -> None:
    """End the session in all its tabs. Works as a button's callback."""
    lock_now()
    gate, session = running.current(), find()
    if gate is not None and session is not None:
        gate.end(session, Ending.SIGNED_OUT)


def _call(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    found = method()
    if found is not None:
        found()
