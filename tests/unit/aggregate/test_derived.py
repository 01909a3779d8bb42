"""The derived formulas and the interval."""

from __future__ import annotations

import pytest

from agent.domain import derived
from agent.domain.aggregate import METRICS, VALENCE, au_rate, interval95, t95
from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS


def certain(name: str) -> list[float]:
    """Return the distribution that puts everything on one category."""
    return [float(name == other) for other in EMOTIONS]


def test_every_category_has_a_place() -> None:
    """The placement covers exactly the emotion vector's classes."""
    assert set(derived.PLACEMENT) == set(EMOTIONS)


@pytest.mark.parametrize("name", EMOTIONS)
def test_a_certain_category_gives_its_place(name: str) -> None:
    """With all probability on one class, valence and arousal are that class's coordinates."""
    place = (derived.valence(certain(name)), derived.arousal(certain(name)))

    assert place == derived.PLACEMENT[name]


def test_valence_ignores_rounding_of_the_sum() -> None:
    """Probabilities that sum to 0.98 give the same valence as those that sum to 1."""
    half = [0.5, 0.5, 0, 0, 0, 0, 0, 0]

    assert derived.valence([0.98 * p for p in half]) == pytest.approx(derived.valence(half))


@pytest.mark.parametrize("emotion", [None, [0.0] * 8])
def test_unknown_emotion_has_no_valence(emotion: list[float] | None) -> None:
    """Nothing known stays None and never becomes 0."""
    assert derived.valence(emotion) is None
    assert derived.arousal(emotion) is None


def test_a_blink_is_not_expressiveness() -> None:
    """AU45 alone leaves the face still; all others at 5 make it 1."""
    blink = [5.0 if label == "AU45" else 0.0 for label in AU_LABELS]
    rest = [0.0 if label == "AU45" else 5.0 for label in AU_LABELS]

    assert derived.expressiveness(blink) == 0
    assert derived.expressiveness(rest) == pytest.approx(1)


@pytest.mark.parametrize(
    ("pitch", "yaw", "facing"),
    [(0, 0, True), (15, -20, True), (15.1, 0, False), (0, 20.1, False), (-16, 0, False)],
)
def test_attention_is_a_cone(pitch: float, yaw: float, facing: bool) -> None:
    """A head within 15 degrees of pitch and 20 of yaw faces the camera."""
    assert derived.attention(pitch, yaw) is facing


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.706), (10, 2.228), (11, 2.201), (30, 2.042), (1000, 1.962)]
)
def test_student_quantile(freedom: int, expected: float) -> None:
    """The quantile agrees with the printed table to three digits."""
    assert t95(freedom) == pytest.approx(expected, abs=0.002)


def test_interval_stays_in_the_metrics_range() -> None:
    """A share's interval is cut at 0 and 1, a score's at -1 and 1."""
    assert interval95(0.02, 0.1, 9, METRICS[au_rate("AU12")])[0] == 0
    assert interval95(0.98, 0.1, 9, METRICS[au_rate("AU12")])[1] == 1
    assert interval95(-0.9, 0.1, 9, METRICS[VALENCE])[0] == -1
