"""Sending released numbers to a centre, on a centre in a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from agent.domain.outgoing import Kind
from agent.errors import CentralError, CentralUnprepared, SchemaTooNew, SiteUnknown, StoreCorrupt
from agent.store.aggregates import AggregateWriter
from agent.store.central import Centre
from agent.store.central_site import SiteAtCentre
from agent.store.central_tables import ENDS
from agent.store.outgoing import Outgoing
from agent.sync.run import lives_of
from tests.central import (
    FAR,
    KEEP,
    at_centre,
    at_site,
    cell,
    prepared,
    released,
    rules,
    run,
    trial,
)
from tests.fakes import NOON

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a site's file with ten buckets and two days."""
    path = tmp_path / "kyoto" / "aggregates.sqlite"
    released(path, range(10), range(2))
    return path


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    """Return a centre that knows two sites."""
    return prepared(tmp_path / "central.sqlite", "kyoto", "osaka")


def execute(path: Path, *statements: str) -> None:
    """Change a file behind everybody's back."""
    with closing(sqlite3.connect(path)) as raw, raw:
        for statement in statements:
            raw.execute(statement)


def test_the_centre_has_what_the_site_released(source: Path, centre: Centre) -> None:
    """After a run both sides hold the same rows, hidden ones as the note that they are hidden."""
    outcome = run(source, centre)

    assert (outcome.released, outcome.sent) == (12, 12)
    assert at_centre(centre) == at_site(source)
    assert [row.suppressed for row in at_centre(centre)[0]].count(True) == 10


def test_a_second_run_sends_nothing(source: Path, centre: Centre) -> None:
    """What is there isn't sent again."""
    run(source, centre)

    assert run(source, centre).sent == 0


def test_only_what_is_new_is_sent(source: Path, centre: Centre) -> None:
    """A later run sends what was released since, also of a zone that was late."""
    run(source, centre)
    released(source, range(10, 12))
    released(source, range(3, 4), zone="yard")

    assert run(source, centre).sent == 3
    assert at_centre(centre) == at_site(source)


def test_a_centre_from_an_old_copy_gets_again_what_it_lost(
    source: Path, centre: Centre, tmp_path: Path
) -> None:
    """What the centre lost is sent again, because it is what decides, not a list of ours."""
    run(source, centre)
    execute(
        tmp_path / "central.sqlite", "PRAGMA foreign_keys=ON",
        "DELETE FROM cell WHERE bucket_start % 1800 = 0",
    )  # fmt: skip

    assert run(source, centre).sent == 5
    assert at_centre(centre) == at_site(source)


def test_a_number_that_is_there_never_changes(source: Path, centre: Centre, tmp_path: Path) -> None:
    """A bucket that the centre has stays as it came first, whatever a second file says of it."""
    run(source, centre)
    before = at_centre(centre)
    second = tmp_path / "second.sqlite"
    with AggregateWriter(second) as writer:
        other = cell(5)[0]
        writer.release([other.__class__(**{**_fields(cell(0)[0]), "value": 0.9})], KEEP)

    run(second, centre)

    assert at_centre(centre) == before


def _fields(row: object) -> dict:
    return {name: getattr(row, name) for name in row.__slots__}  # type: ignore[attr-defined]


def test_sites_do_not_mix(source: Path, centre: Centre, tmp_path: Path) -> None:
    """Two sites with the same zone and hour stand beside each other, each with its own rows."""
    other = tmp_path / "osaka" / "aggregates.sqlite"
    released(other, range(3))
    run(source, centre, "kyoto")
    run(other, centre, "osaka")

    assert at_centre(centre, "kyoto") == at_site(source)
    assert at_centre(centre, "osaka") == at_site(other)


def test_what_is_due_here_does_not_leave(source: Path, centre: Centre) -> None:
    """Numbers past their deadline aren't sent, also while the site's purge is still to come."""
    outcome = run(source, centre, now=NOON + KEEP)

    assert outcome.sent == 2  # the days, which live longer
    assert at_centre(centre)[0] == []


def test_the_centre_deletes_what_is_due_of_every_site(
    source: Path, centre: Centre, tmp_path: Path
) -> None:
    """A run deletes what is due at the centre, also of a site that fell silent."""
    run(source, centre, "osaka")
    fresh = tmp_path / "fresh.sqlite"
    released(fresh, range(1))

    outcome = run(fresh, centre, "kyoto", now=FAR)

    assert outcome.expired == 12
    assert at_centre(centre, "osaka") == ([], [])


def test_deleted_bytes_leave_a_trials_file(source: Path, centre: Centre, tmp_path: Path) -> None:
    """What was purged from a centre in a file isn't in its bytes any more."""
    run(source, centre)
    file = tmp_path / "central.sqlite"
    assert b"too_few_persons" in file.read_bytes()

    centre.purge(FAR)

    assert b"too_few_persons" not in file.read_bytes()


def test_a_shorter_policy_reaches_the_centre(source: Path, centre: Centre) -> None:
    """When the policy gets shorter, the centre's deadlines do too, and what is due goes."""
    run(source, centre)

    outcome = run(source, centre, keep=timedelta(hours=2, minutes=30))

    assert outcome.shortened == 10
    assert outcome.expired == 6
    assert len(at_centre(centre)[0]) == 8


def test_a_shorter_policy_reaches_what_the_site_has_deleted(source: Path, centre: Centre) -> None:
    """What is gone at the site under a shorter policy doesn't outlive it at the centre."""
    run(source, centre)
    short = timedelta(hours=2, minutes=30)
    with AggregateWriter(source) as writer:
        writer.purge([held.id for held in writer.holdings() if held.end + short <= NOON])

    run(source, centre, keep=short)

    assert at_centre(centre)[0] == at_site(source)[0]


def test_a_longer_policy_extends_nothing(source: Path, centre: Centre, tmp_path: Path) -> None:
    """A policy that grows again leaves the centre's deadlines where they are."""
    run(source, centre, keep=timedelta(days=2))
    run(source, centre, keep=timedelta(days=3000))

    with closing(sqlite3.connect(tmp_path / "central.sqlite")) as raw:
        (longest,) = raw.execute("SELECT max(delete_by - bucket_start - 900) FROM cell").fetchone()
    assert longest == timedelta(days=2).total_seconds()


def test_a_nearer_deadline_of_one_bucket_is_carried_over(source: Path, centre: Centre) -> None:
    """A deadline that was brought forward at the site is brought forward at the centre."""
    run(source, centre)
    with AggregateWriter(source) as writer:
        first = writer.holdings()[0]
        writer.lower({first.id: NOON + timedelta(hours=1)})

    outcome = run(source, centre)

    assert outcome.shortened == 1
    assert run(source, centre, now=NOON + timedelta(hours=2)).expired == 1


def test_a_hidden_number_is_refused_before_it_leaves(source: Path, centre: Centre) -> None:
    """A file that was changed to carry a number behind a hidden row sends nothing of it."""
    execute(
        source, "DROP TRIGGER number_never_changes",
        "UPDATE number SET samples = 3, persons = 2 WHERE suppressed",
    )  # fmt: skip

    with pytest.raises(StoreCorrupt, match="may be released"):
        run(source, centre)
    assert at_centre(centre) == ([], [])


def test_a_hidden_number_is_refused_by_the_centre_too(centre: Centre) -> None:
    """Whatever a site's program does, the database takes no number behind a hidden row."""
    there = SiteAtCentre(centre, "kyoto")
    head = {
        "bucket_start": 0, "zone": "door", "schema": 2, "bucket_seconds": 900, "k": 5,
        "policy": "", "models": "", "delete_by": 9,
    }  # fmt: skip
    number = {
        "bucket_start": 0, "zone": "door", "metric": "faces.peak", "unit": "faces", "value": 2.0,
        "standard_error": None, "samples": None, "tracks": None, "persons": None,
        "suppressed": True, "reason": "too_few_persons",
    }  # fmt: skip

    with pytest.raises(CentralError):
        there.send(Kind.CELL, [head], [number])
    assert at_centre(centre)[0] == []


def test_a_bucket_without_a_deadline_waits(source: Path) -> None:
    """What an older Omokage wrote isn't sent before the agent has dated it."""
    execute(
        source, "DROP TRIGGER cell_never_later",
        "UPDATE cell SET delete_by = NULL WHERE bucket_start % 1800 = 0",
    )  # fmt: skip

    assert len(Outgoing(source).stock(lives_of(rules()))) == 7


def test_an_unknown_site_is_refused(source: Path, centre: Centre) -> None:
    """A name that the centre doesn't know sends nothing."""
    with pytest.raises(SiteUnknown, match="nara"):
        run(source, centre, "nara")


def test_an_unprepared_centre_is_refused(source: Path, tmp_path: Path) -> None:
    """A database without our tables gets none by a sync."""
    empty = Centre(trial(tmp_path / "empty.sqlite"))

    with pytest.raises(CentralUnprepared):
        run(source, empty)


def test_a_newer_centre_is_refused_and_untouched(
    source: Path, centre: Centre, tmp_path: Path
) -> None:
    """A centre that a newer Omokage prepared gets nothing from this one."""
    execute(tmp_path / "central.sqlite", "UPDATE meta SET number = 99 WHERE name = 'schema'")

    with pytest.raises(SchemaTooNew, match="99"):
        run(source, centre)
    with pytest.raises(SchemaTooNew):
        centre.prepare()
    execute(tmp_path / "central.sqlite", "UPDATE meta SET number = 1 WHERE name = 'schema'")
    assert at_centre(centre) == ([], [])


def test_the_centre_may_keep_for_less_than_the_policy(source: Path, centre: Centre) -> None:
    """Its owner's bound counts for what is sent, and for what is there when it gets shorter."""
    centre.prepare(timedelta(days=20))
    first = run(source, centre)
    longest_first = longest_there(centre)
    centre.prepare(timedelta(days=5))
    longest_then = longest_there(centre)
    again = run(source, centre)
    centre.prepare()

    assert first.sent == 12
    assert longest_first == 20 * 86_400
    assert longest_then == 5 * 86_400
    assert (again.sent, again.shortened) == (0, 0)
    assert longest_there(centre) == 5 * 86_400, "preparing again leaves the bound as it is"


def test_a_longer_bound_prolongs_nothing(source: Path, centre: Centre) -> None:
    """The policy's lives stay where they are shorter, and so do deadlines that are there."""
    centre.prepare(timedelta(days=5))
    run(source, centre)

    centre.prepare(timedelta(days=3000))
    run(source, centre)

    assert longest_there(centre) == 5 * 86_400


def longest_there(centre: Centre) -> int:
    """Return the longest life of a bucket or a day that the centre holds, in seconds."""
    lives = (select(func.max(table.c.delete_by - end)) for table, end in ENDS.items())
    return max(centre.fetch(one)[0][0] for one in lives)


def test_a_trials_file_is_not_for_everybody(centre: Centre, tmp_path: Path) -> None:
    """Numbers of a centre in a file can be read by its owner and group alone."""
    assert (tmp_path / "central.sqlite").stat().st_mode & 0o007 == 0


def test_a_removed_site_leaves_nothing(source: Path, centre: Centre) -> None:
    """Removing a site removes all its rows, and nobody else's."""
    run(source, centre, "kyoto")
    run(source, centre, "osaka")

    assert centre.remove("kyoto")
    assert not centre.remove("kyoto")
    assert at_centre(centre, "kyoto") == ([], [])
    assert at_centre(centre, "osaka") == at_site(source)


def test_the_centre_knows_who_is_silent(source: Path, centre: Centre) -> None:
    """Each site stands there with its last complete run; one that never sent anything says so."""
    run(source, centre, "kyoto")

    kyoto, osaka = centre.sites()
    assert (kyoto.name, kyoto.seen_at, kyoto.buckets) == ("kyoto", NOON, 10)
    assert (osaka.name, osaka.seen_at, osaka.buckets) == ("osaka", None, 0)
