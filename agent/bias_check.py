"""The regular comparison of places, hours and circumstances: read, compared, written, once a day.

It reads released numbers and reviews, so it needs no key and sees nothing that a page couldn't. The
result lies in `state/bias.json` for the pages and for `omokage status`; a file that can't be
understood counts as none, and the next check replaces it.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.config.site import Site
from agent.domain.aggregate import (
    FACES_PEAK,
    SITE_TOTAL,
    TOTAL_SECONDS,
    expressiveness_when,
    quality_when,
    status_share,
)
from agent.domain.circumstance import PAIRS
from agent.domain.frame import FrameStatus
from agent.domain.review import Review
from agent.domain.sums import Sum
from agent.errors import NOT_AS_WRITTEN, StoreError
from agent.evaluation.bias import (
    PAIR_KINDS,
    Bias,
    Errors,
    Group,
    Kind,
    Measure,
    Sign,
    errors,
    group,
    reviewed,
    signs,
)
from agent.evaluation.differences import Said
from agent.store.aggregate_sums import Span, Steps, SumReader
from agent.store.reviews import ReviewReader

EVERY = timedelta(days=1)
LOOKS_BACK = timedelta(days=28)
HOUR = 3600
FEWEST_BUCKETS = 8
"""Buckets of a group under which its camera isn't compared with others."""
FEWEST_RECORDS = 200
"""Face-records of a group under which a mean isn't compared."""
_LARGEST = 1_000_000
_SEEING = (FrameStatus.OK, FrameStatus.NO_FACE, FrameStatus.TOO_DARK, FrameStatus.BLURRED)
_UNCLEAR = (FrameStatus.TOO_DARK, FrameStatus.BLURRED)


def check(site: Site, timezone: str, now: datetime, since: datetime | None = None) -> Bias:
    """Compare a period of a site.

    Args:
        site: whose numbers.
        timezone: of its clock.
        now: aware UTC; end of the period.
        since: its begin; the last 28 days if None.

    Raises:
        StoreError: a database refuses.
    """
    begin = since or now - LOOKS_BACK
    return between(site, timezone, begin, now)


def between(site: Site, timezone: str, since: datetime, until: datetime) -> Bias:
    """Compare what lies between two instants, as of the later one. Raises as `check`."""
    inside = _reviews(site, since, until)
    groups = (*measured(site, since, until, timezone), *reviewed(inside, timezone))
    return Bias(until, since, until, groups, signs(groups), errors(inside, timezone))


def _reviews(site: Site, since: datetime, until: datetime) -> list[Review]:
    with ReviewReader(site.reviews) as reviews:
        stored = [one.review for one in reviews.reviews()]
    return [review for review in stored if since <= review.clip.at < until]


def measured(site: Site, since: datetime, until: datetime, timezone: str) -> tuple[Group, ...]:
    """Return every group of a period with what was released of it. Raises as `check`."""
    reader, spans = SumReader(site.aggregates), (Span(since, until),)
    metrics = (TOTAL_SECONDS, FACES_PEAK, *(status_share(s) for s in _SEEING))
    sums = [s for s in reader.by_zone(spans, Steps(HOUR), metrics) if s.zone != SITE_TOTAL]
    names = [
        name(c) for pair in PAIRS for c in pair for name in (quality_when, expressiveness_when)
    ]
    seen = reader.pooled(spans, Steps(1 << 40), names)
    return (
        *_cameras(sums, Kind.ZONE, lambda s: s.zone),
        *_cameras(sums, Kind.HOUR, lambda s: _hour(s, timezone)),
        *_circumstances({s.metric: s for s in seen}),
    )


def _hour(one: Sum, timezone: str) -> str:
    at = datetime.fromtimestamp(one.step * HOUR, UTC).astimezone(ZoneInfo(timezone))
    return f"{at.hour:02d}"


def _cameras(sums: Sequence[Sum], kind: Kind, name: Any) -> Iterable[Group]:
    """Compare what the cameras could do, by place or by hour."""
    lots: dict[str, list[Sum]] = defaultdict(list)
    for one in sums:
        lots[name(one)].append(one)
    for key, lot in sorted(lots.items()):
        cells, hidden = _hidden(lot)
        shares = _unclear(lot)
        if len(shares) >= FEWEST_BUCKETS:
            value = math.fsum(shares) / len(shares)
            spread = math.fsum((s - value) ** 2 for s in shares) / (len(shares) - 1)
            error = math.sqrt(spread / len(shares))
            yield group(kind, key, Measure.UNREADABLE, value, error, len(shares))
        if cells >= FEWEST_BUCKETS and kind is Kind.ZONE:
            share = hidden / cells
            # At least as uncertain as one bucket more or less would make it.
            error = math.sqrt(max(share * (1 - share), 1 / cells) / cells)
            yield group(kind, key, Measure.HIDDEN, share, error, cells)


def _hidden(lot: Iterable[Sum]) -> tuple[int, int]:
    faces = [one for one in lot if one.metric == FACES_PEAK]
    return sum(one.cells for one in faces), sum(sum(one.hidden) for one in faces)


def _unclear(lot: Iterable[Sum]) -> list[float]:
    """Return, hour by hour, the share of the time with a picture that was dark or blurred."""
    hours: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for one in lot:
        hours[one.zone, one.step][one.metric] = one.total
    found = []
    for shares in hours.values():
        whole = math.fsum(shares.get(status_share(status), 0.0) for status in _SEEING)
        if whole > 0:
            bad = math.fsum(shares.get(status_share(status), 0.0) for status in _UNCLEAR)
            found.append(bad / whole)
    return found


def _circumstances(sums: Mapping[str, Sum]) -> Iterable[Group]:
    """Compare how faces were read near and far, in light and in the dusk, facing and turned."""
    measures = ((Measure.QUALITY, quality_when), (Measure.EXPRESSIVENESS, expressiveness_when))
    for kind, pair in zip(PAIR_KINDS, PAIRS, strict=True):
        for measure, name in measures:
            for one in pair:
                found = sums.get(name(one))
                if found is None or found.samples < FEWEST_RECORDS:
                    continue
                value = found.weighted / found.samples
                error = math.sqrt(found.spread) / found.samples
                yield group(kind, one.value, measure, value, error, found.samples)


def write(path: Path, bias: Bias) -> None:
    """Put a result in place; a reader sees the old one or the new one, whole.

    Raises:
        StoreError: the disk refuses.
    """
    table = asdict(bias) | {
        "at": bias.at.isoformat(), "since": bias.since.isoformat(), "until": bias.until.isoformat(),
    }  # fmt: skip
    partial = path.with_suffix(".part")
    try:
        partial.write_text(json.dumps(table, indent=1), "utf-8")
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"can't write {path.name}: {error.strerror}") from error


def read(path: Path) -> Bias | None:
    """Return the last result; None where there is none that can be understood."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST)
        found = json.loads(raw)
        return Bias(
            at=_instant(found["at"]),
            since=_instant(found["since"]),
            until=_instant(found["until"]),
            groups=tuple(Group(**_named(one)) for one in found["groups"]),
            signs=tuple(Sign(**_named(one)) for one in found["signs"]),
            errors=tuple(Errors(**_said(one)) for one in found.get("errors") or ()),
        )
    except (OSError, *NOT_AS_WRITTEN):
        return None


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return at


def _named(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"kind": Kind(found["kind"]), "measure": Measure(found["measure"])}


def _said(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"kind": Kind(found["kind"]), "said": Said(found["said"])}


def due(last: Bias | None, now: datetime) -> bool:
    """Say whether it is time again; a result from the future is one of a wrong clock."""
    return last is None or not timedelta(0) <= now - last.at < EVERY
