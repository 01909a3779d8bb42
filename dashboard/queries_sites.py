"""Several sites beside each other, from the centre: coverage first, then one number for each.

All sites are looked at over the same period, which ends with the newest number of any of them.
Sites are never added up: the same person may visit two, and k holds within one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agent.store.aggregate_reader import NumberReader
from agent.store.aggregate_sums import Steps, SumReader
from dashboard import estimates, queries
from dashboard.places import Afar, source
from dashboard.queries import COVERAGE_METRICS, SELECTABLE, WHOLE, Period, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.store.aggregate_reader import Latest
    from agent.store.central import CentralSite
    from dashboard.estimates import Coverage

SILENT_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OneSite:
    """A site's part of the comparison.

    Attributes:
        site: as the centre knows it.
        latest: its newest release; None where it never sent any.
        coverage: what its cameras could do in the period; None without a number in it.
        rates: its number for each metric that it has in the period, `zone` being the site's name.
    """

    site: CentralSite
    latest: Latest | None
    coverage: Coverage | None
    rates: dict[str, Place]


@dataclass(frozen=True, slots=True)
class Beside:
    """Sites beside each other.

    Attributes:
        since: start of the period, aware UTC.
        until: its end.
        sites: by name.
    """

    since: datetime
    until: datetime
    sites: tuple[OneSite, ...]

    @property
    def metrics(self) -> list[str]:
        """Those that at least one site has, in the order of the pages."""
        return [name for name in SELECTABLE if any(name in one.rates for one in self.sites)]

    @property
    def models(self) -> set[tuple[str, ...]]:
        """The sets of models behind the newest numbers."""
        return {one.latest.models for one in self.sites if one.latest}

    @property
    def ks(self) -> set[int]:
        """The smallest numbers of persons behind a shown number."""
        return {one.latest.k for one in self.sites if one.latest}


def silent(sites: Sequence[CentralSite], now: datetime) -> list[CentralSite]:
    """Return the sites whose last complete sync is longer ago than `SILENT_AFTER`, or never was."""
    return [one for one in sites if one.seen_at is None or now - one.seen_at > SILENT_AFTER]


def beside(found: Sequence[CentralSite], period: Period) -> Beside | None:
    """Read all sites over one period; None where none has a number.

    Args:
        found: the sites of the centre.
        period: how far back from the newest number of any site.

    Raises:
        SchemaTooNew, CentralError: the centre refuses.
    """
    latest = {one.name: queries.latest(Afar(one.name)) for one in found}
    ends = [one.bucket_end for one in latest.values() if one is not None]
    if not ends:
        return None
    until = max(ends)
    since = _since(found, period, until)
    parts = tuple(_one(site, latest[site.name], since, until) for site in found)
    return Beside(since, until, parts)


def titled(title: str, found: Place | None) -> Place:
    """Return a site's number under the name that people know; nothing where it has none."""
    return Place(title, None, None, 0, 0) if found is None else replace(found, zone=title)


def _since(found: Sequence[CentralSite], period: Period, until: datetime) -> datetime:
    if period in queries.LENGTH:
        return until - queries.LENGTH[period]
    if period in queries.DAYS:
        return until - timedelta(days=queries.DAYS[period])
    starts = []
    for site in found:
        reader = NumberReader(source(Afar(site.name)))
        starts += [x for x in (reader.earliest(), reader.first_day()) if x is not None]
    return min(starts, default=until)


def _one(site: CentralSite, latest: Latest | None, since: datetime, until: datetime) -> OneSite:
    place = Afar(site.name)
    if latest is None or latest.bucket_end <= since:
        return OneSite(site, latest, None, {})
    part = queries.between(place, since, until, site.timezone)
    reader = SumReader(source(place))
    zones = queries.zones(place)
    covered = reader.coverage(part.spans, COVERAGE_METRICS, zones)
    sums = reader.pooled(part.spans, Steps(WHOLE), SELECTABLE)
    rates = {
        one.metric: Place(
            site.name, estimates.combine([one]), one.reason, one.shown, one.cells
        )
        for one in sums
    }  # fmt: skip
    return OneSite(site, latest, estimates.coverage(covered, zones, since, until), rates)
