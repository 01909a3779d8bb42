"""The agent's side of the log: a broken log stops no deadline, and isn't kept quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.checkpoints import load_device, verify_keys, verify_log
from agent.config.policy_file import load_policy
from agent.config.profiles import load_profile
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.keys import load_public
from agent.crypto.root import fingerprint
from agent.crypto.vault import CHEAPEST
from agent.domain.access import Action
from agent.errors import ConfigError
from agent.logbook import WAITING, Logbook, start_event
from agent.store.access_log import AccessLog, AccessReader
from tests.logs import OTHER_SIGNER, START, Forger, event

POLICY = load_policy(Path(__file__).resolve().parents[3] / "docs" / "examples" / "shop.toml")
PROFILE = f"profile:jp:{load_profile('jp').digest[:16]}"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with keys."""
    made = create_epochs(
        START, weeks=2, passphrase="correct horse battery", device_id="d", profile=CHEAPEST
    )
    write_keys(Site(tmp_path), made)
    return Site(tmp_path)


@pytest.fixture
def book(site: Site) -> Logbook:
    """Return the running agent's logbook."""
    return Logbook(site)


def block(site: Site) -> None:
    """Put a folder where the log should be."""
    site.access_log.mkdir(parents=True)


def test_a_start_is_written(site: Site, book: Logbook) -> None:
    """The first entry says under which policy and profile, with which key and which models."""
    book.record(start_event(site, POLICY, ("face_encoder@0123abcd",), START))

    (entry,) = AccessReader(site.access_log).entries()
    policy, profile, keys, model = entry.event.objects
    assert (Action.STARTED, "face_encoder@0123abcd") == (entry.event.action, model)
    assert f"policy:{POLICY.digest[:16]}" == policy
    assert PROFILE == profile
    assert f"keys:{fingerprint(load_public(site.public_keys).root or b'')}" == keys
    assert book.trouble is None


def test_an_event_that_is_no_entry_keeps_no_other_waiting(site: Site, book: Logbook) -> None:
    """It is told and dropped; what comes after it is written."""
    book.record(event(purpose="x" * (1 << 18)))
    book.record(event(1))

    assert [event(1)] == [entry.event for entry in AccessReader(site.access_log).entries()]
    assert "an event (unlocked) was no entry" in (book.trouble or "")


def test_a_start_without_keys_is_written_too(tmp_path: Path) -> None:
    """A site without keys keeps statistics, and its log says that it has none."""
    said = start_event(Site(tmp_path), POLICY, (), START)

    assert [f"policy:{POLICY.digest[:16]}", PROFILE] == list(said.objects)


def test_what_can_not_be_written_raises_nothing_and_is_told(site: Site, book: Logbook) -> None:
    """The agent goes on, and its health says that the log is broken."""
    block(site)

    book.record(event())

    assert book.trouble is not None
    assert "1 events wait" in book.trouble
    assert "mori" not in book.trouble


def test_what_waits_is_written_in_order_once_it_can_be(site: Site, book: Logbook) -> None:
    """Nothing is lost by a log that was out of reach for a while."""
    block(site)
    for hours in (0, 1, 2):
        book.record(event(hours))
    site.access_log.rmdir()

    trouble = book.keep(START + 3 * timedelta(hours=1))

    assert trouble is None
    found = AccessReader(site.access_log).entries()
    assert [event(2), event(1), event(0)] == [entry.event for entry in found]


def test_a_broken_log_is_not_tried_at_every_tick(site: Site, book: Logbook) -> None:
    """Between two tries a minute passes; a clock that is set back doesn't stop the tries."""
    block(site)
    book.record(event())
    site.access_log.rmdir()

    assert book.keep(START + timedelta(seconds=30)) is not None
    assert book.keep(START - MINUTE) is None


def test_a_log_that_stays_broken_is_told_how_much_is_lost(site: Site, book: Logbook) -> None:
    """Memory is bounded; what falls out of it is counted."""
    block(site)
    for i in range(WAITING + 5):
        book.record(event(i))

    assert f"{WAITING} events wait for the access log, 5 lost" in (book.trouble or "")


def test_a_checkpoint_is_signed_each_day(site: Site, book: Logbook) -> None:
    """The upkeep signs what was written, with the site's key."""
    book.record(event())
    book.keep(START)
    book.record(event(30))
    book.keep(START + 2 * DAY)
    book.keep(START + 3 * DAY)

    assert [1, 2] == [made.size for made in AccessReader(site.access_log).checkpoints()]
    assert 2 == verify_log(site.access_log, verify_keys(site)).covered


def test_a_log_that_was_changed_is_told_and_not_signed(site: Site, book: Logbook) -> None:
    """The health says it within the hour; the daily signature stays away."""
    book.record(event())
    book.record(event(1))
    Forger(site.access_log).run("UPDATE entry SET body = replace(body, 'allowed', 'refused')")

    trouble = book.keep(START + DAY)

    assert "Entry 1 was changed" in (trouble or "")
    assert [] == AccessReader(site.access_log).checkpoints()


def test_a_site_without_keys_is_not_in_trouble_about_signing(tmp_path: Path) -> None:
    """That there are no keys is said elsewhere already."""
    book = Logbook(Site(tmp_path))
    book.record(event())

    assert book.keep(START) is None


def test_a_device_key_of_another_site_signs_nothing(site: Site, book: Logbook) -> None:
    """A key that public.toml doesn't name is refused."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    pem = OTHER_SIGNER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    site.device_key.write_bytes(pem)
    book.record(event())

    with pytest.raises(ConfigError, match="isn't one that"):
        load_device(site)
    assert "isn't one that" in (book.keep(START) or "")


def test_an_exchanged_log_is_told(site: Site, book: Logbook) -> None:
    """Another log in the place of the one that the agent wrote to is noticed at the next entry."""
    book.record(event())
    site.access_log.unlink()
    AccessLog(site.access_log).record(replace(event(), actor="forger"))

    book.record(event(1))

    assert "isn't the one that was written to" in (book.trouble or "")
    book.close()
