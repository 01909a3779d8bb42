"""What a verification may find, and what it says about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong."""

    EDITED = "edited"
    MISSING = "missing"
    UNLINKED = "unlinked"
    MOVED = "moved"
    UNREADABLE = "unreadable"
    TEXT_CHANGED = "text-changed"
    ERASED_UNLOGGED = "erased-unlogged"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    WRONG_KEY = "wrong-key"
    OTHER_LOG = "other-log"
    PRUNED_UNSIGNED = "pruned-unsigned"
    CLOCK_BACKWARDS = "clock-backwards"

    @property
    def fatal(self) -> bool:
        """Say whether the log can't be trusted any more; a clock may just have been set."""
        return self is not Kind.CLOCK_BACKWARDS


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: what.
        entry: number of the entry where it shows, None where it is about the whole log.
        sentence: in words; names no person.
    """

    kind: Kind
    entry: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was checked, and what was found.

    Attributes:
        origin: name of the log in its checkpoints, "" where there is no log.
        findings: in the order of the entries, then of the checkpoints; empty if all is well.
        entries: how many entries were read.
        first: number of the oldest one, 0 where there is none.
        last: number of the newest one, 0 where there is none.
        erased: how many personal texts were erased, with a record of it.
        checkpoints: how many checkpoints fit; one from before the oldest entry that is left can
            only be checked for its signature.
        covered: number of the newest entry that one of them speaks for.
        root: of the tree over all entries, 32 bytes.
    """

    origin: str
    findings: tuple[Finding, ...]
    entries: int
    first: int
    last: int
    erased: int
    checkpoints: int
    covered: int
    root: bytes

    @property
    def sound(self) -> bool:
        """Say whether nothing was found but clocks."""
        return not any(finding.kind.fatal for finding in self.findings)
