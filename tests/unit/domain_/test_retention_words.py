"""Every reason, refusal and doubt has its sentence, in both languages."""

from __future__ import annotations

import pytest

from agent.config.words import RETENTION, load_words
from agent.domain.retention import Tier
from agent.domain.words import LANGUAGES
from agent.retention.plan import Why
from agent.retention.safety import Stop
from agent.retention.trust import Doubt

VALUES = {"at": "2026-11-27 09:00", "reason": "an accident", "rows": 7}
KEYS = [
    *(f"tier.{tier}" for tier in Tier),
    *(f"reason.{why}" for why in Why),
    *(f"stop.{stop}" for stop in Stop),
    *(f"doubt.{doubt}" for doubt in Doubt),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", KEYS)
def test_a_decision_has_its_words(language: str, key: str) -> None:
    """Nothing that is decided about a row comes out as a code, or with a placeholder in it."""
    said = load_words(language, RETENTION)(key, **VALUES)

    assert said.strip()
    assert "{" not in said


@pytest.mark.parametrize(("count", "said"), [(1, "1 row"), (2, "2 rows"), (1000, "1,000 rows")])
def test_rows_are_counted_as_one_says_it(count: int, said: str) -> None:
    """Singular, plural, and thousands with their comma."""
    assert load_words("en", RETENTION).counted("plan.row", count) == said
    assert load_words("ja", RETENTION).counted("plan.row", count) == f"{count:,}件"
