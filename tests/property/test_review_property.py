"""The queue's promises, whatever the clips and whoever has coded what."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS
from agent.domain.record import to_batch
from agent.domain.review import (
    Candidate,
    Clip,
    ClipId,
    Coding,
    Done,
    Mark,
    ModelView,
    QueueRules,
    Reason,
    Review,
    Sampling,
    Verdict,
    Why,
    body,
    digest,
    read_body,
)
from agent.review.cutting import LONGEST_SECONDS, SHORTEST_SECONDS, Place, pieces
from agent.review.queue import RULES, draw_probability, is_doubled, is_drawn, queue
from tests.reviewing import course

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
SEED = bytes(range(32))
NAMES = st.sampled_from(["sato", "mori", "abe"])


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    """Invent different clips, some past their deadline."""
    numbers = draw(st.lists(st.integers(0, 60), max_size=30, unique=True))
    found = []
    for number in numbers:
        hours = draw(st.integers(-3, 72))
        clip = Clip(
            ClipId("ab" * 16, number, 0), "door", NOW, 5.0, 25, NOW + timedelta(hours=hours)
        )
        found.append(
            Candidate(
                clip,
                draw(st.floats(0, 1)),
                draw(st.sampled_from([Why.MARGIN, Why.THRESHOLD, Why.QUALITY])),
                draw(st.floats(0.01, 1)),
            )
        )
    return found


@st.composite
def works(draw: st.DrawFn) -> tuple[list[Candidate], list[Done]]:
    """Invent clips and who has coded some of them, each person once."""
    clips = draw(candidates())
    done = [
        Done(clip.clip.id, name, NOW - timedelta(days=draw(st.integers(0, 9))), clip.why)
        for clip in clips
        for name in sorted(draw(st.sets(NAMES, max_size=2)))
    ]
    return clips, done


@given(works(), NAMES)
def test_nobody_gets_a_clip_twice_or_too_late(work, name: str) -> None:
    """No clip comes twice, none that the reviewer has coded, none past its deadline."""
    clips, done = work
    tasks = queue(clips, done, reviewer=name, seed=SEED, now=NOW)
    mine = {one.clip for one in done if one.reviewer == name}
    ids = [task.clip.id for task in tasks]

    assert len(ids) == len(set(ids))
    assert not mine & set(ids)
    assert all(task.clip.deadline > NOW for task in tasks)


@given(works(), NAMES)
def test_first_things_come_first(work, name: str) -> None:
    """Deadlines never fall along the queue."""
    tasks = queue(*work, reviewer=name, seed=SEED, now=NOW)
    ends = [task.clip.deadline for task in tasks]

    assert sorted(ends) == ends


@given(works(), NAMES)
def test_a_third_opinion_is_never_asked(work, name: str) -> None:
    """One coding is enough, two for the tenth that is doubled; a second one is called so."""
    clips, done = work
    known = Counter(one.clip for one in done)
    for task in queue(clips, done, reviewer=name, seed=SEED, now=NOW):
        most = 1 if is_doubled(SEED, task.clip.id) else 0

        assert known[task.clip.id] <= most
        assert task.sampling.second == (known[task.clip.id] > 0)


@given(candidates(), NAMES)
def test_every_drawn_clip_waits_with_its_probability(clips, name: str) -> None:
    """The random sample is whole, and says with which probability each clip was drawn."""
    tasks = {t.clip.id: t for t in queue(clips, [], reviewer=name, seed=SEED, now=NOW)}
    for one in clips:
        if one.clip.deadline > NOW and is_drawn(SEED, one):
            assert tasks[one.clip.id].sampling.probability == one.probability
        elif one.clip.id in tasks:
            assert tasks[one.clip.id].sampling.probability is None


@given(candidates(), NAMES, st.integers(0, 5))
def test_uncertain_clips_stay_within_the_week(clips, name: str, most: int) -> None:
    """Not more uncertain clips wait than a week holds."""
    rules = QueueRules(uncertain_a_week=most)
    tasks = queue(clips, [], reviewer=name, seed=SEED, now=NOW, rules=rules)

    assert sum(task.sampling.why is not Why.RANDOM for task in tasks) <= most


@given(candidates())
def test_a_draw_knows_nothing_of_the_clip(clips) -> None:
    """How unsure the model was doesn't change who is drawn."""
    for one in clips:
        other = Candidate(one.clip, 1 - one.uncertainty, Why.QUALITY, one.probability)

        assert is_drawn(SEED, one) == is_drawn(SEED, other)


@given(st.integers(0, 10_000), st.integers(0, 100))
def test_no_time_goes_unwatched(new: int, drawn: int) -> None:
    """The probability lies in (0, 1] and asks for no more clips than a week should bring."""
    probability = draw_probability(new, drawn)

    assert 0 < probability <= 1
    assert probability * new <= RULES.random_a_week + 1e-9


def test_the_draw_meets_its_probability() -> None:
    """Of 20,000 clips about a fifth is drawn at 0.2, and about a tenth is doubled."""
    ids = [ClipId("cd" * 16, i, i % 7) for i in range(20_000)]
    made = [
        Candidate(Clip(i, "door", NOW, 5.0, 25, NOW + timedelta(hours=1)), 0.0, Why.MARGIN, 0.2)
        for i in ids
    ]

    assert abs(sum(is_drawn(SEED, one) for one in made) / 20_000 - 0.2) < 0.012
    assert abs(sum(is_doubled(SEED, i) for i in ids) / 20_000 - 0.1) < 0.009


@st.composite
def judgements(draw: st.DrawFn) -> Review:
    """Invent a review."""
    marks = st.sampled_from(list(Mark))

    def coding() -> Coding:
        return Coding(
            tuple(draw(marks) for _ in AU_LABELS), draw(st.sampled_from([None, *EMOTIONS]))
        )

    verdict = draw(st.sampled_from(list(Verdict)))
    random = draw(st.booleans())
    tenths = st.one_of(st.none(), st.integers(0, 50).map(lambda n: n / 10))
    return Review(
        at=NOW + timedelta(microseconds=draw(st.integers(0, 10**9))),
        reviewer=draw(st.text(max_size=20)),
        clip=Clip(
            ClipId(draw(st.binary(min_size=16, max_size=16)).hex(), draw(st.integers(0, 65535)), 7),
            draw(st.text(min_size=1, max_size=9)), NOW, 5.5, 28, NOW + timedelta(hours=72),
        ),
        coding=coding(),
        verdict=verdict,
        reasons=tuple(draw(st.lists(st.sampled_from(list(Reason)), max_size=3))),
        final=coding() if verdict is Verdict.FIX else None,
        model=ModelView(
            tuple(draw(st.sampled_from([True, False, None])) for _ in AU_LABELS),
            tuple(draw(tenths) for _ in AU_LABELS),
            draw(st.one_of(st.none(), st.just((0.125,) * 8))),
            0.8,
        ),
        models=("face_encoder@0123abcd",),
        sampling=Sampling(Why.RANDOM if random else Why.MARGIN, 0.25 if random else None),
    )  # fmt: skip


@given(judgements(), st.text(alphabet="0123456789abcdef", min_size=64, max_size=64))
def test_a_review_survives_its_bytes(review: Review, commitment: str) -> None:
    """What is written is read again, whole; the same review gives the same bytes and digest."""
    content = body(review, commitment, NOW)

    assert (review, NOW) == read_body(content, review.reviewer)
    assert content == body(review, commitment, NOW)
    assert digest(content) == digest(body(review, commitment, NOW))


@given(judgements(), st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_never_keeps_the_digest(review: Review, place: int, flip: int) -> None:
    """Whatever is changed in the stored bytes, the digest is another one."""
    content = bytearray(body(review, "0" * 64, NOW))
    before = digest(bytes(content))
    content[place % len(content)] ^= flip

    assert before != digest(bytes(content))


@given(st.integers(1, 60), st.integers(3, 12), st.integers(0, 5))
def test_clips_are_whole_and_never_too_long(seconds: int, hertz: int, seed: int) -> None:
    """Clips last 3-10 s, don't overlap, and hold only records that exist."""
    batch = to_batch(course(3, float(seconds), hertz=float(hertz), seed=seed))
    found = pieces(batch, Place("ab" * 16, "door", NOW, NOW + timedelta(hours=1)))
    ends = 0
    for piece in found:
        clip = piece.clip
        assert SHORTEST_SECONDS <= clip.seconds <= LONGEST_SECONDS
        assert clip.id.start >= ends
        ends = clip.id.start + round(clip.seconds * 10)
    assert sum(piece.clip.frames for piece in found) <= len(batch)
