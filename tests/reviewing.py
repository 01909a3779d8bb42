"""A site with sealed records that a reviewer can open, and invented reviews; for tests."""

from __future__ import annotations

import math
import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.seal import Sealer
from agent.crypto.vault import CHEAPEST
from agent.domain.facs import AU_LABELS, SIDE_INDEX
from agent.domain.record import FeatureRecord
from agent.domain.review import (
    Clip,
    ClipId,
    Coding,
    Mark,
    ModelView,
    Review,
    Sampling,
    Verdict,
    Why,
)
from agent.domain.segment import delete_by
from agent.store.segments import SegmentStore

PASSPHRASE = "correct horse battery"
BUCKET = timedelta(minutes=10)
MODELS = ("face_encoder@0123abcd", "emotion_head@89ef0123")
DEMO = Path(__file__).parents[1] / "policies" / "demo.toml"
ALL_ABSENT = (Mark.ABSENT,) * len(AU_LABELS)


def course(
    track: int, seconds: float, *, begin: float = 0.0, hertz: float = 5.0, seed: int = 0
) -> list[FeatureRecord]:
    """Return one face that moves smoothly, for so long."""
    dice = random.Random(seed * 1000 + track)
    phases = [dice.uniform(0, 6.3) for _ in AU_LABELS]
    size = [dice.choice((2, 5, 6, 14)) for _ in AU_LABELS]
    found = []
    for step in range(int(seconds * hertz)):
        at = step / hertz
        sides, presence = [0] * 32, 0
        for unit, index in enumerate(SIDE_INDEX):
            level = max(0, round(size[unit] * math.sin(at * 0.9 + phases[unit])))
            presence |= (level >= 5) << unit
            for side in index:
                sides[side] = level
        smile = max(2, sides[16] * 5)
        found.append(
            FeatureRecord(
                offset=round((begin + at) * 10),
                track=track,
                au_sides=tuple(sides),
                presence=presence,
                emotion=(max(0, 88 - smile), min(88, smile), 4, 2, 2, 2, 1, 1),
                pose=(1, round(3 * math.sin(at)), 0),
                gaze=(round(2 * math.sin(at)), 0),
                quality=16,
                calibrated=1,
                scene=1,
            )
        )
    return found


def site(
    root: Path,
    now: datetime,
    *,
    buckets: int = 2,
    persons: int = 1,
    lots: list[list[FeatureRecord]] | None = None,
) -> Site:
    """Write a site with keys and closed buckets that ended before `now`.

    Args:
        root: its folder.
        now: aware UTC.
        buckets: how many, of ten minutes.
        persons: how many passphrases the vault needs.
        lots: each bucket's records; invented faces if None.
    """
    place = Site(root)
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(DEMO, place.policy)
    keys = create_epochs(
        now - timedelta(days=1), weeks=3, passphrase=PASSPHRASE, device_id="camera-1",
        profile=CHEAPEST,
    )  # fmt: skip
    write_keys(place, keys)
    place.segments.parent.mkdir(mode=0o700, exist_ok=True)
    sealer = Sealer(keys.public, load_pem_private_key(keys.device_pem, password=None))
    policy = load_policy(place.policy)
    begin = datetime.fromtimestamp(int(now.timestamp()) // 600 * 600 - buckets * 600, tz=now.tzinfo)
    with SegmentStore(place.segments) as store:
        for number in range(buckets):
            start = begin + number * BUCKET
            seconds = int(BUCKET.total_seconds())
            writer = sealer.open_bucket(
                "entrance", start, seconds,
                delete_by=delete_by(start, seconds, timedelta(hours=72)),
                policy_digest=policy.digest, models=MODELS, now=start,
                previous=store.last_link("entrance"),
            )  # fmt: skip
            mine = lots[number] if lots else [
                record
                for track in range(3)
                for record in course(track, 14.0, begin=track * 15.0, seed=number)
            ]  # fmt: skip
            writer.seal(sorted(mine, key=lambda r: (r.offset, r.track)))
            store.close_bucket(writer.sealed_key, writer.finish())
    return place


def clip(number: int = 0, *, at: datetime, bucket: str = "ab" * 16) -> Clip:
    """Return a clip of five seconds."""
    return Clip(ClipId(bucket, number, 0), "entrance", at, 5.0, 25, at + timedelta(hours=72))


def view(present: frozenset[str] = frozenset(), top: str = "neutral", p: float = 0.8) -> ModelView:
    """Return what a model said that saw these AUs and this class."""
    from agent.domain.observation import EMOTIONS

    rest = (1 - p) / 7
    return ModelView(
        tuple(label in present for label in AU_LABELS),
        tuple(2.0 if label in present else 0.2 for label in AU_LABELS),
        tuple(p if name == top else rest for name in EMOTIONS),
        0.8,
    )


def coding(present: frozenset[str] = frozenset(), expression: str | None = "neutral") -> Coding:
    """Return what somebody coded who saw these AUs and this class."""
    marks = tuple(Mark.PRESENT if label in present else Mark.ABSENT for label in AU_LABELS)
    return Coding(marks, expression)


def review(  # noqa: PLR0913  (one argument a fact)
    number: int = 0,
    *,
    at: datetime,
    reviewer: str = "sato",
    verdict: Verdict = Verdict.ACCEPT,
    coded: Coding | None = None,
    model: ModelView | None = None,
    sampling: Sampling | None = None,
    bucket: str = "ab" * 16,
) -> Review:
    """Return a review; by default of a random clip that was accepted."""
    said = coded or coding()
    return Review(
        at=at,
        reviewer=reviewer,
        clip=clip(number, at=at - timedelta(hours=1), bucket=bucket),
        coding=said,
        verdict=verdict,
        reasons=(),
        final=said if verdict is Verdict.FIX else None,
        model=model or view(),
        models=MODELS,
        sampling=sampling or Sampling(Why.RANDOM, 0.25),
    )
