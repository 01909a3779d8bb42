"""`omokage policy check`: may this policy be used, and what does it amount to?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import site_option

if TYPE_CHECKING:
    from agent.config.policy_file import Examination
    from agent.config.problems import Problem
    from agent.domain.policy import Policy
    from agent.domain.profile import Ceiling, Profile
    from agent.domain.schedule import Schedule


@click.command()
@site_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def check(site: Path, as_json: bool, file: Path | None) -> None:
    """Say whether a policy may be used: the site's own, or FILE before it is put in place.

    Prints what it amounts to under its jurisdiction's profile, or everything that is wrong, each
    with its line. Nothing is changed. None of it is legal advice.
    """
    from agent.config.policy_file import examine, read_policy
    from agent.config.site import Site
    from agent.errors import PolicyError

    path = file or Site(site).policy
    found = examine(read_policy(path), path.name)
    if as_json:
        click.echo(json.dumps(as_table(found), ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(describe(found)))
    if found.problems:
        click.get_current_context().exit(PolicyError.exit_code)


def describe(found: Examination) -> list[str]:
    """Put an examination into lines."""
    if found.policy is None or found.profile is None:
        count = len(found.problems)
        problems = "one problem" if count == 1 else f"{count} problems"
        head = f"{found.name} can't be used: {problems}"
        return [head, *(line for p in found.problems for line in p.lines(found.name))]
    policy, profile = found.policy, found.profile
    about = "synthetic faces, so no rule of it binds" if _is_free(policy) else "not legal advice"
    title = f"{profile.name}: {profile.title['en']}"
    return [
        f"OK        {found.name} may be used ({policy.site})",
        f"digest    {found.digest}",
        f"profile   {title}, looked up on {profile.verified_on} ({about})",
        f"faces     {policy.subjects}, for {policy.purpose_kind}",
        f"loaded    {_loaded(policy, profile)}",
        f"capture   {_hours(policy.schedule)} ({policy.timezone})",
        *_masked(policy),
        *_ceiling_lines(policy, profile),
        *_evidence_lines(policy, profile),
    ]


def _is_free(policy: Policy) -> bool:
    from agent.domain.policy import Subjects

    return policy.subjects is Subjects.SYNTHETIC


def _loaded(policy: Policy, profile: Profile) -> str:
    from agent.domain.policy import Head
    from agent.domain.profile import allowed_heads

    heads = allowed_heads(policy, profile)
    text = ", ".join(head for head in Head if head in heads)
    rest = [head for head in Head if head not in heads]
    return f"{text}; left out: {', '.join(rest)}" if rest else text


def _hours(schedule: Schedule) -> str:
    days = f", closed on {len(schedule.closed)} days" if schedule.closed else ""
    if not schedule.windows:
        return f"at all hours{days}"
    return f"{', '.join(spell_window(window) for window in schedule.windows)}{days}"


def spell_window(window: Any) -> str:
    """Return a capture window as a policy file spells it."""
    from agent.domain.schedule import DAY_NAMES

    days = sorted(window.days)
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names = [
        DAY_NAMES[run[0]] if len(run) == 1 else f"{DAY_NAMES[run[0]]}-{DAY_NAMES[run[-1]]}"
        for run in runs
    ]
    end = "24:00" if window.end is None else f"{window.end:%H:%M}"
    return f"{','.join(names)} {window.start:%H:%M}-{end}"


def _masked(policy: Policy) -> list[str]:
    zones = [zone for zone in policy.zones if zone.masks or zone.keep]
    return [
        f"masked    {zone.name}: {len(zone.masks)} blanked, {len(zone.keep)} kept" for zone in zones
    ]


_LIMITS = {"most": "at most", "least": "at least", "one_of": "one of"}


def _ceiling_lines(policy: Policy, profile: Profile) -> list[str]:
    from agent.domain.profile import ceilings_in_force

    rows = [_ceiling_row(policy, ceiling) for ceiling in ceilings_in_force(policy, profile)]
    if not rows:
        return []
    table = [("asked for", "", "allowed", "rests on"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    return [
        "",
        *(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
            + f"  {row[3]}"
            for row in table
        ),
    ]


def _ceiling_row(policy: Policy, ceiling: Ceiling) -> tuple[str, str, str, str]:
    from agent.domain.profile import CEILING_KEYS, spell

    return (
        ceiling.key,
        spell(CEILING_KEYS[ceiling.key](policy)),
        f"{_LIMITS[ceiling.limit]} {spell(ceiling.value)}",
        str(ceiling.source) if ceiling.source else "this project's own caution",
    )


def _evidence_lines(policy: Policy, profile: Profile) -> list[str]:
    lines = [item for item in profile.evidence if item.scope.applies(policy)]
    if not lines:
        return []
    kept = sum(item.id in policy.evidence for item in lines)
    return ["", f"evidence  {kept} of {len(lines)} lines say where the proof is kept"]


def as_table(found: Examination) -> dict[str, Any]:
    """Return an examination as plain data for programs."""
    policy, profile = found.policy, found.profile
    table: dict[str, Any] = {
        "file": found.name,
        "ok": not found.problems,
        "digest": found.digest,
        "profile": profile.name if profile else None,
        "problems": [_problem(problem) for problem in found.problems],
    }
    if policy is not None and profile is not None:
        from agent.domain.profile import allowed_heads, ceilings_in_force

        table["heads"] = sorted(allowed_heads(policy, profile))
        table["timezone"] = policy.timezone
        table["ceilings"] = [
            dict(zip(("key", "asked", "allowed", "rests_on"), row, strict=True))
            for row in (_ceiling_row(policy, c) for c in ceilings_in_force(policy, profile))
        ]
    return table


def _problem(problem: Problem) -> dict[str, Any]:
    source = problem.rule.source if problem.rule else None
    return {
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
        "advice": problem.advice,
        "basis": problem.rule.basis if problem.rule else None,
        "source": str(source) if source else None,
    }
