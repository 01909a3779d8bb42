"""Collect all that the report says; reads, computes, and decides nothing about wording.

A part that can't be read is absent with its reason, and the report says so: a trial without
reviews or with a locked log still gets a report.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from agent import bias_check
from agent.config.policy_file import load_policy
from agent.config.profiles import load_profile
from agent.domain.access import Action, Decision
from agent.domain.aggregate import ATTENTION, CALIBRATED_SHARE, au_rate
from agent.domain.facs import AU_LABELS
from agent.errors import AgentError, ConfigError
from agent.evaluation.agreement import Agreement, assess
from agent.evaluation.bias import Bias
from agent.evaluation.differences import Compared
from agent.evaluation.versions import Version, compared, of_version, versions
from agent.retention.receipt import DONE, DUE, FAILED
from agent.store.access_reader import AccessQuery, AccessReader
from agent.store.aggregate_sums import Span, Steps, SumReader
from agent.store.aggregates import AggregateReader
from agent.store.reviews import ReviewReader
from dashboard import estimates, queries
from dashboard.hours import HOUR_SECONDS, STEP_SECONDS, Hour, by_hour
from dashboard.queries_live import Health, health

if TYPE_CHECKING:
    from agent.config.markers import Marker
    from agent.config.site import Site
    from agent.domain.policy import Policy
    from agent.domain.profile import Profile
    from agent.domain.sums import Sum
    from agent.store.aggregates import Latest
    from dashboard.estimates import Coverage, Estimate
    from dashboard.queries import Days, Overview

T = TypeVar("T")
MOST_RECEIPTS = 20_000


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured on this PC.

    Attributes:
        cpu: its name.
        cores: logical ones.
        memory_gib: None if unknown.
        system: operating system and architecture.
        frames: behind the times; 0 where nothing was measured.
        median_ms: of one frame with one face.
        p95_ms: likewise.
        cpu_ms: processor time of one frame.
        models: identifiers.
        omokage: version.
        python: version.
    """

    cpu: str
    cores: int
    memory_gib: float | None
    system: str
    frames: int
    median_ms: float | None
    p95_ms: float | None
    cpu_ms: float | None
    models: tuple[str, ...]
    omokage: str
    python: str


@dataclass(frozen=True, slots=True)
class Zone:
    """One place.

    Attributes:
        name: of it.
        coverage: what its camera could do.
        whole: metrics over the period.
    """

    name: str
    coverage: Coverage
    whole: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Reviews:
    """What reviewers found in the period's clips.

    Attributes:
        found: everything that reviews of the newest version yield.
        versions: of models and thresholds, the newest first.
        drifted: whether they differ in their share of wrong labels.
    """

    found: Agreement
    versions: tuple[Version, ...]
    drifted: Compared


@dataclass(frozen=True, slots=True)
class Change:
    """A marked day, and the period before it beside the one after it."""

    marker: Marker
    before: Days
    after: Days
    found: queries.Comparison


@dataclass(frozen=True, slots=True)
class Log:
    """What the access log says of the period.

    Attributes:
        entries: all of them.
        refused: of these, how many were refused.
        actions: how many of each kind.
        rounds: deletions that ended as planned.
        failed: deletions that didn't.
        deleted: rows and holdings that went, by name.
        last_deletion: aware UTC; None where there was none.
    """

    entries: int
    refused: int
    actions: Mapping[Action, int]
    rounds: int
    failed: int
    deleted: Mapping[str, int]
    last_deletion: datetime | None


@dataclass(frozen=True, slots=True)
class Card:
    """A model's card, as far as the report quotes it."""

    name: str
    version: str
    sha256: str
    parameters: int
    scores: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything in the report.

    Attributes:
        policy: as it is now.
        profile: of its jurisdiction.
        days: of the report, by the site's clock.
        issued: day of the report.
        newest: the newest release.
        page: the overview of the period.
        zones: by name.
        hours: by hour of the day, for `hour_metric`; empty where buckets are longer than an hour.
        hour_metric: the most frequent movement; "" where none is shown.
        speed: of this PC.
        health: what the agent last said.
        reviews: None where there is none.
        bias: every group of the period with its measures, and what stands out.
        changes: before and after each marked day of the period.
        log: None where it can't be read.
        cards: of the models.
        grades: each AU's reliability.
        missing: what couldn't be read, and why.
    """

    policy: Policy
    profile: Profile
    days: Days
    issued: date
    newest: Latest
    page: Overview
    zones: tuple[Zone, ...]
    hours: tuple[Hour, ...]
    hour_metric: str
    speed: Speed
    health: Health
    reviews: Reviews | None
    log: Log | None
    cards: tuple[Card, ...]
    grades: Mapping[str, str]
    missing: Mapping[str, str] = field(default_factory=dict)
    bias: Bias | None = None
    changes: tuple[Change, ...] = ()


def collect(
    place: Site, measured: str, now: datetime, since: date | None, until: date | None
) -> Facts:
    """Read a site and return its report's facts.

    Args:
        place: the site.
        measured: JSON of `omokage report`'s own measurement.
        now: aware UTC.
        since: first day, None for the oldest that is kept.
        until: last day, None for the newest.

    Raises:
        PolicyError: the policy can't be used.
        ConfigError: nothing was released in the period.
        StoreError: the released numbers can't be read.
    """
    rules = load_policy(place.policy)
    newest = queries.latest(place)
    if newest is None:
        raise ConfigError(
            "nothing has been released yet",
            advice="Let the agent run until a bucket closes, then ask for the report again.",
        )
    days = _days(queries.kept_days(place, newest, rules.timezone), since, until)
    part = _stretch(place, newest, days, rules.timezone)
    page = queries.read(place, newest, part, None)
    missing: dict[str, str] = {}
    hour_metric = _commonest(page)
    instants = part.since, part.until
    return Facts(
        policy=rules,
        profile=load_profile(rules.jurisdiction),
        days=days,
        issued=now.astimezone(ZoneInfo(rules.timezone)).date(),
        newest=newest,
        page=page,
        zones=_zones(place, part),
        hours=_hours(place, newest, instants, hour_metric, rules.timezone),
        hour_metric=hour_metric,
        speed=parse_speed(measured),
        health=health(place, now),
        reviews=_tried(missing, "reviews", lambda: _reviews(place, instants)),
        bias=_bias(place, rules.timezone, instants),
        changes=_changes(place, days, rules.timezone, missing),
        log=_tried(missing, "log", lambda: _log(place, instants[0], min(now, _end(days, rules)))),
        cards=_cards(),
        grades=queries.grades(),
        missing=missing,
    )


def parse_speed(measured: str) -> Speed:
    """Read what the command measured.

    Raises:
        ConfigError: it isn't that.
    """
    try:
        found = json.loads(measured)
        numbers = [found.get(name) for name in ("median_ms", "p95_ms", "cpu_ms", "memory_gib")]
        median, p95, work, memory = (None if n is None else float(n) for n in numbers)
        return Speed(
            cpu=str(found["cpu"]), cores=int(found["cores"]), memory_gib=memory,
            system=str(found["system"]), frames=int(found.get("frames", 0)), median_ms=median,
            p95_ms=p95, cpu_ms=work, models=tuple(map(str, found.get("models", ()))),
            omokage=str(found.get("omokage", "?")), python=str(found["python"]),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            "the measurement of this PC can't be read", advice="Start it with `omokage report`."
        ) from error


def _tried(missing: dict[str, str], name: str, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except AgentError as error:
        missing[name] = error.sentences
        return None


def _days(kept: Days, since: date | None, until: date | None) -> Days:
    first, last = since or kept.first, until or kept.last
    if first > last or not kept.meets(queries.Days(first, last)):
        raise ConfigError(
            "nothing is kept of these days",
            advice=f"Numbers are kept from {kept.first} to {kept.last}: name days among them.",
        )
    return queries.Days(max(first, kept.first), min(last, kept.last))


def _end(days: Days, rules: Policy) -> datetime:
    return queries.midnight(days.last + timedelta(days=1), rules.timezone)


def _stretch(place: Site, newest: Latest, days: Days, timezone: str) -> queries.Stretch:
    since = queries.midnight(days.first, timezone)
    until = queries.midnight(days.last + timedelta(days=1), timezone)
    earliest = AggregateReader(place.aggregates).earliest()
    if earliest is not None and until - since < queries.BY_DAY_FROM:
        since = max(since, earliest)
    return queries.between(place, since, min(until, newest.bucket_end), timezone)


def _commonest(page: Overview) -> str:
    rates = [au_rate(label) for label in AU_LABELS if label != "AU45"]
    shown = [metric for metric in rates if metric in page.whole]
    return max(shown, key=lambda metric: page.whole[metric].value, default="")


def _zones(place: Site, part: queries.Stretch) -> tuple[Zone, ...]:
    reader = SumReader(place.aggregates)
    metrics = (*queries.COMPARED, ATTENTION, CALIBRATED_SHARE)
    sums = reader.by_zone(part.spans, Steps(queries.WHOLE), metrics)
    covered = reader.coverage(part.spans, queries.COVERAGE_METRICS)
    return tuple(
        Zone(
            name,
            estimates.coverage(covered, [name], part.since, part.until),
            _whole([one for one in sums if one.zone == name]),
        )
        for name in sorted({one.zone for one in covered})
    )


def _whole(sums: Sequence[Sum]) -> dict[str, Estimate]:
    found = {one.metric: estimates.combine([one]) for one in sums}
    return {metric: estimate for metric, estimate in found.items() if estimate is not None}


def _hours(
    place: Site, newest: Latest, span: tuple[datetime, datetime], metric: str, timezone: str
) -> tuple[Hour, ...]:
    if not metric or newest.bucket_seconds > HOUR_SECONDS:
        return ()
    reader = SumReader(place.aggregates)
    sums = reader.pooled((Span(*span),), Steps(STEP_SECONDS), (metric,))
    return tuple(by_hour(sums, timezone, weekdays=False))


def _reviews(place: Site, span: tuple[datetime, datetime]) -> Reviews | None:
    with closing(ReviewReader(place.reviews)) as reader:
        stored = [one.review for one in reader.reviews()]
    inside = [review for review in stored if span[0] <= review.clip.at < span[1]]
    if not inside:
        return None
    found = versions(inside)
    return Reviews(assess(of_version(inside, found[0])), found, compared(inside))


def _bias(place: Site, timezone: str, span: tuple[datetime, datetime]) -> Bias | None:
    try:
        return bias_check.between(place, timezone, *span)
    except AgentError:
        return None  # what refuses is said where its own part stands


def _changes(place: Site, days: Days, timezone: str, missing: dict[str, str]) -> tuple[Change, ...]:
    """Compare the days before and after each marked day; that day itself belongs to neither."""
    marked = _tried(missing, "markers", lambda: queries.markers(place)) or ()
    found = []
    for marker in marked:
        day = timedelta(days=1)
        before = queries.Days(days.first, max(days.first, marker.day - day))
        after = queries.Days(min(days.last, marker.day + day), days.last)
        if not before.last < marker.day < after.first:
            continue
        compared = queries.comparison(place, (before, after), None, timezone)
        found.append(Change(marker, before, after, compared))
    return tuple(found)


def _log(place: Site, since: datetime, until: datetime) -> Log:
    reader = AccessReader(place.access_log)
    counts = {
        action: reader.count(AccessQuery(since=since, until=until, action=action))
        for action in Action
    }
    purged = reader.entries(
        AccessQuery(since=since, until=until, action=Action.PURGED), limit=MOST_RECEIPTS
    )
    ended = [entry.event for entry in purged if entry.event.purpose in {DONE, FAILED}]
    done = [event for event in ended if event.decision is Decision.ALLOWED]
    # How many rows go is in the announcement; that they went, in the entry with its number.
    numbers = {name for event in done for name in event.objects if name.startswith("receipt:")}
    deleted: Counter[str] = Counter()
    for entry in purged:
        if entry.event.purpose == DUE and numbers.intersection(entry.event.objects):
            deleted.update(entry.event.counts)
    return Log(
        entries=reader.count(AccessQuery(since=since, until=until)),
        refused=reader.count(AccessQuery(since=since, until=until, decision=Decision.REFUSED)),
        actions={action: count for action, count in counts.items() if count},
        rounds=len(done),
        failed=len(ended) - len(done),
        deleted=dict(deleted),
        last_deletion=max((event.at for event in done), default=None),
    )


def _cards() -> tuple[Card, ...]:
    found = []
    for path in sorted(queries.models_folder().glob("*.card.toml")):
        try:
            card = tomllib.loads(path.read_text("utf-8"))
            found.append(
                Card(card["name"], str(card["version"]), card["sha256"],
                     int(card["parameters"]), dict(card["scores"]))
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return tuple(found)
