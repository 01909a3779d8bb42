"""How long a policy file may let things live: what it can't ask for, with the line that asks."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from agent.config.policy_file import parse_policy
from agent.config.profiles import load_profile
from agent.domain.policy import spell_duration
from agent.domain.profile import Limit
from agent.errors import PolicyError
from tests.retaining import TEXT

ROOT = Path(__file__).resolve().parents[3]
LIVES = {"records": "72h", "aggregates": "90d", "access_log": "730d", "daily": "365d"}
WHOLE = TEXT.decode().replace('access_log = "730d"', 'access_log = "730d"\ndaily = "365d"')


def refused(text: str, key: str) -> str:
    """Read a policy that must be refused at the line of a key of `[retention]`; return why."""
    lines = text.splitlines()
    start = lines.index("[retention]")
    (line,) = (n for n, one in enumerate(lines, 1) if n > start and one.startswith(f"{key} ="))
    with pytest.raises(PolicyError) as caught:
        parse_policy(text.encode(), "policy.toml")
    why = str(caught.value)
    assert re.search(rf"^policy\.toml:{line}: retention\.{key}: ", why, re.MULTILINE), why
    assert caught.value.exit_code == 8
    assert caught.value.advice.strip()
    return why


@pytest.mark.parametrize("tier", LIVES)
@pytest.mark.parametrize(
    "life", ['"0s"', '"0h"', '"-1d"', '"forever"', '""', '"inf"', '"3661d"', '"1y"', "72", "true"]
)
def test_a_life_that_is_none_or_endless_is_refused_at_its_line(tier: str, life: str) -> None:
    """Nothing, less than nothing, for ever, without a unit: whichever kind it is about."""
    refused(WHOLE.replace(f'{tier} = "{LIVES[tier]}"', f"{tier} = {life}"), tier)


@pytest.mark.parametrize("tier", ["records", "aggregates", "access_log"])
def test_a_life_that_is_left_out_is_refused(tier: str) -> None:
    """What nobody has decided isn't kept for some usual time."""
    text = WHOLE.replace(f'{tier} = "{LIVES[tier]}"\n', "")

    with pytest.raises(PolicyError, match=f"retention.{tier}"):
        parse_policy(text.encode(), "policy.toml")


@pytest.mark.parametrize("key", ["record", "frames", "keep", "extend"])
def test_an_unknown_kind_is_refused_at_its_line(key: str) -> None:
    """A slip of the pen isn't taken for a wish, and there is no way to ask for pictures."""
    refused(WHOLE.replace("[retention]", f'[retention]\n{key} = "24h"'), key)


def ceilings() -> list[tuple[str, str, timedelta]]:
    """Return what each profile allows at most for a shop's customers: profile, tier, life."""
    shop = parse_policy(TEXT, "policy.toml")
    found: dict[tuple[str, str], timedelta] = {}
    for file in sorted((ROOT / "policies" / "profiles").glob("*.toml")):
        for ceiling in load_profile(file.stem).ceilings:
            tier = ceiling.key.removeprefix("retention.")
            if tier in LIVES and ceiling.limit is Limit.MOST and ceiling.scope.applies(shop):
                place = file.stem, tier
                found[place] = min(ceiling.value, found.get(place, ceiling.value))
    return [(*place, most) for place, most in found.items()]


@pytest.mark.parametrize(("profile", "tier", "most"), ceilings())
def test_an_hour_above_a_profiles_ceiling_is_refused(
    profile: str, tier: str, most: timedelta
) -> None:
    """Every profile refuses, for every kind that it bounds; none of them only warns."""
    text = WHOLE.replace('"jp"', f'"{profile}"', 1)
    above = spell_duration(most + timedelta(hours=1))

    why = refused(text.replace(f'{tier} = "{LIVES[tier]}"', f'{tier} = "{above}"'), tier)
    assert f"profile {profile} allows ({spell_duration(most)})" in why
