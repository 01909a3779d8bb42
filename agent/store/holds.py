"""Legal holds, beside the segments that they keep.

Rules: a hold says why, who decided, and when it ends by itself, at most a year after it was placed;
who needs it longer places another one, with a reason of its own. A lifted or ended hold stays in
the list as the record of why something outlived its deadline. Each change is one transaction and
on the disk when the call returns.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from agent.domain.retention import LegalHold
from agent.domain.segment import from_seconds, to_seconds
from agent.errors import PolicyError, PolicyWouldKeepForever, StoreError
from agent.store.database import refusals
from agent.store.tables import HOLDS

LONGEST_HOLD = timedelta(days=365)
LONGEST_TEXT = 500


class HoldStore:
    """The holds of one segments' database; get it from `SegmentStore.holds` or its reader."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._name = engine, name

    def place(self, hold: LegalHold) -> None:
        """Store a hold. Instants are kept in whole seconds.

        Raises:
            PolicyWouldKeepForever: it would last longer than a year.
            PolicyError: reason or approver is missing, or a time contradicts another.
            StoreError: there is a hold with this id already, or the database refuses.
        """
        check_hold(hold)
        row = {
            "id": hold.id,
            "zone": hold.zone,
            "since": to_seconds(hold.since),
            "until": to_seconds(hold.until),
            "reason": hold.reason,
            "approver": hold.approver,
            "placed_at": to_seconds(hold.placed_at),
            "expires_at": to_seconds(hold.expires_at),
        }
        with refusals(self._name):
            try:
                with self._engine.begin() as connection:
                    connection.execute(insert(HOLDS).values(row))
            except IntegrityError as error:
                raise StoreError(
                    "there is a hold with this id already", advice="Choose another id."
                ) from error

    def lift(self, id: str, at: datetime) -> None:  # noqa: A002 the port's name for it
        """End a hold now; what it kept goes with the next purge.

        Raises:
            StoreError: there is no such hold, it was lifted before, or the database refuses.
        """
        lifted = (
            update(HOLDS)
            .where(HOLDS.c.id == id, HOLDS.c.lifted_at.is_(None))
            .values(lifted_at=to_seconds(at))
        )
        with refusals(self._name), self._engine.begin() as connection:
            if connection.execute(lifted).rowcount == 0:
                raise StoreError(
                    "there is no such hold, or it was lifted before",
                    advice="Look at the list of holds for the right id.",
                )

    def active(self, now: datetime) -> list[LegalHold]:
        """Return the holds that are neither lifted nor ended at `now`, oldest first."""
        at = to_seconds(now)
        return self._read(HOLDS.c.lifted_at.is_(None), HOLDS.c.expires_at > at)

    def all(self) -> list[LegalHold]:
        """Return every hold there ever was, oldest first; a lifted one ends when it was lifted."""
        return self._read()

    def _read(self, *conditions: object) -> list[LegalHold]:
        query = select(HOLDS).order_by(HOLDS.c.placed_at, HOLDS.c.id)
        for condition in conditions:
            query = query.where(condition)  # type: ignore[arg-type]
        with refusals(self._name), self._engine.connect() as connection:
            return [_to_hold(row) for row in connection.execute(query)]


def check_hold(hold: LegalHold) -> None:
    """Refuse a hold that says too little or lasts too long. Raises as `HoldStore.place`."""
    if not hold.id or len(hold.id) > LONGEST_TEXT:
        raise PolicyError("a hold needs a short id", advice="Give it a name.")
    for name, words in (("a reason", hold.reason), ("an approver", hold.approver)):
        if not words.strip() or len(words) > LONGEST_TEXT:
            raise PolicyError(
                f"a hold needs {name}, at most {LONGEST_TEXT} characters",
                advice="Say why records must be kept and who decided it.",
            )
    if hold.since >= hold.until:
        raise PolicyError("a hold's period ends before it begins", advice="Correct the period.")
    if hold.since > hold.placed_at:
        raise PolicyError(
            "a hold is about a time that has begun, not about one to come",
            advice="Place it once there is something to keep; the policy says how long all lives.",
        )
    if hold.expires_at <= hold.placed_at:
        raise PolicyError("a hold ends before it begins", advice="Correct the hold's end.")
    if hold.expires_at - hold.placed_at > LONGEST_HOLD:
        raise PolicyWouldKeepForever(
            f"a hold lasts at most {LONGEST_HOLD.days} days",
            advice="Let it end earlier and place another one then, if it is still needed.",
        )


def _to_hold(row: Row[tuple[object, ...]]) -> LegalHold:
    end = row.expires_at if row.lifted_at is None else min(row.lifted_at, row.expires_at)
    return LegalHold(
        id=row.id,
        zone=row.zone,
        since=from_seconds(row.since),
        until=from_seconds(row.until),
        reason=row.reason,
        approver=row.approver,
        placed_at=from_seconds(row.placed_at),
        expires_at=from_seconds(end),
    )
