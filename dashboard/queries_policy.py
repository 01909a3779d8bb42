"""What the policy page reads: the rules, what is kept of it, the log's receipts, the notice.

Read-only, and without any key: of sealed records only headers are read (how many, from when, until
when). The account that serves pages may not even be allowed that; then the rest still stands, and
the page says what the agent last said of records.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent.clock import SystemClock
from agent.config.policy_file import examine, read_policy
from agent.config.profiles import load_profile
from agent.config.words import load_words
from agent.domain.access import Action
from agent.domain.profile import CEILING_KEYS, Profile, ceilings_in_force
from agent.domain.retention import Holding, LegalHold, Tier
from agent.domain.sentences import Section, sentences
from agent.domain.words import LANGUAGES
from agent.errors import ConfigError, PolicyError, StoreError
from agent.memory import recall
from agent.retention.plan import RetentionPlan, limit, plan
from agent.retention.safety import Clearance, clear
from agent.retention.summary import Group, grouped
from agent.retention.trust import Clocks, Verdict, judge
from agent.store.access_reader import AccessQuery, AccessReader
from agent.store.aggregates import AggregateReader
from agent.store.identity import known_identity
from agent.store.reading import SegmentReader
from dashboard.documents.notice import build_notice
from dashboard.documents.notice_html import notice_html
from dashboard.documents.page import Paper

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.domain.access_entry import AccessEntry
    from agent.domain.policy import Policy
    from agent.domain.words import Words

RECEIPTS = (
    Action.POLICY_APPLIED,
    Action.PURGED,
    Action.PURGE_REFUSED,
    Action.STARTED_OVER,
    Action.KEYS_DESTROYED,
    Action.HOLD_PLACED,
    Action.HOLD_LIFTED,
)
"""What a manager may read of the access log: what was deleted and why, not who looked at what."""
ANNOUNCED = "due"
"""Purpose of the entry before a deletion; the one after it says how it ended."""
NOTICE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy file as it is now.

    Attributes:
        policy: None where it can't be used.
        profile: of its jurisdiction; None where that can't be told.
        problems: what is wrong, in lines; empty where nothing is.
    """

    policy: Policy | None
    profile: Profile | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stock:
    """What is kept, as far as this account may see.

    Attributes:
        holdings: of records (headers only) and of numbers.
        holds: legal holds, also ended ones.
        refused: which databases can't be read, and why; keys are those of `store` in the texts.
    """

    holdings: tuple[Holding, ...]
    holds: tuple[LegalHold, ...]
    refused: dict[str, StoreError]


@dataclass(frozen=True, slots=True)
class TierRow:
    """One line of the table of what is kept.

    Attributes:
        tier: what it is.
        most: how long at most.
        parts: buckets, days or entries; None where this account can't see.
        rows: records, numbers or entries.
        oldest: start of the oldest, aware UTC.
        newest: end of the newest, aware UTC.
        next_due: when the next of them goes, aware UTC.
    """

    tier: Tier
    most: timedelta
    parts: int | None
    rows: int | None
    oldest: datetime | None
    newest: datetime | None
    next_due: datetime | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be deleted, what waits, what is held, what is kept.

    Attributes:
        plan: every holding's lot.
        clearance: what of it may go at once.
        verdict: whether the clock may be believed.
    """

    plan: RetentionPlan
    clearance: Clearance
    verdict: Verdict

    @property
    def due(self) -> list[Group]:
        """What goes with the next round."""
        return grouped(self.clearance.go)

    @property
    def waiting(self) -> list[Group]:
        """What waits for somebody's word."""
        return grouped(self.clearance.wait)

    @property
    def held(self) -> list[Group]:
        """What a legal hold keeps."""
        return grouped(self.plan.held)

    @property
    def kept(self) -> list[Group]:
        """What isn't due yet."""
        return grouped(self.plan.keep)


@dataclass(frozen=True, slots=True)
class Bound:
    """One ceiling of the profile beside what the policy says, in words.

    Attributes:
        about: what it bounds.
        asked: what the policy says.
        bound: what the profile allows.
        basis: on what that rests.
        because: why, a sentence.
        url: where the source can be read, or "".
    """

    about: str
    asked: str
    bound: str
    basis: str
    because: str
    url: str


def rules(place: Site) -> Rules:
    """Read the policy, with what is wrong in it."""
    try:
        found = examine(read_policy(place.policy), place.policy.name)
    except PolicyError as error:
        return Rules(None, None, (error.sentences,))
    problems = [line for problem in found.problems for line in problem.lines(found.name)]
    profile = found.profile
    if found.policy is not None and profile is None:
        profile = load_profile(found.policy.jurisdiction)
    return Rules(found.policy, profile, tuple(problems))


def told(policy: Policy, profile: Profile, language: str) -> tuple[Section, ...]:
    """Return what a policy says, in sentences."""
    return sentences(policy, profile, load_words(language))


def bounds(policy: Policy, profile: Profile, language: str) -> list[Bound]:
    """Return the ceilings that bind a policy, beside its own values."""
    words = load_words(language)
    found = []
    for ceiling in ceilings_in_force(policy, profile):
        timed = "_time" if isinstance(ceiling.value, timedelta) else ""
        bound = words(f"law.{ceiling.limit}{timed}", value=_worded(ceiling.value, words))
        source = ceiling.source
        found.append(
            Bound(
                about=words(f"law.key.{ceiling.key}"),
                asked=_worded(CEILING_KEYS[ceiling.key](policy), words),
                bound=bound,
                basis=words(f"law.basis.{ceiling.basis}", source="" if source is None else source),
                because=ceiling.because[language],
                url="" if source is None else source.url,
            )
        )
    return found


def _worded(value: timedelta | float | str | frozenset[str], words: Words) -> str:
    if isinstance(value, timedelta):
        return words.duration(value)
    if isinstance(value, frozenset):
        return words.listed([_worded(word, words) for word in sorted(value)])
    return words(f"law.bound.{value}") if isinstance(value, str) else f"{value:g}"


def lifetime(length: timedelta, language: str) -> str:
    """Return a duration as the policy's sentences say it."""
    return load_words(language).duration(length)


def stock(place: Site) -> Stock:
    """Read what is kept; what can't be read is named, and the rest is returned."""
    holdings: list[Holding] = []
    holds: list[LegalHold] = []
    refused: dict[str, StoreError] = {}
    try:
        with closing(SegmentReader(place.segments)) as reader:
            holdings, holds = reader.holdings(), reader.holds.all()
    except StoreError as error:
        refused["segments"] = error
    except OSError as error:
        refused["segments"] = StoreError(f"{place.segments.name}: {error.strerror}")
    try:
        holdings += AggregateReader(place.aggregates).holdings()
    except StoreError as error:
        refused["aggregates"] = error
    return Stock(tuple(holdings), tuple(holds), refused)


def outlook(place: Site, policy: Policy, found: Stock) -> Outlook:
    """Plan as the next round would.

    Raises:
        PolicyError: the policy keeps something for ever, or not at all.
    """
    clock = SystemClock()
    clocks = Clocks(clock.now(), clock.since_boot(), clock.boot(), clock.served_at())
    memory = recall(place.upkeep)
    newest = max((holding.start for holding in found.holdings), default=None)
    verdict = judge(clocks, memory.mark if memory else None, newest)
    lots = plan(found.holdings, policy, found.holds, verdict.now, ahead=verdict.ahead)
    known = True
    if memory is not None and memory.store is not None and "segments" not in found.refused:
        known = memory.store == known_identity(place.segments)
    return Outlook(lots, clear(lots, policy, known=known), verdict)


def tiers(policy: Policy, found: Stock, lots: RetentionPlan, log: TierRow) -> list[TierRow]:
    """Sum up what is kept, tier by tier.

    Args:
        policy: in force.
        found: what there is.
        lots: the plan for it.
        log: the line of the access log; see `log_row`.
    """
    places = {Tier.RECORDS: "segments", Tier.AGGREGATES: "aggregates", Tier.DAILY: "aggregates"}
    rows = []
    for tier, store in places.items():
        most = limit(tier, policy)
        if store in found.refused:
            rows.append(TierRow(tier, most, None, None, None, None, None))
            continue
        mine = [holding for holding in found.holdings if holding.tier is tier]
        due = [lot.at for lot in lots if lot.holding.tier is tier]
        rows.append(
            TierRow(
                tier=tier,
                most=most,
                parts=len(mine),
                rows=sum(holding.rows for holding in mine),
                oldest=min((holding.start for holding in mine), default=None),
                newest=max((holding.end for holding in mine), default=None),
                next_due=min(due, default=None),
            )
        )
    return [*rows, log]


def log_row(place: Site, policy: Policy) -> TierRow:
    """Sum up the access log.

    Raises:
        StoreError: it can't be read.
    """
    most = limit(Tier.ACCESS_LOG, policy)
    reader = AccessReader(place.access_log)
    count = reader.count()
    newest = reader.entries(limit=1)
    if not newest:
        return TierRow(Tier.ACCESS_LOG, most, 0, 0, None, None, None)
    first = reader.entries(limit=1, before=newest[0].number - count + 2)
    oldest = (first or newest)[-1].event.at
    return TierRow(Tier.ACCESS_LOG, most, count, count, oldest, newest[0].event.at, oldest + most)


def unseen_log(policy: Policy) -> TierRow:
    """Return the line of an access log that can't be read."""
    most = limit(Tier.ACCESS_LOG, policy)
    return TierRow(Tier.ACCESS_LOG, most, None, None, None, None, None)


def receipts(place: Site, most: int = 100) -> list[AccessEntry]:
    """Return what was deleted, refused, held and applied, newest first.

    The announcement of a deletion is left out where the entry that says how it ended is there.

    Raises:
        StoreError: the access log can't be read.
    """
    reader = AccessReader(place.access_log)
    found = [e for a in RECEIPTS for e in reader.entries(AccessQuery(action=a), limit=2 * most)]
    ended = {
        name
        for entry in found
        if entry.event.purpose != ANNOUNCED
        for name in entry.event.objects
        if name.startswith("receipt:")
    }
    shown = [
        entry
        for entry in found
        if entry.event.purpose != ANNOUNCED or not ended & set(entry.event.objects)
    ]
    return sorted(shown, key=lambda entry: entry.number, reverse=True)[:most]


def notice_page(policy: Policy, language: str, issued: date) -> str:
    """Return the notice as one HTML file.

    Args:
        policy: whose notice.
        language: `ja`, `en` or `both`.
        issued: day that stands on it.

    Raises:
        AgentError: the policy lacks something that a notice must say.
    """
    profile = load_profile(policy.jurisdiction)
    codes = tuple(LANGUAGES) if language == "both" else (language,)
    return notice_html([build_notice(policy, profile, c, issued) for c in codes], Paper.A4)


def notice_pdf(place: Site, language: str, issued: date) -> bytes:
    """Set the notice of the policy file as PDF, in a process of its own. Arguments as above.

    Raises:
        ConfigError: it can't be set; the message says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "notice.pdf"
        options = {
            "policy": place.policy.resolve(), "date": issued.isoformat(), "language": language,
            "format": "pdf", "paper": "a4", "out": out,
        }  # fmt: skip
        # -P: a folder `dashboard` where the pages were started would be run instead of ours.
        command = [sys.executable, "-P", "-m", "dashboard.documents", "notice"]
        command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return _run(command, out)


def _run(command: Sequence[str], out: Path) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603  # our own argv
            command, capture_output=True, text=True, timeout=NOTICE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError("the notice can't be drawn here") from error
    if done.returncode or not out.exists():
        lines = done.stderr.strip().splitlines() or ["the notice can't be drawn"]
        raise ConfigError(lines[0].removeprefix("error: "), advice=lines[-1])
    return out.read_bytes()
