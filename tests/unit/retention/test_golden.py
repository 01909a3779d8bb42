"""Plans as they were agreed on: a change of any of them must be looked at.

`pytest tests/unit/retention/test_golden.py --golden` writes them again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.domain.retention import Tier
from agent.retention.plan import plan
from agent.retention.safety import clear
from agent.retention.summary import as_json
from tests.retaining import DAY, HOUR, NOW, hold, holding, policy

FOLDER = Path(__file__).parents[2] / "golden" / "retention"

RECORDS = [
    holding(hours, zone=zone, rows=int(100 + hours))
    for zone in ("door", "till")
    for hours in (0, 1, 12, 23, 24, 25, 47, 48, 71, 72, 73, 100, 500)
]
ODD = [
    holding(30, id="short-lived", life=24 * HOUR),
    holding(30, id="long-lived", life=1000 * HOUR),
    holding(-1, id="an hour ahead"),
    holding(-24 * 365, id="a year ahead"),
    replace(holding(5, id="undatable"), end=NOW - 6 * HOUR),
    holding(40, zone="", rows=0, id="quarantine:segments.sqlite.corrupt-20261121T200000Z"),
]
NUMBERS = [
    holding(24 * days, tier=Tier.AGGREGATES, rows=60, id=f"cell:{days}")
    for days in (0, 1, 29, 30, 89, 90, 91, 400)
]
DAYS = [
    holding(24 * days, tier=Tier.DAILY, rows=60, id=f"day:{days}")
    for days in (1, 30, 364, 365, 729, 730, 731)
]
STOCK = [*RECORDS, *ODD, *NUMBERS, *DAYS]

MINE = hold(id="till-accident", zone="till", since=NOW - 4 * DAY, until=NOW - 2 * DAY)
EVERYWHERE = hold(id="everything", since=NOW - 100 * DAY, expires_at=NOW + 5 * DAY)
ENDED = hold(id="ended", expires_at=NOW - HOUR)

CASES = {
    "default": {},
    "records-1h": {"records": HOUR},
    "records-12h": {"records": 12 * HOUR},
    "records-24h": {"records": 24 * HOUR},
    "records-48h": {"records": 48 * HOUR},
    "records-30d": {"records": 30 * DAY},
    "records-ten-years": {"records": 3650 * DAY},
    "aggregates-1d": {"aggregates": DAY},
    "aggregates-30d": {"aggregates": 30 * DAY},
    "aggregates-ten-years": {"aggregates": 3650 * DAY},
    "daily-30d": {"daily": 30 * DAY},
    "daily-365d": {"daily": 365 * DAY},
    "all-short": {"records": HOUR, "aggregates": DAY, "daily": 30 * DAY},
    "hold-one-zone": {"holds": [MINE]},
    "hold-everything": {"holds": [EVERYWHERE]},
    "hold-two": {"holds": [MINE, EVERYWHERE]},
    "hold-ended": {"holds": [ENDED]},
    "hold-against-a-shorter-policy": {"records": HOUR, "holds": [EVERYWHERE]},
    "clock-a-year-ahead": {"ahead": NOW + 365 * DAY},
    "clock-a-month-behind": {"now": NOW - 30 * DAY, "ahead": NOW},
    "a-day-later": {"now": NOW + DAY},
    "three-years-later": {"now": NOW + 1100 * DAY},
}


def planned(case: dict) -> dict:
    """Return one case's plan and what may be done of it, as JSON has it."""
    case = dict(case)
    now, ahead = case.pop("now", NOW), case.pop("ahead", None)
    holds = case.pop("holds", ())
    rules = policy(**case)
    found = plan(STOCK, rules, holds, now, ahead=ahead)
    allowed = clear(found, rules, known=True)
    return {
        "now": now.isoformat(),
        "ahead": ahead and ahead.isoformat(),
        **{
            name: str(timedelta(seconds=getattr(rules.retention, name).total_seconds()))
            for name in ("records", "aggregates", "daily")
        },
        "waits": [allowed.stop, allowed.waiting_rows],
        **as_json(found),
    }


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_the_agreed_one(name: str, request: pytest.FixtureRequest) -> None:
    """Each policy meets the same holdings; list, reason and instant of each are on file."""
    file = FOLDER / f"{name}.json"
    found = json.loads(json.dumps(planned(CASES[name])))
    if request.config.getoption("--golden"):
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")

    assert json.loads(file.read_text("utf-8")) == found


def test_no_file_is_left_over() -> None:
    """Each file on record belongs to a case."""
    assert {f.stem for f in FOLDER.glob("*.json")} == set(CASES)
