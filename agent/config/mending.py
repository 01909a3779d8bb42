"""Read the shape of a policy file although parts of it are broken.

A broken value is set aside and a harmless one put in its place, so that one reading reports
everything that is wrong. Nothing may be concluded from what stands in: whoever goes on to judge
the file leaves out the keys that were reported here.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from agent.config.policy_shape import PolicyFile
from agent.config.positions import Path
from agent.config.problems import Kind, Problem, from_pydantic

_HARMLESS: dict[str, Any] = {
    "site": {
        "name": "site", "purpose": {"en": "?"}, "subjects": "synthetic", "jurisdiction": "strict",
        "contact": "?",
    },
    "capture": {"sampling_hz": 1.0, "heads": ["au"], "zones": [{"name": "zone"}]},
    "retention": {"records": "1h", "aggregates": "1d", "access_log": "365d"},
    "release": {"bucket": "1h", "k": 1000, "bound": "peak"},
}  # fmt: skip
"""Stands in for what is broken, so that the rest can be judged; nothing is concluded from it."""


def read_shape(table: dict[str, Any]) -> tuple[PolicyFile | None, list[Problem]]:
    """Return the file with harmless values for broken ones, and what is broken.

    The file is None where too much is broken to say more.
    """
    try:
        return PolicyFile.model_validate(table), []
    except ValidationError as error:
        reports = error.errors(include_url=False)
    problems = [_about_retention(from_pydantic(report, PolicyFile)) for report in reports]
    mended = deepcopy(table)
    for report, problem in zip(reports, problems, strict=True):
        _mend(mended, problem.path, unknown=report["type"] == "extra_forbidden")
    try:
        return PolicyFile.model_validate(mended), problems
    except ValidationError:
        return None, problems


def _about_retention(problem: Problem) -> Problem:
    """A missing retention is the gravest thing that a policy can forget."""
    if problem.key.partition(".")[0] == "retention" and problem.message == "is missing":
        return replace(
            problem,
            message="is missing: nothing would ever be deleted",
            kind=Kind.FOREVER,
        )
    return problem


def _mend(table: dict[str, Any], path: Path, *, unknown: bool) -> None:
    """Replace or remove the value at a path."""
    names = [part for part in path if isinstance(part, str)]
    if not unknown and names[:2] == ["capture", "zones"] and len(path) > 3:
        _mend_zone(table, path)
        return
    depth = len(path) if unknown else min(len(path), 2)
    holder = _at(table, path[: depth - 1])
    if not isinstance(holder, dict):
        return  # an earlier problem took away what this one stood in
    holder.pop(path[depth - 1], None)
    harmless = _at(_HARMLESS, path[:depth])
    if harmless is not None and not unknown:
        holder[path[depth - 1]] = deepcopy(harmless)


def _mend_zone(table: dict[str, Any], path: Path) -> None:
    """Take one key out of one zone; a name is given anew."""
    zone = _at(table, path[:3])
    if isinstance(zone, dict):
        zone.pop(path[3], None)
        if path[3] == "name":
            zone["name"] = f"zone-{path[2]}"


def _at(table: Any, path: Path) -> Any:
    """Return what stands at a path, or None."""
    for part in path:
        if isinstance(table, dict):
            table = table.get(part)
        elif isinstance(table, list) and isinstance(part, int) and part < len(table):
            table = table[part]
        else:
            return None
    return table
