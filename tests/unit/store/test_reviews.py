"""The reviews' database: appended, never changed, deleted by its deadline."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.domain.access_entry import commitment
from agent.domain.circumstance import Circumstance
from agent.domain.review import COMMITMENT_LABEL, Sampling, Verdict, Why, digest, read_body
from agent.errors import SchemaTooNew, StoreError
from agent.store.reviews import Draw, ReviewReader, ReviewStore, seal
from tests.reviewing import coding, review

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
KEEP = timedelta(days=90)


@pytest.fixture
def store(tmp_path: Path):
    """Return an empty store."""
    with ReviewStore(tmp_path / "state" / "reviews.sqlite") as made:
        yield made


def raw(path: Path, statement: str, values: tuple = ()) -> list[tuple]:
    """Run a statement past the store."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def path_of(store: ReviewStore) -> Path:
    """Return a store's file."""
    return store._path


def test_a_review_comes_back_as_it_was(store: ReviewStore) -> None:
    """Everything that was said is read again, with a second reader too."""
    said = review(at=NOW, verdict=Verdict.FIX, coded=coding(frozenset({"AU12"}), None))
    number = store.add(seal(said, KEEP))
    with ReviewReader(path_of(store)) as reader:
        (found,) = reader.reviews()

    assert said == found.review
    assert number == found.number
    assert found.delete_by == said.clip.at + timedelta(seconds=5) + KEEP


def test_a_missing_database_reads_as_empty(tmp_path: Path) -> None:
    """Before the first review there is nothing, and reading makes no file."""
    reader = ReviewReader(tmp_path / "none.sqlite")

    assert [] == reader.reviews() == reader.holdings()
    assert not (tmp_path / "none.sqlite").exists()


def test_nobody_codes_a_clip_twice(store: ReviewStore) -> None:
    """The second review of the same clip by the same person is refused; another person's isn't."""
    store.add(seal(review(at=NOW), KEEP))
    store.add(seal(review(at=NOW, reviewer="mori"), KEEP))

    with pytest.raises(StoreError, match="before"):
        store.add(seal(review(at=NOW + timedelta(hours=1)), KEEP))
    assert 2 == len(store.reviews())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE review SET body = replace(body, 'accept', 'reject')",
        "UPDATE review SET digest = 'x'",
        "UPDATE review SET reviewer = 'mori'",
        "UPDATE review SET delete_by = delete_by + 1",
        "UPDATE review SET number = number + 1",
        "UPDATE draw SET probability = 1.0",
        "UPDATE site SET seed = zeroblob(32)",
        "DELETE FROM site",
    ],
)
def test_the_database_itself_refuses_changes(store: ReviewStore, statement: str) -> None:
    """What was submitted, who said it, its deadline, the draws and the seed can't be changed."""
    store.add(seal(review(at=NOW), KEEP))
    store.decide([Draw("ab" * 16, 0.5, 10, 4, NOW, NOW + KEEP)])

    with pytest.raises(sqlite3.IntegrityError):
        raw(path_of(store), statement)


def test_a_name_is_in_no_body(store: ReviewStore) -> None:
    """The body holds a commitment; with the salt it can be checked, without it not."""
    sealed = seal(review(at=NOW, reviewer="sato"), KEEP)

    assert b"sato" not in sealed.body
    assert commitment(COMMITMENT_LABEL, sealed.salt, b"sato") in sealed.body


def test_erasing_a_name_leaves_the_review(store: ReviewStore) -> None:
    """After an erasure the digest still fits and nobody can tell who it was."""
    sealed = seal(review(at=NOW, reviewer="sato"), KEEP)
    store.add(sealed)

    assert 1 == store.erase("sato")
    (found,) = store.reviews()
    assert "" == found.review.reviewer
    assert sealed.digest == found.digest
    assert b"sato" not in path_of(store).read_bytes()


def test_the_digest_is_that_of_the_bytes(store: ReviewStore) -> None:
    """A row that was changed past the triggers has another digest than it says."""
    sealed = seal(review(at=NOW), KEEP)
    store.add(sealed)
    raw(path_of(store), "DROP TRIGGER review_never_changes")
    raw(path_of(store), "UPDATE review SET body = replace(body, '\"accept\"', '\"reject\"')")
    (found,) = store.reviews()

    assert Verdict.REJECT is found.review.verdict
    assert sealed.digest != found.digest


def test_a_broken_row_is_refused_with_its_number(store: ReviewStore) -> None:
    """What isn't a review raises instead of being guessed at."""
    store.add(seal(review(at=NOW), KEEP))
    raw(path_of(store), "DROP TRIGGER review_never_changes")
    raw(path_of(store), "UPDATE review SET body = '{\"clip\": {}}'")

    with pytest.raises(StoreError, match="row 1"):
        store.reviews()


def test_a_newer_schema_is_left_alone(store: ReviewStore) -> None:
    """Neither end touches a database of a newer Omokage."""
    raw(path_of(store), "UPDATE meta SET number = 99")

    with pytest.raises(SchemaTooNew):
        ReviewReader(path_of(store)).reviews()
    with pytest.raises(SchemaTooNew):
        ReviewStore(path_of(store))


def test_another_database_is_refused(tmp_path: Path) -> None:
    """A file of another kind isn't taken over."""
    raw(tmp_path / "reviews.sqlite", "CREATE TABLE other (a)")

    with pytest.raises(StoreError):
        ReviewStore(tmp_path / "reviews.sqlite")


def test_a_deadline_only_comes_nearer_and_ends_in_deletion(store: ReviewStore) -> None:
    """A later deadline changes nothing, an earlier one does; purging erases the row's bytes."""
    store.add(seal(review(at=NOW), KEEP))
    store.decide([Draw("cd" * 16, 0.5, 10, 4, NOW, NOW + KEEP)])
    before = {h.id: h.delete_by for h in store.holdings()}

    assert 0 == store.lower({"review:1": NOW + 2 * KEEP, "cell:1:door": NOW})
    assert 1 == store.lower({"review:1": NOW})
    assert before["review:1"] > store.holdings()[0].delete_by == NOW
    gone = store.purge(["review:1", f"draw:{'cd' * 16}", "review:77", "file:x"])
    assert (1, 1) == (gone.reviews, gone.draws)
    assert [] == store.holdings()
    assert b"entrance" not in path_of(store).read_bytes()


def test_a_number_is_never_given_again(store: ReviewStore) -> None:
    """After a deletion the next review gets a new number, so old receipts stay unambiguous."""
    store.add(seal(review(at=NOW), KEEP))
    store.purge(["review:1"])

    assert 2 == store.add(seal(review(at=NOW), KEEP))


def test_a_draw_is_decided_once(store: ReviewStore) -> None:
    """A second decision about a bucket, for example of another session, changes nothing."""
    store.decide([Draw("ab" * 16, 0.5, 10, 4, NOW, NOW + KEEP)])
    store.decide([Draw("ab" * 16, 1.0, 10, 10, NOW, NOW + KEEP)])

    assert 0.5 == store.draws()["ab" * 16].probability


def test_each_site_draws_its_own_seed(tmp_path: Path, store: ReviewStore) -> None:
    """Two databases differ in their seed, and one keeps it."""
    with ReviewStore(tmp_path / "other.sqlite") as other:
        assert other.seed != store.seed
    assert 32 == len(store.seed)


def test_what_should_not_exist_is_named(store: ReviewStore) -> None:
    """Only buckets with that verdict are passed on."""
    store.add(seal(review(0, at=NOW, bucket="aa" * 16), KEEP))
    store.add(seal(review(1, at=NOW, bucket="bb" * 16, verdict=Verdict.NOT_CAPTURED), KEEP))

    assert {"bb" * 16} == store.not_to_be_captured()


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"clip": 3}', b"nonsense"])
def test_other_bytes_are_not_a_review(content: bytes) -> None:
    """Reading anything else raises one known error."""
    with pytest.raises(ValueError):  # noqa: PT011 (any message)
        read_body(content, "")


def test_reviews_from_before_circumstances_were_noted_are_read() -> None:
    """The first version's bytes have none, and nothing is made up for them."""
    content = json.loads(seal(review(at=NOW), KEEP).body)
    content["omokage-review"] = 1
    del content["circumstances"]
    found, _ = read_body(json.dumps(content).encode(), "sato")

    assert found == review(at=NOW)
    assert found.circumstances == ()


@pytest.mark.parametrize("version", [0, 3, None, "x"])
def test_a_later_versions_review_is_refused(version: object) -> None:
    """Its words may mean something else; it is no review to this Omokage."""
    content = json.loads(seal(review(at=NOW), KEEP).body)
    content["omokage-review"] = version

    with pytest.raises(ValueError):  # noqa: PT011 (any message)
        read_body(json.dumps(content).encode(), "sato")


def test_circumstances_are_words_and_under_the_digest() -> None:
    """A review holds halves, never a measure, and whoever changes one changes the digest."""
    seen = (Circumstance.FAR, Circumstance.DIM, Circumstance.TURNED)
    content = seal(replace(review(at=NOW), circumstances=seen), KEEP).body

    assert b'"circumstances":["far","dim","turned"]' in content
    assert read_body(content, "sato")[0].circumstances == seen
    assert digest(content) != digest(content.replace(b'"far"', b'"near"'))


@pytest.mark.parametrize(
    "halves",
    [
        (Circumstance.NEAR, Circumstance.FAR),
        (Circumstance.DIM, Circumstance.TURNED, Circumstance.BRIGHT),
        (Circumstance.DIM, Circumstance.DIM),
    ],
)
def test_no_clip_is_in_both_halves(halves: tuple[Circumstance, ...]) -> None:
    """Near and far at once, or twice the same, can't be made."""
    with pytest.raises(ValueError, match="half"):
        replace(review(at=NOW), circumstances=halves)


def test_a_random_clip_has_a_probability() -> None:
    """Neither a random clip without one nor an uncertain clip with one can be made."""
    for why, probability in ((Why.RANDOM, None), (Why.MARGIN, 0.5), (Why.RANDOM, 0.0)):
        with pytest.raises(ValueError, match="probability"):
            Sampling(why, probability)


def test_a_correction_belongs_to_fix_alone() -> None:
    """A verdict of 'fix' without a corrected coding can't be made."""
    with pytest.raises(ValueError, match="fix"):
        review(at=NOW, verdict=Verdict.FIX).__class__(
            **{
                name: getattr(review(at=NOW), name)
                for name in ("at", "reviewer", "clip", "coding", "reasons", "model", "models")
            },
            verdict=Verdict.FIX,
            final=None,
            sampling=Sampling(Why.RANDOM, 0.5),
        )


def test_one_changed_byte_changes_the_digest() -> None:
    """The digest speaks for every byte."""
    content = seal(review(at=NOW), KEEP).body

    assert digest(content) != digest(content.replace(b"accept", b"reject"))
