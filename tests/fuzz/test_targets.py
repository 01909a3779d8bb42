"""Whatever stands in a file, its reader returns or refuses in a sentence; it never falls over."""

from __future__ import annotations

from itertools import islice

import pytest

from agent.errors import AgentError, ModelError
from tests.fuzz.mutation import TOKENS, mutations
from tests.fuzz.targets import COLUMNS, TARGETS, Target

SLOW = {"row": 60, "database": 60, "aggregates": 60, "identity": 60, "status": 30, "policy": 100}
"""How many files are tried where a reader takes milliseconds."""


@pytest.mark.parametrize("name", TARGETS)
def test_a_broken_file_is_refused_in_a_sentence(name: str) -> None:
    """Files broken at random, the same ones in each run, end in a refusal with advice."""
    target = TARGETS[name]
    seeds = list(target.seeds())
    seeds = seeds[:: 1 + len(seeds) // 40]
    count = len(seeds) + SLOW.get(name, 200)

    for content in islice(mutations(seeds, seed=7), count):
        target.try_one(content)


@pytest.mark.parametrize("name", TARGETS)
def test_odd_files_are_refused_too(name: str) -> None:
    """Empty, endless, deep, and made of one odd token: no reader falls over any of them."""
    for token in TOKENS:
        TARGETS[name].try_one(token)


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"row", "status", "policy", "note"}))
def test_a_sound_file_is_accepted(name: str) -> None:
    """The seeds are files that are read, so what is broken was whole before."""
    target = TARGETS[name]

    assert target.try_one(target.seeds()[0])


def test_texts_that_no_header_holds_are_refused() -> None:
    """A zone without a name, or with a long one, is no bucket's (found by fuzzing)."""
    for column in (("buckets", "zone"), ("buckets", "epoch"), ("buckets", "device")):
        for name in (b"", b"x" * 256):
            head = bytes([COLUMNS.index(column), 1])
            assert not TARGETS["row"].try_one(head + name)


def test_a_crash_is_a_finding() -> None:
    """A reader that raises something else, or refuses without advice, doesn't pass."""

    def crash(_: bytes) -> None:
        raise IndexError

    def mute(_: bytes) -> None:
        raise ModelError("no", advice=" ")

    for reader, kind in ((crash, IndexError), (mute, AssertionError)):
        with pytest.raises(kind):
            Target(reader, lambda: [b""]).try_one(b"x")
    assert issubclass(ModelError, AgentError)


def test_broken_files_are_the_same_in_each_run() -> None:
    """A finding can be repeated, and the mutations do change the file."""
    first, again = (list(islice(mutations([b"a = 1\nb = 2\n"], 3), 200)) for _ in range(2))

    assert first == again
    assert len(set(first)) > 100
