"""A review is written down first, then stored; what was changed is found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.domain.access import Action, Decision, Role
from agent.domain.policy import Policy
from agent.domain.review import Verdict
from agent.errors import StoreError
from agent.retention.receipt import Actor
from agent.review_keeping import honour_reviews, keep_reviews
from agent.store.access_log import AccessLog, AccessReader
from agent.store.access_reader import AccessQuery
from agent.store.reviews import ReviewReader, ReviewStore
from agent.store.segments import SegmentStore
from agent.submission import Fault, check, submit
from agent.upkeep import Upkeep
from tests.fakes import FrozenClock
from tests.retaining import policy
from tests.reviewing import review
from tests.reviewing import site as review_site
from tests.signed_in import ListRecorder

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
KEEP = timedelta(days=90)


class Refusing(ListRecorder):
    """An access log that is full."""

    def record(self, event) -> None:
        """Refuse."""
        raise StoreError("full")


def faults(place: Site, now: datetime = NOW) -> list[Fault]:
    """Return what is wrong between a site's reviews and its log."""
    entries = AccessReader(place.access_log).entries(AccessQuery(action=Action.REVIEWED), limit=99)
    return [f.fault for f in check(ReviewReader(place.reviews).reviews(), entries, now)]


@pytest.fixture
def place(tmp_path: Path) -> Site:
    """Return a site with three reviews that were handed in properly."""
    found = Site(tmp_path)
    with ReviewStore(found.reviews) as store, closing(AccessLog(found.access_log)) as log:
        for number in range(3):
            submit(store, log, review(number, at=NOW + timedelta(minutes=number)), KEEP)
    return found


def change(place: Site, statement: str) -> None:
    """Do what only somebody who may write the file can do."""
    with closing(sqlite3.connect(place.reviews)) as connection, connection:
        connection.execute("DROP TRIGGER IF EXISTS review_never_changes")
        connection.execute(statement)


def test_what_was_submitted_fits_the_log(place: Site) -> None:
    """Untouched reviews give no finding, and each entry names bucket, reviewer and digest."""
    (entry, *_) = AccessReader(place.access_log).entries()

    assert [] == faults(place)
    assert ("sato", Role.REVIEWER) == (entry.event.actor, entry.event.role)
    assert "ab" * 16 == entry.event.objects[0]
    assert entry.event.objects[1].startswith("review:")


def test_nothing_is_stored_that_can_not_be_written_down(tmp_path: Path) -> None:
    """With a log that refuses there is no review."""
    with ReviewStore(tmp_path / "reviews.sqlite") as store:
        with pytest.raises(StoreError, match="full"):
            submit(store, Refusing(), review(at=NOW), KEEP)
        assert [] == store.reviews()


def test_a_refused_review_is_written_down_and_is_no_fault(place: Site) -> None:
    """A clip that was coded before is refused; the log says so, and nothing is missing."""
    with (
        ReviewStore(place.reviews) as store,
        closing(AccessLog(place.access_log)) as log,
        pytest.raises(StoreError),
    ):
        submit(store, log, review(0, at=NOW), KEEP)
    newest = AccessReader(place.access_log).entries(limit=1)[0]

    assert Decision.REFUSED is newest.event.decision
    assert [] == faults(place)


def test_an_edited_review_is_found(place: Site) -> None:
    """Turning one verdict round shows twice: a row that isn't logged, a logged one that is gone."""
    change(place, "UPDATE review SET body=replace(body, 'accept', 'reject') WHERE number=2")

    assert [Fault.NOT_LOGGED, Fault.MISSING] == faults(place)


def test_a_deleted_review_is_found(place: Site) -> None:
    """A review that vanished before its deadline is missed."""
    change(place, "DELETE FROM review WHERE number = 2")

    assert [Fault.MISSING] == faults(place)


def test_a_review_slipped_in_is_found(place: Site) -> None:
    """A row that nobody submitted isn't in the log."""
    change(
        place,
        "INSERT INTO review (body, digest, reviewer, delete_by) "
        "SELECT replace(body, '\"track\":1', '\"track\":9'), digest, reviewer, delete_by "
        "FROM review WHERE number = 2",
    )

    assert [Fault.NOT_LOGGED] == faults(place)


def test_a_review_that_died_in_time_is_not_missed(place: Site) -> None:
    """After the deadline nothing is missing."""
    change(place, "DELETE FROM review")

    assert [] == faults(place, NOW + KEEP)


def rules(**lives: timedelta) -> Policy:
    """Return a policy with these lives."""
    return policy(**lives)


def test_reviews_are_deleted_when_their_time_is_over(place: Site) -> None:
    """Nothing goes before; what goes was written down before."""
    recorder, actor = ListRecorder(), Actor("agent", Role.AGENT, "ab" * 32)
    early = keep_reviews(place, rules(), recorder, actor, NOW)
    gone = keep_reviews(place, rules(), recorder, actor, NOW + KEEP)

    assert (0, 3) == (early, gone)
    assert [Action.PURGED] == [event.action for event in recorder.events]


def test_a_shorter_policy_deletes_reviews_earlier(place: Site) -> None:
    """Where numbers may live a day, a review lives a day."""
    actor = Actor("agent", Role.AGENT, "ab" * 32)
    short = rules(aggregates=timedelta(days=1))

    assert 3 == keep_reviews(place, short, ListRecorder(), actor, NOW + timedelta(days=1))


def test_no_review_is_deleted_that_can_not_be_written_down(place: Site) -> None:
    """With a log that refuses, the reviews stay."""
    actor = Actor("agent", Role.AGENT, "ab" * 32)
    with pytest.raises(StoreError):
        keep_reviews(place, rules(), Refusing(), actor, NOW + KEEP)

    assert 3 == len(ReviewReader(place.reviews).reviews())


def test_a_marked_bucket_is_due_at_once(tmp_path: Path) -> None:
    """The verdict brings that bucket's deadline forward, and no other's."""
    place = review_site(tmp_path, NOW)
    with SegmentStore(place.segments) as segments:
        first, second = (h.id for h in segments.holdings())
        assert 0 == honour_reviews(place, segments, NOW)
        with ReviewStore(place.reviews) as store:
            marked = review(at=NOW, bucket=first, verdict=Verdict.NOT_CAPTURED)
            submit(store, ListRecorder(), marked, KEEP)
        changed = honour_reviews(place, segments, NOW)
        ends = {h.id: h.delete_by for h in segments.holdings()}

    assert 1 == changed
    assert ends[first] == NOW < ends[second]


def upkeep(place: Site, clock: FrozenClock) -> Upkeep:
    """Do one round of the agent's housekeeping."""
    with closing(AccessLog(place.access_log)) as log:
        found = Upkeep(place, load_policy(place.policy), log, clock)
        found.keep_if_due()
        found.close()
    return found


def test_the_agent_deletes_what_should_not_have_been_captured(tmp_path: Path) -> None:
    """One round after the verdict the bucket is gone with a receipt; the other one is there."""
    place = review_site(tmp_path, NOW)
    with SegmentStore(place.segments) as segments:
        first, second = (h.id for h in segments.holdings())
    with ReviewStore(place.reviews) as store:
        marked = review(at=NOW, bucket=first, verdict=Verdict.NOT_CAPTURED)
        submit(store, ListRecorder(), marked, KEEP)
    upkeep(place, FrozenClock(NOW))
    with SegmentStore(place.segments) as segments:
        left = [h.id for h in segments.holdings()]
    purged = AccessReader(place.access_log).entries(AccessQuery(action=Action.PURGED))

    assert [second] == left
    assert any(first in " ".join(entry.event.objects) for entry in purged)


def test_the_agent_deletes_reviews_in_time_and_says_if_it_cannot(tmp_path: Path) -> None:
    """After the policy's time none is left; a database that can't be read is a trouble."""
    place = review_site(tmp_path, NOW)
    with ReviewStore(place.reviews) as store:
        submit(store, ListRecorder(), review(at=NOW), KEEP)
    clock = FrozenClock(NOW)
    assert upkeep(place, clock).trouble is None
    assert 1 == len(ReviewReader(place.reviews).reviews())
    clock.sleep(25 * 3600)  # the demo's numbers live a day
    assert upkeep(place, clock).trouble is None
    assert [] == ReviewReader(place.reviews).reviews()

    place.reviews.write_bytes(b"no database" * 500)
    assert "reviews" in (upkeep(place, clock).trouble or "")


def test_a_doubted_clock_deletes_no_review(tmp_path: Path) -> None:
    """A clock that jumped years ahead while the machine ran on isn't believed."""
    place = review_site(tmp_path, NOW)
    with ReviewStore(place.reviews) as store:
        submit(store, ListRecorder(), review(at=NOW), KEEP)
    upkeep(place, FrozenClock(NOW))
    upkeep(place, FrozenClock(NOW + timedelta(days=800)))

    assert 1 == len(ReviewReader(place.reviews).reviews())
