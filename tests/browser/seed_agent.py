"""What an agent leaves beside its numbers: health file, sealed records, access log; for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.checkpoints import Device, sign_log
from agent.domain.access import AccessEvent, Action, Decision, Role
from agent.domain.retention import LegalHold
from agent.store.access_log import AccessLog
from agent.store.segments import SegmentStore
from tests import sealing

if TYPE_CHECKING:
    from agent.config.site import Site

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VERIFY_KEY = SIGNER.public_key().public_bytes_raw()
DEVICE = Device(SIGNER, (VERIFY_KEY,))


def report(now: datetime, digest: str, **changes: Any) -> dict[str, Any]:
    """Return the health of an agent with which all is well; a change of None takes a key out."""
    zones = ("entrance", "checkout")
    whole: dict[str, Any] = {
        "state": "running",
        "written_at": now.isoformat(),
        "site": "Example shop",
        "demo": False,
        "policy": digest,
        "models": ["face_detector 0.3", "face_encoder 0.3"],
        "zones": {"entrance": "ok", "checkout": "no_face"},
        "zone_seconds": dict.fromkeys(zones, 240),
        "frames_per_second": {"entrance": 5.0, "checkout": 4.9},
        "sampling_hz": 5,
        "capture": {"allowed": True, "reason": "open", "next_change": None},
        "keys_until": (now + timedelta(days=92)).isoformat(),
        "keys_days": 92,
        "keys_fingerprint": "abcd",
        "hardening_missing": [],
        "retention": {
            "at": now.isoformat(),
            "overdue_records": 0,
            "overdue_numbers": 0,
            "waiting_rows": 0,
            "stop": None,
            "doubt": None,
            "erased": True,
            "held_records": 0,
            "next_due": (now + timedelta(hours=7)).isoformat(),
        },
        "ticks": {zone: {"ok": 5000, "no_face": 9000} for zone in zones},
        "faces": 7000,
        "dropped_frames": dict.fromkeys(zones, 12),
        "stored_records": 15321,
        "lost_records": 0,
        "persisting": True,
        "trouble": "",
        "last_commit": (now - timedelta(seconds=4)).isoformat(),
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def write_report(site: Site, found: dict[str, Any]) -> None:
    """Put a health file in place."""
    site.status.parent.mkdir(parents=True, exist_ok=True)
    site.status.write_text(json.dumps(found), "utf-8")


def seal(site: Site, now: datetime, hours: int = 6, zones: tuple[str, ...] = ("entrance",)) -> None:
    """Store an hour's sealed records for each of the last hours."""
    site.segments.parent.mkdir(parents=True, exist_ok=True)
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
    with SegmentStore(site.segments) as store:
        for zone in zones:
            for hour in range(hours):
                key, parts = sealing.closed_bucket(1, zone=zone, start=first + hour * HOUR)
                store.close_bucket(key, parts)


HOUR = timedelta(hours=1)


def hold(site: Site, now: datetime) -> None:
    """Place a legal hold on the last day."""
    with SegmentStore(site.segments) as store:
        store.holds.place(
            LegalHold(
                id="H1", zone=None, since=now - timedelta(days=1), until=now,
                reason="an accident at the till", approver="M. Sato", placed_at=now - HOUR,
                expires_at=now + timedelta(days=30),
            )
        )  # fmt: skip


def log(site: Site, now: datetime, digest: str = "ab" * 32) -> None:
    """Write three days of an access log and sign it."""
    book = AccessLog(site.access_log)
    for event in _events(now, digest):
        book.record(event)
    book.close()
    sign_log(site.access_log, DEVICE, now - timedelta(minutes=50))


def _events(now: datetime, digest: str) -> list[AccessEvent]:
    about = (f"policy:{digest[:16]}",)
    agent = ("omokage-agent", Role.AGENT)
    mori = ("mori", Role.REVIEWER)
    events = [
        AccessEvent(now - 70 * HOUR, "sato", Role.OPERATOR, Action.KEYS_CREATED, "at set-up"),
        AccessEvent(
            now - 69 * HOUR, "sato", Role.OPERATOR, Action.POLICY_APPLIED, "retention",
            objects=about,
        ),
        AccessEvent(
            now - 69 * HOUR, *agent, Action.STARTED, objects=(*about, "profile:jp:1234"),
            counts={"zones": 2},
        ),
    ]  # fmt: skip
    for hour in range(60, 0, -6):
        number = f"receipt:{hour:016x}"
        names = tuple(f"entrance/{part}" for part in range(5))
        at = now - hour * HOUR
        counts = {"records_holdings": 5, "records_rows": 1212, "past_deadline": 5}
        gone = {"keys": 5, "segments": 5, "files": 0, "log_emptied": 1}
        events += [
            AccessEvent(at, *agent, Action.PURGED, "due", (*about, number, *names), counts=counts),
            AccessEvent(at, *agent, Action.PURGED, "done", (*about, number), counts=gone),
        ]
    events += [
        AccessEvent(
            now - 30 * HOUR, *mori, Action.UNLOCKED, "weekly review", ("epoch:2026-w47",),
            Decision.REFUSED,
        ),
        AccessEvent(now - 30 * HOUR, *mori, Action.UNLOCKED, "weekly review", ("epoch:2026-w47",)),
        AccessEvent(
            now - 29 * HOUR, *mori, Action.REVIEWED, "weekly review",
            tuple(f"entrance/{n}" for n in range(12)), counts={"segments": 12},
        ),
        AccessEvent(
            now - HOUR, "sato", Role.OPERATOR, Action.HOLD_PLACED, "legal hold", ("hold:H1",),
            note="an accident at the till",
        ),
    ]  # fmt: skip
    return sorted(events, key=lambda event: event.at)


def present() -> datetime:
    """Return the present; pages compare with the machine's clock."""
    return datetime.now(UTC)
