"""The running agent's side of the access log: what it did, kept until it can be written.

Unlike an unlock, what the agent does is due anyway: a deadline must not wait for a broken log.
So an event that can't be written now waits here and is tried again, in order, and the health says
so meanwhile. A stop of the agent loses what waits; the log is then short of receipts, not wrong.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from agent.checkpoints import load_device, sign_if_due
from agent.config.profiles import load_profile
from agent.config.site import Site
from agent.crypto.keys import load_public
from agent.crypto.root import fingerprint
from agent.domain.access import AccessEvent, Action, Role
from agent.domain.policy import Policy
from agent.errors import AgentError, StoreError
from agent.store.access_log import AccessLog

ACTOR = "omokage-agent"
POLICY_DIGITS = 16
WAITING = 1000
TRY_EVERY = timedelta(minutes=1)
SIGN_EVERY = timedelta(minutes=10)


class Logbook:
    """Writes the agent's events and signs the daily checkpoint; never stops the agent."""

    def __init__(self, site: Site) -> None:
        """Prepare; nothing is opened yet."""
        self._site = site
        self._log: AccessLog | None = None
        self._waiting: deque[AccessEvent] = deque(maxlen=WAITING)
        self._tried: datetime | None = None
        self._looked: datetime | None = None
        self._lost = 0
        self._trouble: dict[str, str] = {}

    @property
    def trouble(self) -> str | None:
        """Return what is wrong with the log, in a sentence; None if nothing is."""
        return " ".join(self._trouble.values()) or None

    def record(self, event: AccessEvent) -> None:
        """Write an event, or keep it until it can be written. Raises nothing."""
        if len(self._waiting) == WAITING:
            self._lost += 1
        self._waiting.append(event)
        self._write(event.at)

    def keep(self, now: datetime) -> str | None:
        """Write what waits, and sign what is due; return `trouble`. Call it at least each hour."""
        if self._waiting and (self._tried is None or abs(now - self._tried) >= TRY_EVERY):
            self._write(now)
        if self._looked is None or abs(now - self._looked) >= SIGN_EVERY:
            self._looked = now
            self._sign(now)
        return self.trouble

    def close(self) -> None:
        """Let go of the log."""
        if self._log is not None:
            self._log.close()

    def _write(self, now: datetime) -> None:
        self._tried = now
        try:
            if self._log is None:
                self._log = AccessLog(self._site.access_log)
            while self._waiting:
                self._write_next(self._log)
        except StoreError as error:
            lost = f", {self._lost} lost" if self._lost else ""
            waiting = f"{len(self._waiting)} events wait for the access log{lost}"
            self._trouble["write"] = f"{waiting}: {error.sentences}"
        else:
            self._trouble.pop("write", None)

    def _write_next(self, log: AccessLog) -> None:
        try:
            log.record(self._waiting[0])
        except ValueError:
            # No later try can mend it, and those behind it must not wait for ever.
            said = self._waiting[0].action.value
            self._trouble["entry"] = (
                f"an event ({said}) was no entry of the access log and is lost."
            )
        self._waiting.popleft()

    def _sign(self, now: datetime) -> None:
        if not self._site.device_key.exists():
            return  # no keys yet: the health says that already
        try:
            sign_if_due(self._site.access_log, load_device(self._site), now)
        except AgentError as error:
            self._trouble["sign"] = error.sentences
        else:
            self._trouble.pop("sign", None)


def start_event(site: Site, policy: Policy, models: tuple[str, ...], now: datetime) -> AccessEvent:
    """Return what the agent says when it starts: under which policy, with which keys and models.

    The keys are named by the fingerprint that stands on their paper form; the legal profile by its
    digest, since a site that edits a profile changes what it is bound by.
    """
    profile = load_profile(policy.jurisdiction)
    objects = [
        f"policy:{policy.digest[:POLICY_DIGITS]}",
        f"profile:{profile.name}:{profile.digest[:POLICY_DIGITS]}",
    ]
    try:
        root = load_public(site.public_keys).root
    except AgentError:
        root = None  # no keys, or none that can be used: the recorder says so where it matters
    if root is not None:
        objects.append(f"keys:{fingerprint(root)}")
    return AccessEvent(
        now,
        ACTOR,
        Role.AGENT,
        Action.STARTED,
        objects=(*objects, *models),
        counts={"zones": len(policy.zones)},
    )
