"""What the access log page reads, checks and writes: its only writing is that somebody looked.

Reading the log is itself an access. So a session's first look on a day is an entry, and so is each
export, with its purpose, before anything is handed out. Nothing here signs, erases or prunes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from agent.audit.checkpoint import find_checkpoints, parse_checkpoint, verifier_of
from agent.audit.findings import Kind
from agent.audit.lines import csv_head, csv_line, json_line
from agent.audit.note import parse_verifier
from agent.checkpoints import verify_keys, verify_log
from agent.domain.access import AccessEvent, Action
from agent.domain.access_entry import EntryRow, read_entry
from agent.errors import AgentError, ConfigError, StoreError
from agent.store.access_log import AccessLog
from agent.store.access_reader import AccessReader, checkpoints_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.audit.findings import Finding, Verdict
    from agent.config.site import Site
    from agent.domain.access_entry import AccessEntry
    from agent.domain.account import User
    from agent.store.access_reader import AccessQuery, StoredCheckpoint

PAGE_ROWS = 50
OBJECT = "access-log"
LOOKED = "access log page"
PASTED = "pasted"


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of entries, newest first.

    Attributes:
        entries: at most `PAGE_ROWS`.
        matching: how many entries match in all.
        older: give this as `before` for the next page; None where this is the last.
    """

    entries: tuple[AccessEntry, ...]
    matching: int
    older: int | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a verification found.

    Attributes:
        verdict: of the judge.
        keys: how many device keys signatures were checked with.
        pasted: how many checkpoints from elsewhere were given.
    """

    verdict: Verdict
    keys: int
    pasted: int

    @property
    def unsigned(self) -> int:
        """How many of the newest entries no checkpoint speaks for yet."""
        found = self.verdict
        return max(0, found.last - max(found.covered, found.first - 1))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found; without a key nobody can say whose a signature is, so nothing is said."""
        found = self.verdict.findings
        return found if self.keys else tuple(f for f in found if f.kind is not Kind.WRONG_KEY)

    @property
    def sound(self) -> bool:
        """Say whether nothing was found but clocks."""
        return not any(finding.kind.fatal for finding in self.findings)

    def by_kind(self) -> dict[Kind, list[Finding]]:
        """Return the findings, those of a kind together, in the order of the first of each."""
        table: dict[Kind, list[Finding]] = {}
        for finding in self.findings:
            table.setdefault(finding.kind, []).append(finding)
        return table


@dataclass(frozen=True, slots=True)
class Signed:
    """The newest checkpoint.

    Attributes:
        stored: as it lies in the database.
        key: the device's key, to be kept with it; "" where it can't be read here.
    """

    stored: StoredCheckpoint
    key: str


def exists(place: Site) -> bool:
    """Say whether there is a log, or a trace of one."""
    return place.access_log.exists() or checkpoints_file(place.access_log).exists()


def read(place: Site, query: AccessQuery, before: int | None = None) -> LogPage:
    """Return one page of matching entries.

    Raises:
        StoreError: the log refuses, or holds what isn't an entry.
    """
    reader = AccessReader(place.access_log)
    found = reader.entries(query, limit=PAGE_ROWS + 1, before=before)
    shown = tuple(found[:PAGE_ROWS])
    more = len(found) > PAGE_ROWS
    return LogPage(shown, reader.count(query), shown[-1].number if more else None)


def newest_checkpoint(place: Site) -> Signed | None:
    """Return the newest signed checkpoint, None before the first.

    Raises:
        StoreError: the log refuses.
    """
    stored = next(reversed(AccessReader(place.access_log).checkpoints()), None)
    if stored is None:
        return None
    known = _known(place)
    try:
        said = parse_checkpoint(stored.note, "").checkpoint
    except ValueError:
        return Signed(stored, "")
    return Signed(stored, verifier_of(said, known[-1]).text() if known else "")


def check(place: Site, pasted: str = "", key: str = "") -> Checked:
    """Check the whole log, read-only.

    Args:
        place: the site.
        pasted: text with checkpoints that were kept elsewhere, or "".
        key: the device's key as it stands on paper, or "" for the site's own file of keys.

    Raises:
        ConfigError: `pasted` holds no checkpoint, or `key` isn't one.
        AuditBroken: a checkpoint in the database was overwritten.
        StoreError: the log can't be read.
    """
    # The newline ends the last line, which nobody types into a field.
    kept = find_checkpoints(f"{pasted}\n", PASTED) if pasted.strip() else []
    if pasted.strip() and not kept:
        raise ConfigError("there is no checkpoint in what was pasted")
    known = (_parse(key),) if key.strip() else _known(place)
    return Checked(verify_log(place.access_log, known, kept), len(known), len(kept))


def _parse(key: str) -> bytes:
    try:
        return parse_verifier(key.strip()).key
    except ValueError as error:
        raise ConfigError("this isn't a device's key") from error


def _known(place: Site) -> tuple[bytes, ...]:
    try:
        return verify_keys(place)
    except AgentError:
        return ()  # none yet, or this account may not read them


def record_look(place: Site, user: User, now: datetime) -> None:
    """Write down that somebody looks at the log.

    Raises:
        StoreError: it can't be written.
    """
    _record(place, AccessEvent(now, user.name, user.role, Action.OPENED, LOOKED, (OBJECT,)))


def export(
    place: Site, query: AccessQuery, kind: str, *, user: User, purpose: str, now: datetime
) -> bytes:
    """Write down that somebody exports, then return the matching entries, oldest first.

    Args:
        place: the site.
        query: which entries.
        kind: `jsonl` or `csv`.
        user: who exports.
        purpose: why; it stays in the log.
        now: aware UTC.

    Raises:
        StoreError: it can't be written down, or the log can't be read; nothing is handed out.
    """
    event = AccessEvent(now, user.name, user.role, Action.EXPORTED, purpose, (OBJECT,))
    _record(place, event)
    lines = [csv_head()] if kind == "csv" else []
    lines += _lines(place, query, kind)
    return "".join(f"{line}\n" for line in lines).encode()


def _lines(place: Site, query: AccessQuery, kind: str) -> Iterator[str]:
    for row in map(EntryRow._make, AccessReader(place.access_log).rows()):
        try:
            entry = read_entry(row)
        except ValueError as error:
            raise StoreError(str(error), advice="Verify the log: it says what is wrong.") from error
        if matches(entry, query):
            yield csv_line(entry) if kind == "csv" else json_line(entry, row)


def matches(entry: AccessEntry, query: AccessQuery) -> bool:
    """Say whether an entry is one that a query asks for."""
    event = entry.event
    return (
        (query.since is None or event.at >= query.since)
        and (query.until is None or event.at < query.until)
        and (query.actor is None or (event.actor == query.actor and not entry.actor_erased))
        and query.role in {None, event.role}
        and query.action in {None, event.action}
        and query.decision in {None, event.decision}
        and (query.object is None or query.object in event.objects)
    )


def _record(place: Site, event: AccessEvent) -> None:
    if not place.access_log.exists():
        raise StoreError("there is no access log yet")  # a page doesn't begin one
    log = AccessLog(place.access_log)
    try:
        log.record(event)
    finally:
        log.close()
