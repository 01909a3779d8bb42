"""For any order of extensions, replacements and destructions: no gap, no overlap, no early end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.crypto.destroy import Span, destroyable, last_deadline
from agent.crypto.keybox import KeyBox
from agent.crypto.keys import parse_public
from agent.crypto.lifecycle import KeyState, begin, extended, with_new_epoch, without
from agent.crypto.passphrase import SHORTEST, judge
from agent.crypto.wrapping import public_half
from agent.errors import ConfigError
from tests.sealing import NOW, PASSPHRASE, keyset

"""A busy machine isn't a fault of the code."""
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
moments = st.integers(0, 30 * 7 * 24).map(
    lambda hours: NOW.replace(minute=0, second=0) + hours * HOUR
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("extend"), st.integers(1, 4)),
        st.tuples(st.just("replace"), st.integers(0, 200)),
        st.tuples(st.just("destroy"), st.integers(0, 20)),
    ),
    max_size=6,
)


def after(state: KeyState, step: tuple[str, int], now: datetime) -> KeyState:
    """Do one step; what is refused changes nothing."""
    what, number = step
    try:
        if what == "extend":
            return extended(state, now, number)
        if what == "replace":
            return with_new_epoch(state, now.replace(minute=0, second=0) + number * HOUR)
    except ConfigError:
        return state
    ids = [half.id for half in state.halves]
    return without(state, frozenset(ids[number : number + 1]))


@settings(max_examples=60)
@given(steps, st.integers(1, 5))
def test_an_extension_leaves_no_hole_and_no_overlap(todo, weeks: int) -> None:
    """Whatever came before, after it every instant until the end has exactly one recipient."""
    state = begin(NOW, weeks=2, device="d", verify_key=bytes(32))
    for step in todo:
        state = after(state, step, NOW)

    halves = extended(state, NOW, weeks).halves

    ahead = [half for half in halves if half.valid_to > NOW]
    assert ahead[0].valid_from <= NOW
    assert [h.valid_to for h in ahead[:-1]] == [h.valid_from for h in ahead[1:]]
    assert all(a.valid_to <= b.valid_from for a, b in pairwise(halves))
    assert len({h.id for h in halves}) == len({h.seed for h in halves}) == len(halves)
    assert all(h.valid_to - h.valid_from <= WEEK for h in halves)
    assert all(h.public == public_half(h.seed) for h in halves)


@settings(max_examples=40)
@given(steps)
def test_no_step_moves_what_is_over(todo) -> None:
    """Epochs keep their halves for as long as they are there; only an end may come forward."""
    state = begin(NOW, weeks=3, device="d", verify_key=bytes(32))
    for step in todo:
        earlier, state = state, after(state, step, NOW)
        now = {half.id: half for half in state.halves}
        for half in earlier.halves:
            kept = now.get(half.id, half)
            assert (kept.seed, kept.valid_from) == (half.seed, half.valid_from)
            assert kept.valid_to <= half.valid_to


@settings(max_examples=20)
@given(steps)
def test_any_state_survives_its_files(todo) -> None:
    """Written and read again, with the passphrase, every half is the same, signed by the root."""
    box = KeyBox.opened(keyset().vault, keyset().public, PASSPHRASE, now=NOW)
    state = box.state
    for step in todo:
        state = after(state, step, NOW)
    changed = box.become(state)

    public = parse_public(changed.to_public().to_toml(), "public.toml")
    again = KeyBox.opened(changed.to_vault(), public, PASSPHRASE, now=NOW)

    assert again.state == changed.state
    assert public == changed.to_public()


@settings(max_examples=150)
@given(st.data())
def test_any_changed_byte_of_the_public_side_is_refused_or_means_nothing(data) -> None:
    """A flipped bit anywhere is refused, or reads as the very same keys (a comment, a space)."""
    content = keyset().public.to_toml()
    place = data.draw(st.integers(0, len(content) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]

    try:
        read = parse_public(changed, "public.toml")
    except ConfigError:
        return
    assert read == keyset().public


@settings(max_examples=200)
@given(
    st.lists(moments, min_size=1, max_size=8),
    moments,
    st.integers(1, 24 * 30),
    st.integers(1, 24),
    st.sets(st.integers(0, 7)),
)
def test_nothing_goes_before_its_records_deadline(ends, now, retention, bucket, held) -> None:
    """A record sealed in an epoch's last instant is over when its key goes, and isn't held."""
    spans = [Span(str(place), end) for place, end in enumerate(ends)]
    blocked = {str(number) for number in held}
    lives = {"retention": retention * HOUR, "bucket": bucket * HOUR}

    gone = destroyable(spans, now, blocked=blocked, **lives)

    for span in spans:
        over = last_deadline(span, lives["retention"], lives["bucket"]) <= now
        assert (span.id in gone) == (over and span.id not in blocked)


@settings(max_examples=100)
@given(st.lists(moments, min_size=1, max_size=8), moments, st.integers(0, 900))
def test_what_may_go_may_go_later_too(ends, now, hours) -> None:
    """Time only adds to what may be destroyed; a longer retention only takes away."""
    spans = [Span(str(place), end) for place, end in enumerate(ends)]
    lives = {"retention": 72 * HOUR, "bucket": HOUR}

    gone = set(destroyable(spans, now, **lives))

    assert gone <= set(destroyable(spans, now + hours * HOUR, **lives))
    longer = replace_retention(lives, hours)
    assert set(destroyable(spans, now, **longer)) <= gone


def replace_retention(lives: dict[str, timedelta], hours: int) -> dict[str, timedelta]:
    """Return the same lives with a longer retention."""
    return {**lives, "retention": lives["retention"] + hours * HOUR}


@settings(max_examples=100)
@given(st.text(max_size=SHORTEST - 1))
def test_no_short_text_is_a_passphrase(text: str) -> None:
    """Whatever is typed, fewer than twelve characters are refused, and not repeated."""
    with pytest.raises(ConfigError):
        judge(text)


def test_the_state_is_replaced_not_changed() -> None:
    """Every transition gives a new value; the old one is as it was."""
    state = begin(NOW, weeks=2, device="d", verify_key=bytes(32))
    copy = replace(state)

    extended(state, NOW, 1)
    without(state, frozenset({state.halves[0].id}))

    assert copy == state
