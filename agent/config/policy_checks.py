"""What a policy's parts say about each other, beyond the shape of each.

Each check names the keys that it read, so that it is left out where one of them is broken already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from agent.config.problems import Kind, Problem, did_you_mean
from agent.domain.policy import LONGEST_LIFE, PersonBound, Policy, Polygon, Subjects, Zone
from agent.domain.profile import Profile, breaches

_GRID = 40
"""Points a side that a zone's masks are tried on."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem and the dotted keys that it was concluded from."""

    problem: Problem
    read: frozenset[str]


def contradictions(policy: Policy) -> Iterator[Finding]:
    """Yield what can't be true together in a policy."""
    yield from _retention(policy)
    yield from _release(policy)
    yield from _zones(policy)
    if policy.demo and policy.subjects is not Subjects.SYNTHETIC:
        yield _finding(
            ("site", "demo"),
            'demo = true is for subjects = "synthetic" only',
            "Take site.demo out: the law of the place counts as soon as people are seen.",
            reads=("site.subjects",),
        )


def forbidden(policy: Policy, profile: Profile) -> Iterator[Finding]:
    """Yield what the jurisdiction's profile doesn't allow or misses."""
    for breach in breaches(policy, profile):
        scope = breach.rule.scope
        reads = ["site.subjects", "site.jurisdiction"]
        reads += ["site.purpose_kind"] if scope.purposes else []
        reads += ["capture.heads"] if scope.heads else []
        reads += ["release.bound"] if scope.bounds else []
        yield Finding(
            Problem(
                tuple(breach.key.split(".")),
                breach.message,
                breach.advice,
                Kind.FORBIDDEN,
                breach.rule,
            ),
            frozenset({breach.key, *reads}),
        )
    known = [item.id for item in profile.evidence]
    for name in policy.evidence:
        if name not in known:
            yield _finding(
                ("evidence", name),
                f"profile {profile.name} knows no such line{did_you_mean(name, known)}",
                f"Known: {', '.join(known)}.",
                reads=("site.jurisdiction",),
            )


def _finding(
    path: tuple[str | int, ...],
    message: str,
    advice: str = "",
    *,
    kind: Kind = Kind.WRONG,
    reads: tuple[str, ...] = (),
) -> Finding:
    problem = Problem(path, message, advice, kind)
    return Finding(problem, frozenset({problem.key, *reads}))


def _retention(policy: Policy) -> Iterator[Finding]:
    kept = policy.retention
    tiers = {
        "records": kept.records,
        "aggregates": kept.aggregates,
        "daily": kept.daily,
        "access_log": kept.access_log,
    }
    for name, length in tiers.items():
        if length > LONGEST_LIFE:
            yield _finding(
                ("retention", name),
                "longer than ten years is for ever",
                kind=Kind.FOREVER,
            )
    if kept.access_log < kept.records:
        yield _finding(
            ("retention", "access_log"),
            "is shorter than retention.records",
            "Who looked at a record must be known for at least as long as the record lives.",
            reads=("retention.records",),
        )


def _release(policy: Policy) -> Iterator[Finding]:
    if policy.release.k < 3 and not policy.demo:
        yield _finding(("release", "k"), "k below 3 is for demo = true only", reads=("site.demo",))
    bucket = policy.release.bucket
    if timedelta(days=1) % bucket:
        yield _finding(
            ("release", "bucket"), "must divide a day", "15m, 30m and 1h are usual lengths."
        )
    if policy.flush > bucket:
        yield _finding(
            ("retention", "flush"), "is longer than release.bucket", reads=("release.bucket",)
        )


def _zones(policy: Policy) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, zone in enumerate(policy.zones):
        path = ("capture", "zones", number)
        if zone.name in seen:
            yield _finding((*path, "name"), f"another zone has the same name, {zone.name}")
        seen.add(zone.name)
        if policy.release.bound is PersonBound.ROSTER and zone.roster is None:
            yield _finding(
                (*path, "roster"),
                "is missing; release.bound = roster needs it for each zone",
                reads=("release.bound",),
            )
        if not _sees_anything(zone):
            yield _finding(
                (*path, "masks"),
                "nothing of the picture is left to see",
                "Draw masks as shares of the picture; `keep` blanks everything outside of it.",
                reads=("capture.zones.keep",),
            )


def _sees_anything(zone: Zone) -> bool:
    if not zone.masks and not zone.keep:
        return True
    middles = [(number + 0.5) / _GRID for number in range(_GRID)]
    points = ((x, y) for x in middles for y in middles)
    return any(
        (not zone.keep or any(_inside(p, polygon) for polygon in zone.keep))
        and not any(_inside(p, polygon) for polygon in zone.masks)
        for p in points
    )


def _inside(point: tuple[float, float], polygon: Polygon) -> bool:
    """Say whether a point lies in a polygon (even-odd rule)."""
    x, y = point
    inside = False
    for (ax, ay), (bx, by) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return inside
