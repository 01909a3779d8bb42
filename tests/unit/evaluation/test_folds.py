"""Nobody is trained on and tested."""

from __future__ import annotations

from collections import Counter

import pytest

from agent.errors import ConfigError
from agent.evaluation.datasets import bp4d, disfa, disfaplus
from agent.evaluation.datasets.folds import Fold, dealt, folds_from, require_disjoint, within


def test_an_overlap_is_refused() -> None:
    """A fold whose training and test share a subject can't be made; nobody is named."""
    with pytest.raises(ConfigError, match="1 subjects would be trained on and tested") as refusal:
        Fold(1, frozenset({"SN001", "SN002"}), frozenset({"SN002"}))

    assert "SN002" not in str(refusal.value)


def test_parts_that_share_a_subject_are_refused() -> None:
    """Folds from overlapping parts can't be made either."""
    with pytest.raises(ConfigError):
        folds_from([["a", "b"], ["b", "c"]])
    with pytest.raises(ConfigError):
        require_disjoint({"a"}, {"b"}, {"a"})


def test_an_empty_side_is_refused() -> None:
    """A fold that trains on nobody, or tests nobody, is no fold."""
    with pytest.raises(ConfigError):
        folds_from([["a", "b"]])
    with pytest.raises(ConfigError):
        folds_from([["a"], []])


@pytest.mark.parametrize(
    ("folds", "people"),
    [
        (disfa.folds(3), 27), (disfa.folds(5), 27), (bp4d.folds(), 41), (disfaplus.folds(), 9),
    ],
)  # fmt: skip
def test_everybody_is_tested_once(folds: list[Fold], people: int) -> None:
    """In the folds of a set each subject is tested exactly once, and trained on in all others."""
    tested = Counter(name for fold in folds for name in fold.test)

    assert len(tested) == people
    assert set(tested.values()) == {1}
    assert all(len(fold.train) + len(fold.test) == people for fold in folds)


def test_disfa_s_folds_are_the_published_ones() -> None:
    """Fold 1 tests ME-GraphAU's part 3, fold 3 its part 1."""
    first, _, third = disfa.folds()

    assert {"SN003", "SN029", "SN004"} <= first.test
    assert {"SN002", "SN010", "SN016"} <= third.test


def test_bp4d_s_folds_are_the_published_ones() -> None:
    """Fold 1 tests part C, fold 3 part A."""
    folds = bp4d.folds()

    assert "F007" in folds[0].test
    assert "F001" in folds[2].test


def test_other_numbers_of_folds_are_refused() -> None:
    """DISFA has 3 or 5 folds; more folds than people can't be dealt."""
    with pytest.raises(ConfigError):
        disfa.folds(4)
    with pytest.raises(ConfigError):
        dealt(["a", "b"], 3)


def test_dealing_ignores_order() -> None:
    """The rule depends on the names alone."""
    assert dealt(["c", "a", "b", "d"], 2) == dealt(["d", "c", "b", "a"], 2)


def test_a_fold_is_cut_to_who_is_there() -> None:
    """People whom the folder lacks leave both sides."""
    fold = within(disfa.folds(), 1, ["SN003", "SN001", "SN002"])

    assert fold.test == {"SN003"}
    assert fold.train == {"SN001", "SN002"}


def test_strangers_and_missing_folds_are_refused() -> None:
    """A subject of no fold, or fold 4 of 3, is an error and no silence."""
    with pytest.raises(ConfigError, match="belong to no published fold"):
        within(disfa.folds(), 1, ["SN003", "SN099"])
    with pytest.raises(ConfigError, match="folds 1 to 3"):
        within(disfa.folds(), 4, ["SN003"])
