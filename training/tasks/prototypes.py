"""What a vote for an expression says of Action Units: a weak supervision on real faces.

No FACS-coded real faces are at hand, and rendered furrows aren't real ones. FER+ votes say
something all the same: a face that ten people call angry shows AU4 more than one that they call
neutral. `ranking_loss` asks for that order and for no intensity; the scale stays with the renders.

Source of the table: Du, Tao & Martinez 2014, *Compound facial expressions of emotion*, PNAS
111(15), table 1 (FACS-coded pictures of 230 people): AUs of more than 70 % of the people count 1,
others the share of people that showed them. `OPPOSED` is ours: a few AUs that an expression
shouldn't raise, so that "any movement" is no answer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from agent.domain.facs import AU_LABELS, SIDE_INDEX
from agent.domain.observation import EMOTIONS

EXPECTED: dict[str, dict[str, float]] = {
    "happiness": {"AU12": 1.0, "AU25": 1.0, "AU06": 0.51},
    "sadness": {"AU04": 1.0, "AU15": 1.0, "AU01": 0.60, "AU06": 0.50, "AU17": 0.67},
    "fear": {"AU01": 1.0, "AU04": 1.0, "AU20": 1.0, "AU25": 1.0, "AU02": 0.57, "AU05": 0.63,
             "AU26": 0.33},
    "anger": {"AU04": 1.0, "AU07": 1.0, "AU24": 1.0, "AU10": 0.26, "AU17": 0.52, "AU23": 0.29},
    "surprise": {"AU01": 1.0, "AU02": 1.0, "AU25": 1.0, "AU26": 1.0, "AU05": 0.66},
    "disgust": {"AU09": 1.0, "AU10": 1.0, "AU17": 1.0, "AU04": 0.31, "AU24": 0.26},
}  # fmt: skip

OPPOSED: dict[str, tuple[str, ...]] = {
    "happiness": ("AU01", "AU04", "AU15", "AU17", "AU20", "AU24"),
    "sadness": ("AU02", "AU12"),
    "fear": ("AU12",),
    "anger": ("AU01", "AU02", "AU12"),
    "surprise": ("AU04", "AU09", "AU15"),
    "disgust": ("AU02", "AU12"),
}

STEP = 1.0
"""Intensity by which an expected AU should exceed its level in a neutral face."""

SHARPNESS = 2.5
"""How fast the cost fades beyond that step."""

_NEUTRAL = EMOTIONS.index("neutral")


def _table() -> tuple[Tensor, Tensor]:
    expected = torch.zeros(len(EMOTIONS), len(AU_LABELS))
    opposed = torch.zeros(len(EMOTIONS), len(AU_LABELS))
    for name, shares in EXPECTED.items():
        for label, share in shares.items():
            expected[EMOTIONS.index(name), AU_LABELS.index(label)] = share
    for name, labels in OPPOSED.items():
        for label in labels:
            opposed[EMOTIONS.index(name), AU_LABELS.index(label)] = 1.0
    return expected, opposed


_EXPECTED, _OPPOSED = _table()


def both_sides(au: Tensor) -> Tensor:
    """Average the two sides: (B, 32) to (B, 19)."""
    return torch.stack([au[:, list(index)].mean(1) for index in SIDE_INDEX], 1)


def ranking_loss(au: Tensor, votes: Tensor) -> Tensor:
    """Ask each expression's AUs to lie above a neutral face's, pair by pair within a batch.

    Every pair counts by the square of its vote shares, so that clear pictures lead.

    Args:
        au: (B, 32) predicted intensities.
        votes: (B, 8) vote distribution; NaN rows have none.

    Returns:
        The mean cost of a pair, 0 where the batch has no pair.
    """
    known = ~torch.isnan(votes[:, 0])
    sides, share = both_sides(au[known]), votes[known].square()
    neutral = share[:, _NEUTRAL]
    above = sides[:, None] - sides[None]
    expected, opposed = _EXPECTED.to(au.device), _OPPOSED.to(au.device)
    # Sharp, so that a pair that is apart enough pulls no further: the renders set the scale.
    short = F.softplus(STEP - above, beta=SHARPNESS)
    cost = torch.einsum("ic,j,ck,ijk->", share, neutral, expected, short)
    over = F.softplus(above, beta=SHARPNESS)
    wrong = torch.einsum("ic,j,ck,ijk->", share, neutral, opposed, over)
    pairs = torch.einsum("ic,j,ck->", share, neutral, expected)
    return (cost + 0.5 * wrong) / pairs.clamp(min=1.0)
