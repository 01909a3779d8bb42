"""Who is signed in: a table in this process's memory, and nowhere else.

A session is found by a random token that only the browser holds; the table knows the token's hash.
It ends by sign-out, after a time without activity, after an absolute time, or when its account is
changed. Whatever hangs on a session (connections, opened records) is told at once. A restart of the
server ends all sessions.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from agent.domain.account import User

TOKEN_BYTES = 32
MOST_SESSIONS = 64
MOST_OF_A_USER = 8
MOST_REMEMBERED = 256


class Ending(StrEnum):
    """Why a session ended."""

    SIGNED_OUT = "signed-out"
    IDLE = "idle"
    EXPIRED = "expired"
    REPLACED = "replaced"
    ACCOUNT_CHANGED = "account-changed"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lasts.

    Attributes:
        idle: seconds without activity.
        whole: seconds from the sign-in, whatever is done.
    """

    idle: float = 15 * 60.0
    whole: float = 12 * 3600.0


@dataclass(eq=False, slots=True, weakref_slot=True)
class Session:
    """One sign-in of one browser.

    Attributes:
        user: who it is.
        stamp: of the account at the sign-in; see `Account.stamp`.
        began: seconds of the server's clock.
        active: seconds of the server's clock at the last sign of a person.
        demo: it was opened by the demo's link, not by a password.
        ending: why it ended; None while it holds.
    """

    user: User
    stamp: str
    began: float
    active: float
    demo: bool = False
    ending: Ending | None = None
    _clients: set[str] = field(default_factory=set, repr=False)
    _watchers: set[Callable[[], None]] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have a function called once when the session ends; at once if it has ended."""
        with self._lock:
            if self.ending is None:
                self._watchers.add(watcher)
                return
        watcher()

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Forget a watcher."""
        with self._lock:
            self._watchers.discard(watcher)

    def own(self, client: str) -> None:
        """Note a page session of the server's runtime as belonging to this sign-in."""
        with self._lock:
            self._clients.add(client)

    def owns(self, client: str) -> bool:
        """Say whether a page session belongs to this sign-in."""
        with self._lock:
            return client in self._clients

    def clients(self) -> tuple[str, ...]:
        """Return the page sessions that belong to this sign-in."""
        with self._lock:
            return tuple(self._clients)

    def finish(self, ending: Ending) -> bool:
        """End, and tell all watchers; False if it had ended before."""
        with self._lock:
            if self.ending is not None:
                return False
            self.ending = ending
            watchers, self._watchers = self._watchers, set()
        for watcher in watchers:
            watcher()
        return True


class SessionTable:
    """All sign-ins of one server. Safe to use from several threads."""

    def __init__(self, limits: Limits) -> None:
        """Begin with nobody signed in."""
        self.limits = limits
        self._sessions: dict[bytes, Session] = {}
        self._ended: OrderedDict[bytes, Ending] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, user: User, stamp: str, now: float, *, demo: bool = False) -> str:
        """Sign somebody in.

        Returns:
            The token, 256 random bits, base64url; it isn't kept here.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = Session(user, stamp, began=now, active=now, demo=demo)
        with self._lock:
            crowd = self._too_many(user)
            self._sessions[_digest(token)] = session
        for old in crowd:
            self.end(old, Ending.REPLACED)
        return token

    def find(self, token: str | None, now: float) -> Session | None:
        """Return the session of a token if it still holds; looking isn't activity.

        One that is due is left to `sweep`, which says so to whom it concerns.
        """
        if not token:
            return None
        with self._lock:
            session = self._sessions.get(_digest(token))
        if session is None:
            return None
        return session if self._due(session, now) is None else None

    def why(self, token: str | None, now: float) -> Ending | None:
        """Return why a token's session is over, for the person in front; None if nobody knows."""
        if not token:
            return None
        key = _digest(token)
        with self._lock:
            session = self._sessions.get(key)
            return self._ended.get(key) if session is None else self._due(session, now)

    def end(self, session: Session, ending: Ending) -> bool:
        """End a session; False if it had ended before."""
        with self._lock:
            keys = [key for key, known in self._sessions.items() if known is session]
            for key in keys:
                del self._sessions[key]
                self._ended[key] = ending
            while len(self._ended) > MOST_REMEMBERED:
                self._ended.popitem(last=False)
        return session.finish(ending)

    def sweep(self, now: float, stamps: dict[str, str] | None, *, demo: bool) -> list[Session]:
        """End what is due, and return it.

        Args:
            now: seconds of the server's clock.
            stamps: of each account that may sign in, by name; None where nobody could read them,
                which ends nothing.
            demo: the site still is a demo; otherwise its link's sessions end.
        """
        with self._lock:
            sessions = list(self._sessions.values())
        ended = []
        for session in sessions:
            ending = self._due(session, now)
            if ending is None and _changed(session, stamps, demo):
                ending = Ending.ACCOUNT_CHANGED
            if ending is not None and self.end(session, ending):
                ended.append(session)
        return ended

    def _due(self, session: Session, now: float) -> Ending | None:
        if session.ending is not None:
            return session.ending
        if now - session.began >= self.limits.whole:
            return Ending.EXPIRED
        return Ending.IDLE if now - session.active >= self.limits.idle else None

    def _too_many(self, user: User) -> list[Session]:
        """Return the sessions that must give way to a new one."""
        oldest = sorted(self._sessions.values(), key=lambda session: session.active)
        mine = [session for session in oldest if session.user.name == user.name]
        crowd = mine[: max(0, len(mine) - MOST_OF_A_USER + 1)]
        rest = [session for session in oldest if session not in crowd]
        return crowd + rest[: max(0, len(rest) - MOST_SESSIONS + 1)]


def _changed(session: Session, stamps: dict[str, str] | None, demo: bool) -> bool:
    if session.demo:
        return not demo
    return stamps is not None and stamps.get(session.user.name) != session.stamp


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
