"""Decides who gets a session: checks names and passwords, limits guesses, writes the access log.

Rules:
- a wrong name, a wrong password and a disabled account look the same, and take the same time;
- a sign-in that can't be written into the access log doesn't happen; a refusal stands either way;
- a name that was typed is never logged unless it is an account's: people type passwords there.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agent.clock import Clock
from agent.domain.access import AccessEvent, AccessRecorder, Action, Decision, Role
from agent.domain.account import PAGE_ROLES, Account, User
from agent.errors import AgentError, StoreError
from agent.store.accounts import AccountBook
from agent.store.passwords import USUAL, Cost, fits, hash_password
from dashboard.auth.limit import ACCOUNT, ADDRESS, Limiter
from dashboard.auth.sessions import Ending, Limits, Session, SessionTable

DEMO_NAME = "demo"
SIGN_IN = "pages"
UNKNOWN = "unknown"


class Refusal(StrEnum):
    """Why nobody was let in."""

    WRONG = "wrong"
    WAIT = "wait"
    BROKEN = "broken"
    NO_ACCOUNTS = "no_accounts"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try.

    Attributes:
        token: of the new session; None where there is none.
        refusal: why there is none.
        wait: seconds until the next try, with `Refusal.WAIT`.
    """

    token: str | None = None
    refusal: Refusal | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo's way in: a link instead of an account.

    Attributes:
        key: random, from the link.
        allowed: says whether the site still is a demo without accounts.
    """

    key: str
    allowed: Callable[[], bool]


class Desk:
    """The sign-in of one server. Safe to use from several threads."""

    def __init__(
        self,
        book: AccountBook,
        recorder: Callable[[], AccessRecorder],
        *,
        clock: Clock,
        cookie: str,
        limits: Limits | None = None,
        cost: Cost = USUAL,
        demo: Demo | None = None,
    ) -> None:
        """Begin with nobody signed in.

        Args:
            book: the site's accounts.
            recorder: opens the site's access log; raises `StoreError` where that isn't possible.
            clock: its seconds since the start count a sleeping machine's as well.
            cookie: name of the session's cookie.
            limits: how long sessions last.
            cost: of the hash that is tried where there is no account.
            demo: the demo's link, if this is a demo.
        """
        self.table = SessionTable(limits or Limits())
        self.clock = clock.since_boot
        self.cookie = cookie
        self._book = book
        self._recorder = recorder
        self._now = clock.now
        self._demo = demo
        self._accounts = Limiter(ACCOUNT)
        self._addresses = Limiter(ADDRESS)
        self._lock = threading.Lock()
        # Tried where there is no account, so that the answer takes as long.
        self._nobody = hash_password(secrets.token_urlsafe(), cost)

    def has_accounts(self) -> bool:
        """Say whether anybody can have an account here; in doubt, yes."""
        try:
            return bool(self._book.read())
        except StoreError:
            return True

    @property
    def is_demo(self) -> bool:
        """Say whether the demo's link works here."""
        return self._demo is not None and self._demo.allowed()

    def sign_in(self, name: str, password: str, address: str) -> Outcome:
        """Try a name and a password; slow on purpose, so call it in a thread."""
        key = name[:64]
        with self._lock:
            at = self.clock()
            wait = max(self._accounts.wait(key, at), self._addresses.wait(address, at))
            if wait > 0:
                return Outcome(refusal=Refusal.WAIT, wait=wait)
            self._accounts.count(key, at)
            self._addresses.count(address, at)
        try:
            accounts = self._book.read()
        except StoreError:
            return Outcome(refusal=Refusal.BROKEN)
        if not accounts:
            return Outcome(refusal=Refusal.NO_ACCOUNTS)
        account = accounts.get(name)
        right = fits(password, account.password if account else self._nobody)
        if account is None or account.disabled or not right:
            self._write_refusal(account)
            return Outcome(refusal=Refusal.WRONG)
        with self._lock:
            self._accounts.succeed(key)
            self._addresses.take_back(address)
        return self._open(account.user, account.stamp)

    def sign_in_known(self, name: str | None) -> Outcome:
        """Open a session for somebody for whom a trusted service vouches.

        Args:
            name: of the account that belongs to them; None for nobody's.
        """
        try:
            accounts = self._book.read()
        except StoreError:
            return Outcome(refusal=Refusal.BROKEN)
        account = accounts.get(name) if name else None
        if account is None or account.disabled:
            self._write_refusal(account)
            return Outcome(refusal=Refusal.WRONG)
        return self._open(account.user, account.stamp)

    def enter_demo(self, key: str, role: Role, session: Session | None) -> Outcome:
        """Open a session of the demo.

        Args:
            key: from the link; not needed by who is in the demo already.
            role: as what.
            session: that the browser has, if it has one.
        """
        demo = self._demo
        inside = session is not None and session.demo
        if demo is None or not demo.allowed() or role not in PAGE_ROLES:
            return Outcome(refusal=Refusal.WRONG)
        if not inside and not hmac.compare_digest(key.encode(), demo.key.encode()):
            return Outcome(refusal=Refusal.WRONG)
        return self._open(User(DEMO_NAME, role), "", demo=True)

    def end(self, session: Session, ending: Ending) -> None:
        """End a session and write it down; it ends even where the log refuses."""
        if self.table.end(session, ending):
            self._write_ending(session)

    def sweep(self) -> None:
        """End what is due: idle, expired, or of an account that was changed. Raises nothing."""
        try:
            stamps = _stamps(self._book.read())
        except AgentError:
            stamps = None
        for session in self.table.sweep(self.clock(), stamps, demo=self.is_demo):
            self._write_ending(session)

    def _open(self, user: User, stamp: str, *, demo: bool = False) -> Outcome:
        event = AccessEvent(self._now(), user.name, user.role, Action.SIGNED_IN, SIGN_IN)
        try:
            self._recorder().record(event)
        except StoreError:
            return Outcome(refusal=Refusal.BROKEN)
        return Outcome(token=self.table.open(user, stamp, self.clock(), demo=demo))

    def _write_refusal(self, account: Account | None) -> None:
        name = account.user.name if account else UNKNOWN
        role = account.user.role if account else Role.VISITOR
        self._write(
            AccessEvent(
                self._now(), name, role, Action.SIGNED_IN, SIGN_IN, decision=Decision.REFUSED
            )
        )

    def _write_ending(self, session: Session) -> None:
        ending = session.ending.value if session.ending else ""
        who = session.user
        self._write(AccessEvent(self._now(), who.name, who.role, Action.SIGNED_OUT, ending))

    def _write(self, event: AccessEvent) -> None:
        try:
            self._recorder().record(event)
        except StoreError:
            return  # what it announces gives nobody anything


def _stamps(accounts: Mapping[str, Account]) -> dict[str, str]:
    return {name: held.stamp for name, held in accounts.items() if not held.disabled}
