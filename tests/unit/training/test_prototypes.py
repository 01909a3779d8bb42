"""What votes say of Action Units; skipped where torch isn't installed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch lives in the training extra only")

from agent.domain.facs import AU_SIDE_LABELS, SIDE_INDEX  # noqa: E402
from agent.domain.observation import EMOTIONS  # noqa: E402
from training.tasks.prototypes import EXPECTED, OPPOSED, both_sides, ranking_loss  # noqa: E402

ANGER, NEUTRAL = EMOTIONS.index("anger"), EMOTIONS.index("neutral")


def votes(*classes: int) -> torch.Tensor:
    """Return unanimous votes."""
    return torch.eye(len(EMOTIONS))[list(classes)]


def face(**levels: float) -> torch.Tensor:
    """Return intensities (32,), both sides alike."""
    au = torch.zeros(len(AU_SIDE_LABELS))
    for label, level in levels.items():
        for i, name in enumerate(AU_SIDE_LABELS):
            if name[:4] == label:
                au[i] = level
    return au


def test_an_expected_action_costs_less_above_neutral_than_below() -> None:
    """An angry face with lowered brows beside a neutral one is right; the other way is not."""
    frown, calm = face(AU04=3.0), face()
    right = ranking_loss(torch.stack([frown, calm]), votes(ANGER, NEUTRAL))
    wrong = ranking_loss(torch.stack([calm, frown]), votes(ANGER, NEUTRAL))

    assert right < wrong


def test_an_opposed_action_costs() -> None:
    """A smile on an angry face costs, one on a happy face doesn't."""
    smile, calm = face(AU12=3.0), face()
    both = torch.stack([smile, calm])

    angry = ranking_loss(both, votes(ANGER, NEUTRAL))
    still = ranking_loss(torch.stack([calm, calm]), votes(ANGER, NEUTRAL))
    happy = ranking_loss(both, votes(EMOTIONS.index("happiness"), NEUTRAL))

    assert angry > still > happy


def test_only_the_order_counts() -> None:
    """Shifting all faces alike changes nothing: no intensity is asked for."""
    au, shares = torch.rand(6, 32), votes(ANGER, NEUTRAL, 1, 2, NEUTRAL, 3)

    torch.testing.assert_close(ranking_loss(au, shares), ranking_loss(au + 2.0, shares))


def test_faces_without_votes_or_without_a_neutral_one_cost_nothing() -> None:
    """A batch that holds no pair gives 0, with a gradient of 0."""
    au = torch.rand(3, 32, requires_grad=True)
    unknown = torch.full((3, 8), torch.nan)

    for shares in (unknown, votes(ANGER, ANGER, 1)):
        cost = ranking_loss(au, shares)
        cost.backward()
        assert float(cost.detach()) == 0.0
    assert not au.grad.any()


def test_no_action_is_both_expected_and_opposed() -> None:
    """The two tables don't contradict each other, and their shares are shares."""
    for name, labels in OPPOSED.items():
        assert not set(labels) & set(EXPECTED[name])
    assert all(0 < share <= 1 for shares in EXPECTED.values() for share in shares.values())


def test_both_sides_are_averaged() -> None:
    """One raised side counts half."""
    au = torch.zeros(1, 32)
    au[0, AU_SIDE_LABELS.index("AU12_L")] = 4.0

    averaged = both_sides(au)

    assert averaged.shape == (1, len(SIDE_INDEX))
    assert float(averaged.sum()) == 2.0
