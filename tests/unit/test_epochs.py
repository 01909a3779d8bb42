"""Keys of weeks that are over: destroyed when nothing needs them, announced first, else spared."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent.config.site import Site
from agent.crypto.create import write_keys
from agent.crypto.vault import load_vault
from agent.domain.access import Action, Role
from agent.epochs import EpochKeys, is_within_reach
from agent.errors import StoreError
from agent.retention.receipt import Actor
from tests.retaining import HOUR
from tests.retaining import policy as shop
from tests.sealing import keyset


class Log:
    """An access log in memory; refuses when told to."""

    def __init__(self) -> None:
        self.events = []
        self.broken = False

    def record(self, event) -> None:
        """Keep or refuse."""
        if self.broken:
            raise StoreError("the access log is full")
        self.events.append(event)


@pytest.fixture
def site(tmp_path):
    """Return a site with three weekly epochs."""
    place = Site(tmp_path / "site")
    write_keys(place, keyset())
    return place


@pytest.fixture
def log():
    """Return an empty log."""
    return Log()


def keys(site, log) -> EpochKeys:
    """Return the keys under a policy of 72 hours and buckets of an hour."""
    rules = shop()
    return EpochKeys(site, rules, log, Actor("omokage-agent", Role.AGENT, rules.digest))


def ids(site) -> list[str]:
    """Return the epochs whose private half is in the vault."""
    return [epoch.id for epoch in load_vault(site.vault).epochs]


def test_a_week_goes_when_its_last_record_must_be_gone(site, log) -> None:
    """The week's end, one bucket, and the longest life; not a second earlier."""
    first, *others = load_vault(site.vault).epochs
    end = first.valid_to + HOUR + 72 * HOUR

    assert keys(site, log)(end - timedelta(seconds=1), ()) == ()
    assert keys(site, log)(end, ()) == (first.id,)
    assert ids(site) == [epoch.id for epoch in others]
    (event,) = log.events
    assert (Action.KEYS_DESTROYED, f"epoch:{first.id}") == (event.action, event.objects[1])


def test_a_week_that_a_bucket_needs_is_spared(site, log) -> None:
    """Held or waiting records keep their key."""
    before = ids(site)
    later = load_vault(site.vault).epochs[-1].valid_to + 1000 * HOUR

    assert keys(site, log)(later, before) == ()
    assert keys(site, log)(later, before[:1]) == tuple(before[1:])
    assert ids(site) == before[:1]


def test_without_a_log_no_key_is_destroyed(site, log) -> None:
    """What can't be announced isn't done."""
    log.broken = True
    before = ids(site)

    with pytest.raises(StoreError):
        keys(site, log)(load_vault(site.vault).epochs[-1].valid_to + 1000 * HOUR, ())
    assert ids(site) == before


def test_a_vault_elsewhere_is_left_to_its_owner(tmp_path, log) -> None:
    """Where the reviewer took the vault away, the agent destroys nothing and says nothing."""
    place = Site(tmp_path)

    assert not is_within_reach(place)
    assert keys(place, log)(load_now(), ()) == ()
    assert log.events == []


def load_now():
    """Return an instant long after every epoch."""
    return keyset().public.epochs[-1].valid_to + 10_000 * HOUR
