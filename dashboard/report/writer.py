"""What all parts of a report are written with: its facts, its words, and how numbers look. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime

    from agent.domain.words import Words
    from agent.evaluation.agreement import Rate
    from dashboard.estimates import Estimate
    from dashboard.report.facts import Facts
    from dashboard.text import Text


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes numbers and names of one report in one language.

    Attributes:
        facts: of the report.
        words: of the report.
        text: of the pages, for names that both share.
    """

    facts: Facts
    words: Words
    text: Text

    def percent(self, share: float | None, decimals: int = 0) -> str:
        """Write a share; a small one isn't written as nothing."""
        if share is not None and 0 < share < 0.005 and not decimals:
            decimals = 1
        return self.text.percent(share, decimals)

    def estimate(self, found: Estimate | Rate | None, decimals: int = 1) -> str:
        """Write a share with its interval."""
        if found is None or found.value is None:
            return "–"
        value = self.percent(found.value, decimals)
        if found.low is None or found.high is None:
            return self.words("report.no_interval", value=value)
        low, high = (f"{100 * end:.{decimals}f}" for end in (found.low, found.high))
        return self.words("report.interval", value=value, low=low, high=f"{high}\u202f%")

    def name(self, metric: str) -> str:
        """Name a movement."""
        label = metric.split(".")[1]
        return f"{self.text(f'au.{label}')} (AU{int(label[2:])})"

    def some(self, key: str, count: int) -> str:
        """Write a number with its noun, which is another one for a single thing."""
        return self.words(f"count.{key}_{'one' if count == 1 else 'many'}", n=count)

    def day(self, at: datetime) -> str:
        """Write the day of an instant, by the site's clock."""
        return self.words.date(at.astimezone(ZoneInfo(self.facts.policy.timezone)).date())

    def moment(self, at: datetime) -> str:
        """Write an instant by the site's clock."""
        here = at.astimezone(ZoneInfo(self.facts.policy.timezone))
        return f"{self.words.date(here.date())} {here:%H:%M}"

    def rate(self, rate: Rate) -> str:
        """Write a rate with its interval, or that too little stands behind it."""
        if rate.value is None:
            return self.words("accuracy.too_few", n=rate.clips)
        return self.estimate(rate)
