"""Shares by several kinds of groups: what is said, and how seldom chance is taken for more."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.evaluation.agreement import FEWEST
from agent.evaluation.differences import CHANCE, Compared, Said, compare

DEALS = 299
"""Enough for a test: the least chance that can be told is one in three hundred."""
KINDS = ("zone", "distance", "light", "turn", "hour")


def site(
    dice: random.Random, clips: int, *, share: float = 0.2, more: float = 0.0
) -> dict[str, Compared]:
    """Invent clips with five kinds of groups, far ones wrong more often, and compare them."""
    groups: dict[str, list[str | None]] = {
        kind: [dice.choice("ab") for _ in range(clips)] for kind in KINDS
    }
    wrong = [dice.random() < share + more * (name == "b") for name in groups["distance"]]
    weight = [dice.choice((1.0, 1.0, 3.0)) for _ in range(clips)]
    return compare(wrong, weight, groups, DEALS)


def test_where_nothing_differs_chance_is_hardly_ever_taken_for_more() -> None:
    """Of 200 sites with five kinds of groups each, about one in twenty sees a difference at all."""
    dice = random.Random(8)

    misled = sum(
        any(one.said is Said.DIFFERENT for one in site(dice, 120).values()) for _ in range(200)
    )

    assert misled <= 200 * CHANCE * 1.8
    assert misled > 0  # it isn't blind


def test_a_large_difference_is_found_where_it_is() -> None:
    """Twice as many mistakes far away are noticed there, nearly always, and not elsewhere."""
    dice = random.Random(3)

    found = [site(dice, 300, share=0.15, more=0.25) for _ in range(40)]

    assert sum(one["distance"].said is Said.DIFFERENT for one in found) >= 38
    assert sum(one["light"].said is Said.DIFFERENT for one in found) <= 4


def test_what_would_be_noticed_is_noticed_four_times_out_of_five() -> None:
    """The difference that a site is told to be noticeable is found about that often."""
    dice = random.Random(11)
    told = site(dice, 250)["distance"].noticeable or 0.0

    seen = sum(
        site(dice, 250, share=0.2, more=told)["distance"].said is Said.DIFFERENT for _ in range(100)
    )

    assert 65 <= seen <= 95


def test_more_questions_make_the_same_difference_less_striking() -> None:
    """The same clips asked by four more kinds of groups have a larger chance."""
    dice = random.Random(5)
    near = ["a"] * 40 + ["b"] * 40
    wrong = [i % 10 == 0 for i in range(40)] + [i % 3 == 0 for i in range(40)]
    others = {f"k{i}": [dice.choice("ab") for _ in range(80)] for i in range(8)}

    alone = compare(wrong, [1.0] * 80, {"distance": near})["distance"]
    among = compare(wrong, [1.0] * 80, {"distance": near, **others})["distance"]

    assert alone.chance is not None
    assert among.chance is not None
    assert alone.chance < among.chance
    assert (alone.noticeable or 0) < (among.noticeable or 0)


@pytest.mark.parametrize("right", [True, False])
def test_where_all_labels_are_alike_nothing_differs(right: bool) -> None:
    """Nobody wrong, or everybody: no evidence, and still a difference that would be needed."""
    found = compare([not right] * 60, [1.0] * 60, {"zone": ["a", "b"] * 30})["zone"]

    assert (found.said, found.chance) == (Said.NO_EVIDENCE, 1.0)
    assert 0 < (found.noticeable or 0) <= 1


def test_a_group_with_few_clips_takes_no_part() -> None:
    """Nineteen clips that are all wrong say nothing, and don't count among the others."""
    names = ["a"] * 30 + ["b"] * 30 + ["c"] * (FEWEST - 1)
    wrong = [False, True] * 30 + [True] * (FEWEST - 1)
    found = compare(wrong, [1.0] * len(wrong), {"zone": names})["zone"]

    assert found.said is Said.NO_EVIDENCE
    assert found.clips == 60


@pytest.mark.parametrize(
    "names", [["a"] * 80, ["a"] * 61 + ["b"] * (FEWEST - 1), [None] * 60 + ["a"] * 20]
)
def test_fewer_than_two_groups_say_nothing(names: list[str | None]) -> None:
    """One place, a second one with too few clips, or circumstances that weren't noted."""
    wrong = [i % 2 == 0 for i in range(80)]
    found = compare(wrong, [1.0] * 80, {"zone": names})["zone"]

    assert (found.said, found.chance, found.noticeable) == (Said.TOO_FEW, None, None)


@pytest.mark.parametrize(
    ("wrong", "weight", "names"),
    [
        ([True], [1.0, 1.0], ["a", "a"]),
        ([True, False], [1.0, 1.0], ["a"]),
        ([True, False], [1.0, 0.0], ["a", "a"]),
        ([True, False], [1.0, -2.0], ["a", "a"]),
        ([True, False], [1.0, float("nan")], ["a", "a"]),
    ],
)
def test_answers_that_do_not_belong_together_are_refused(
    wrong: list[bool], weight: list[float], names: list[str | None]
) -> None:
    """A clip without a weight, without a group, or with a weight that none can have."""
    with pytest.raises(ValueError, match="weight"):
        compare(wrong, weight, {"zone": names})


ANSWERS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([1.0, 2.0, 10.0]), st.sampled_from("abc")),
    min_size=60,
    max_size=120,
)


@given(ANSWERS)
@settings(max_examples=25, deadline=None)
def test_names_and_a_common_factor_change_nothing(answers: list) -> None:
    """Other names, or weights in another unit: the same chance; it lies in (0, 1]."""
    wrong, weight, names = (list(column) for column in zip(*answers, strict=True))

    found = compare(wrong, weight, {"zone": names}, 99)["zone"]
    renamed = compare(wrong, weight, {"zone": ["xyz"["cab".index(n)] for n in names]}, 99)["zone"]
    scaled = compare(wrong, [w * 8 for w in weight], {"zone": names}, 99)["zone"]

    assert renamed == scaled == found or (
        renamed.chance == pytest.approx(found.chance) == scaled.chance
    )
    assert found.chance is None or 0 < found.chance <= 1
    assert found.noticeable is None or 0 < found.noticeable <= 1
