"""The one door: what isn't written down isn't opened, and what was refused is written down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.access import unlock_logged
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.vault import CHEAPEST
from agent.domain.access import AccessEvent, Action, Decision
from agent.errors import ConfigError, PassphraseWrong, StoreError
from agent.store.access_log import AccessLog, AccessReader
from tests.logs import START, event

if TYPE_CHECKING:
    from collections.abc import Callable

PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a vault."""
    site = Site(tmp_path_factory.mktemp("site"))
    write_keys(
        site,
        create_epochs(START, weeks=2, passphrase=PASSPHRASE, device_id="d", profile=CHEAPEST),
    )
    return site.vault


class Recorder:
    """An access log in memory that may refuse, and that looks around while it writes."""

    def __init__(self, refuse_at: int | None = None, watch: Callable[[], object] = int) -> None:
        self.events: list[AccessEvent] = []
        self._refuse_at, self._watch = refuse_at, watch

    def record(self, event: AccessEvent) -> None:
        """Keep an event, or refuse."""
        self._watch()
        if len(self.events) == self._refuse_at:
            raise StoreError("the disk is full")
        self.events.append(event)


def test_an_unlock_is_written_down_and_opens(vault: Path) -> None:
    """Who, why and what for stands in the log once."""
    recorder = Recorder()

    opener = unlock_logged(vault, PASSPHRASE, recorder=recorder, event=event())

    assert 2 == len(opener.epochs)
    assert [event()] == recorder.events


def test_nothing_is_opened_that_can_not_be_written_down(vault: Path) -> None:
    """With a log that refuses, even the right passphrase opens nothing."""
    with pytest.raises(StoreError, match="full"):
        unlock_logged(vault, PASSPHRASE, recorder=Recorder(refuse_at=0), event=event())


def test_it_is_written_down_before_the_vault_is_read(tmp_path: Path) -> None:
    """The entry is there even if what follows fails in any way."""
    recorder = Recorder()

    with pytest.raises(ConfigError):
        unlock_logged(tmp_path / "none", PASSPHRASE, recorder=recorder, event=event())

    assert [Decision.ALLOWED, Decision.REFUSED] == [e.decision for e in recorder.events]


def test_a_wrong_passphrase_is_written_down(vault: Path) -> None:
    """The refusal is a second entry, and holds no word of what was typed."""
    recorder = Recorder()

    with pytest.raises(PassphraseWrong):
        unlock_logged(vault, "wrong horse", recorder=recorder, event=event())

    refusal = recorder.events[1]
    assert (Decision.REFUSED, {"PassphraseWrong": 1}) == (refusal.decision, refusal.counts)
    assert "horse" not in repr(recorder.events)


def test_a_refusal_that_can_not_be_written_down_opens_nothing(vault: Path) -> None:
    """If the second entry fails, the caller is told that, and has no opener either."""
    with pytest.raises(StoreError, match="full"):
        unlock_logged(vault, "wrong", recorder=Recorder(refuse_at=1), event=event())


@pytest.mark.parametrize(
    "change",
    [{"purpose": ""}, {"purpose": " \n"}, {"actor": ""}, {"action": Action.OPENED}],
)
def test_an_unlock_without_somebody_or_a_purpose_is_refused(
    vault: Path, change: dict[str, object]
) -> None:
    """Nothing is tried and nothing is written where nobody answers for it."""
    recorder = Recorder()

    with pytest.raises(ConfigError):
        unlock_logged(vault, PASSPHRASE, recorder=recorder, event=replace(event(), **change))
    assert [] == recorder.events


def test_a_real_log_holds_the_unlock_on_the_disk(vault: Path, tmp_path: Path) -> None:
    """When the opener is handed over, the entry can be read by others."""
    path = tmp_path / "access.sqlite"
    unlock_logged(vault, PASSPHRASE, recorder=AccessLog(path), event=event())

    assert [event()] == [entry.event for entry in AccessReader(path).entries()]
