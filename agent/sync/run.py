"""Carry a sync out: shorten, compare, send, purge, and remember how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.clock import Clock
from agent.domain.outgoing import Key, Kind, Lives
from agent.domain.policy import Policy
from agent.store.central_site import SiteAtCentre
from agent.store.outgoing import Outgoing
from agent.sync.plan import Plan, decide, living, newest, portions, sums, unlike

PORTION = 100
"""Buckets or days in one transaction: some thousand rows."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    Attributes:
        released: buckets and days that are kept here.
        sent: of those, how many weren't there and are now.
        shortened: deadlines that were brought forward there.
        expired: buckets and days that were due there and are gone, of any site.
    """

    released: int
    sent: int
    shortened: int
    expired: int


def lives_of(policy: Policy) -> Lives:
    """Return how long the policy lets released numbers live, here and at the centre."""
    return Lives(policy.retention.aggregates, policy.retention.daily)


def look(here: Mapping[Key, int], there: SiteAtCentre, now: int) -> Plan:
    """Compare both sides; nothing is changed.

    Args:
        here: deadlines of what was released and isn't due.
        there: the centre.
        now: seconds since 1970.

    Raises:
        CentralError: the centre refuses.
    """
    groups = unlike(sums(here), there.sums(now))
    return decide(here, there.stock(groups, now), groups)


def sync(
    outgoing: Outgoing,
    there: SiteAtCentre,
    policy: Policy,
    clock: Clock,
    say: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[Outcome, dict[Kind, int]]:
    """Bring the centre up to date; may be killed at any point, repeated, and run twice at once.

    Deadlines come first: what may no longer be kept there goes even where sending fails.

    Args:
        outgoing: this site's numbers.
        there: the centre.
        policy: the site's rules; its retention binds the centre as well, which may keep for less.
        clock: of this machine.
        say: told how many were sent, of how many.

    Returns:
        What was done, and the newest start that is there now, by kind.

    Raises:
        SiteUnknown: the centre doesn't know this site.
        StoreError: this site's numbers can't be read; what was sent before stays sent.
        CentralError: the centre refuses; what it took before stays there.
    """
    there.join()
    lives = lives_of(policy).within(there.longest())
    shortened = there.shorten(lives)
    expired = there.purge(clock.now())
    now = int(clock.now().timestamp())
    here = living(outgoing.stock(lives), now)
    plan = look(here, there, now)
    there.lower(plan.lower)
    done = 0
    for keys in portions(plan.send, PORTION):
        there.send(keys[0].kind, *outgoing.rows(keys, here))
        done += len(keys)
        say(done, len(plan.send))
    there.seen(clock.now(), policy.site, policy.timezone)
    outcome = Outcome(len(here), done, shortened + len(plan.lower), expired)
    return outcome, newest(here)
