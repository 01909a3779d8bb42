"""Which models and thresholds made the records that reviewers judged. Pure.

A share of wrong labels over two versions is that of neither. So reviews are told apart by the names
that their records carry: each model with the first digits of its weights, and the calibration in
force. The newest version is the one of the newest clip, whenever that was reviewed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.domain.review import Review
from agent.evaluation.agreement import Rate, judged, misjudged, random_sample, weight, wrong
from agent.evaluation.differences import Compared, compare


@dataclass(frozen=True, slots=True)
class Version:
    """One set of models and thresholds.

    Attributes:
        models: their names, as the records carry them.
        since: first instant of its oldest reviewed clip, aware UTC.
        until: likewise of its newest one.
        reviews: how many.
        misjudged: share of its random clips.
    """

    models: tuple[str, ...]
    since: datetime
    until: datetime
    reviews: int
    misjudged: Rate


def versions(reviews: Iterable[Review]) -> tuple[Version, ...]:
    """Return the versions that reviews are about, the newest first."""
    lots: dict[frozenset[str], list[Review]] = {}
    for review in reviews:
        lots.setdefault(frozenset(review.models), []).append(review)
    found = [_version(lot) for lot in lots.values()]
    return tuple(sorted(found, key=lambda one: (one.until, one.models), reverse=True))


def _version(lot: Sequence[Review]) -> Version:
    newest = max(lot, key=lambda review: review.clip.at)
    return Version(
        models=newest.models,
        since=min(review.clip.at for review in lot),
        until=newest.clip.at,
        reviews=len(lot),
        misjudged=misjudged(random_sample(lot)),
    )


def of_version(reviews: Iterable[Review], version: Version | None) -> list[Review]:
    """Return the reviews of one version; all of them if None."""
    if version is None:
        return list(reviews)
    models = set(version.models)
    return [review for review in reviews if set(review.models) == models]


def newest(reviews: Sequence[Review]) -> list[Review]:
    """Return the reviews of the newest version."""
    found = versions(reviews)
    return of_version(reviews, found[0]) if found else []


def compared(reviews: Sequence[Review]) -> Compared:
    """Say whether versions differ in their share of wrong labels."""
    sample = judged(random_sample(reviews))
    names = [" ".join(sorted(set(review.models))) for review in sample]
    found = compare([wrong(r) for r in sample], [weight(r) for r in sample], {"version": names})
    return found["version"]
