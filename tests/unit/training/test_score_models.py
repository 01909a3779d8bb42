"""Scoring what can be seen; skipped where training's packages aren't installed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch lives in the training extra only")
pytest.importorskip("scipy", reason="scipy lives in the training extra only")

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS
from training.data.ferplus import FerPlus
from training.score_models import (
    ablation_table,
    agreement,
    majority_temperature,
    seen_by_both,
)

LEFT, RIGHT = AU_SIDE_LABELS.index("AU12_L"), AU_SIDE_LABELS.index("AU12_R")
SMILE = AU_LABELS.index("AU12")


def test_a_hidden_side_is_left_out_on_both_sides() -> None:
    """Where one side is hidden the other one counts, for the prediction as for the label."""
    predicted, truth = np.zeros((1, 32)), np.zeros((1, 32))
    predicted[0, LEFT], predicted[0, RIGHT] = 5.0, 1.0
    truth[0, LEFT], truth[0, RIGHT] = np.nan, 2.0

    a, b = seen_by_both(predicted, truth)

    assert (a[0, SMILE], b[0, SMILE]) == (1.0, 2.0)


def test_a_unit_hidden_on_both_sides_is_unknown() -> None:
    """Nothing is made up for a unit that can't be seen; the others stay."""
    truth = np.zeros((1, 32))
    truth[0, [LEFT, RIGHT]] = np.nan

    a, b = seen_by_both(np.ones((1, 32)), truth)

    assert np.isnan(a[0, SMILE])
    assert np.isnan(b[0, SMILE])
    assert np.isnan(b).sum() == 1


def test_a_perfect_prediction_agrees_and_few_rows_are_not_scored() -> None:
    """Equal intensities give 1, 1 and 0; a unit seen in too few pictures has no row."""
    truth = np.random.default_rng(0).uniform(0, 5, (40, 19))
    truth[5:, 0] = np.nan

    table = agreement(truth, truth)

    assert AU_LABELS[0] not in table
    assert table[AU_LABELS[1]] == {"r": 1.0, "icc": 1.0, "mae": 0.0}


def test_the_temperature_mends_an_unsure_head() -> None:
    """A head that is always right and always unsure is made surer: a temperature under 1."""
    truth = np.arange(80) % 8
    logits = np.eye(8)[truth] * 1.5
    pictures = FerPlus(
        np.zeros((80, 48, 48), np.uint8), np.eye(8, dtype=np.float32)[truth], truth, np.arange(80)
    )

    assert majority_temperature(logits, pictures) < 0.8


def test_pictures_without_a_majority_do_not_move_the_temperature() -> None:
    """What no majority agreed on is left out."""
    truth = np.where(np.arange(80) < 40, np.arange(80) % 8, -1)
    logits = np.eye(8)[np.abs(truth)] * 1.5
    wrong = logits.copy()
    wrong[40:] *= -5
    empty = np.zeros((80, 48, 48), np.uint8)
    pictures = FerPlus(empty, np.full((80, 8), 0.125, np.float32), truth, np.arange(80))

    assert majority_temperature(logits, pictures) == majority_temperature(wrong, pictures)


def test_the_ablation_has_a_row_for_each_way() -> None:
    """Flat scores become one row a kind."""
    flat = {
        f"{kind}.{key}": value
        for kind in ("alone", "logits")
        for key, value in (
            ("fer.votes_majority", 0.8), ("renders.au_r", 0.6), ("lfw.landmarks_nme", 0.03)
        )
    }  # fmt: skip

    table = ablation_table(flat)

    assert list(table["taught_by"]) == ["alone", "logits"]
    assert table["taught_by"]["alone"]["accuracy_aligned"] == 0.8
