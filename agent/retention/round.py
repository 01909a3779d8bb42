"""What a round of deletion found and did, for the health file and for monitoring. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from agent.retention.safety import Stop
from agent.retention.trust import Doubt


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found and did. Counts and times, no feature.

    Attributes:
        at: the time by which it went, aware UTC.
        deleted_records: face-records whose keys and segments went.
        deleted_numbers: released numbers that went.
        erased: whether the write-ahead log was emptied; False while a reader is open.
        overdue_records: past their deadline and still there; None where nobody can tell.
        overdue_numbers: likewise.
        waiting_rows: due by a shorter policy, but somebody must agree first.
        stop: why something waits.
        held_records: due, but a legal hold keeps them.
        future_rows: rows that claim to be younger than the present.
        oldest_record: start of the oldest bucket that is left, aware UTC.
        next_due: when something is due by itself, aware UTC.
        doubt: what speaks against the wall clock.
        days: daily numbers that were made.
        epochs: ids of epochs whose keys were destroyed.
        trouble: what refused, in sentences.
    """

    at: datetime
    deleted_records: int = 0
    deleted_numbers: int = 0
    erased: bool = True
    overdue_records: int | None = 0
    overdue_numbers: int | None = 0
    waiting_rows: int = 0
    stop: Stop | None = None
    held_records: int = 0
    future_rows: int = 0
    oldest_record: datetime | None = None
    next_due: datetime | None = None
    doubt: Doubt | None = None
    days: int = 0
    epochs: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()

    def report(self) -> dict[str, Any]:
        """Return it for the health file."""
        found = asdict(self)
        for name in ("at", "oldest_record", "next_due"):
            found[name] = found[name].isoformat() if found[name] else None
        return found

    def gauges(self) -> dict[str, float]:
        """Return what a monitoring system asks for, by metric name; an unknown number is left out.

        `omokage_overdue_records` is the one whose goal is 0.
        """
        found = {
            "omokage_overdue_records": self.overdue_records,
            "omokage_overdue_numbers": self.overdue_numbers,
            "omokage_rows_waiting_for_consent": self.waiting_rows,
            "omokage_held_records": self.held_records,
            "omokage_future_rows": self.future_rows,
            "omokage_log_erased": int(self.erased),
            "omokage_clock_trusted": int(self.doubt is None),
            "omokage_last_upkeep_seconds": self.at.timestamp(),
        }
        if self.oldest_record is not None:
            found["omokage_oldest_record_seconds"] = self.oldest_record.timestamp()
        return {name: float(number) for name, number in found.items() if number is not None}
