"""An agreement is about what somebody saw; once that has changed, it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.retention import Tier
from agent.errors import PolicyError
from agent.retention.plan import plan
from agent.retention.safety import Stop, clear
from tests.retaining import DAY, HOUR, NOW, hold, holding, policy

SHORT = policy(records=24 * HOUR)
SEEN = [holding(30, rows=40), holding(40, rows=60)]


def waits(stock=SEEN, rules=SHORT, holds=(), now=NOW) -> int:
    """Return how many rows somebody would have to agree to."""
    return clear(plan(stock, rules, holds, now), rules, known=True).waiting_rows


NOW_THERE = {
    "another bucket has closed": {"stock": [*SEEN, holding(26, rows=1)]},
    "a bucket went at its own deadline": {"now": NOW + 33 * HOUR},
    "a hold was placed on some of it": {
        "stock": [replace(SEEN[0], zone="till"), SEEN[1]], "holds": [hold(zone="till")],
    },
    "numbers would go too": {
        "stock": [*SEEN, holding(30, rows=7, tier=Tier.AGGREGATES)],
        "rules": policy(records=24 * HOUR, aggregates=HOUR),
    },
    "a policy in between": {"rules": policy(records=36 * HOUR)},
    "the old policy is back": {"rules": policy()},
    "it is another site": {"stock": [holding(30, rows=40), holding(40, rows=61)]},
    "it has all gone already": {"stock": []},
}  # fmt: skip


@pytest.mark.parametrize("change", NOW_THERE)
def test_an_agreement_from_before_is_refused(change: str) -> None:
    """The number of the dry run is no longer that of the rows; the right one is named."""
    options = {"stock": SEEN, "rules": SHORT, "holds": (), "now": NOW, **NOW_THERE[change]}
    before = waits()
    found = plan(options["stock"], options["rules"], options["holds"], options["now"])

    with pytest.raises(PolicyError, match="isn't the number") as caught:
        clear(found, options["rules"], known=True, agreed=before)
    assert f"It is {waits(**options)}." in caught.value.advice
    assert caught.value.exit_code == 8


@pytest.mark.parametrize("agreed", [None, 0, 100, 101])
def test_no_agreement_opens_another_database(agreed: int | None) -> None:
    """What is overdue may lie elsewhere, so no number lets anything of this one go."""
    found = clear(plan(SEEN, SHORT, (), NOW), SHORT, known=False, agreed=agreed)

    assert ((), Stop.OTHER_DATABASE) == (found.go, found.stop)


@pytest.mark.parametrize("tier", [Tier.RECORDS, Tier.AGGREGATES, Tier.DAILY])
def test_one_kinds_agreement_is_none_to_anothers_loss(tier: Tier) -> None:
    """Whoever agreed to lose one kind is asked again when a second one would go as well."""
    other = Tier.AGGREGATES if tier is Tier.RECORDS else Tier.RECORDS
    rules = policy(records=HOUR, aggregates=HOUR, daily=HOUR)
    one, both = (
        [holding(30, rows=9, tier=tier)],
        [holding(30, rows=9, tier=t) for t in (tier, other)],
    )

    assert clear(plan(one, rules, (), NOW), rules, known=True, agreed=9).stop is None
    with pytest.raises(PolicyError, match="isn't the number"):
        clear(plan(both, rules, (), NOW), rules, known=True, agreed=9)


def test_a_year_of_agreements_adds_up_to_none() -> None:
    """Each one is about one deletion: the next day's rows need the next day's word."""
    for day in range(3):
        now = NOW + day * DAY
        stock = [holding(30 - 24 * day, rows=10 + day)]
        assert clear(plan(stock, SHORT, (), now), SHORT, known=True, agreed=10 + day).stop is None
        with pytest.raises(PolicyError):
            clear(plan(stock, SHORT, (), now), SHORT, known=True, agreed=9 + day)
