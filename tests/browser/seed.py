"""Fill a site with plausible released numbers: invented faces through the real window and rules."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.aggregate.suppress import release
from agent.aggregate.window import BucketSummary, BucketWindow
from agent.config.policy_file import parse_policy
from agent.config.site import Site
from agent.domain.facs import AU_LABELS, SIDE_INDEX
from agent.domain.frame import FrameStatus
from agent.domain.policy import Policy, Zone
from agent.domain.record import FeatureRecord
from agent.store.aggregates import AggregateWriter

DEMO = Path(__file__).parents[2] / "policies" / "demo.toml"
MODELS = ("face_detector 0.3", "face_encoder 0.3", "emotion_head 0.2")
_USUAL = dict(zip(AU_LABELS, (
    .12, .10, .22, .05, .28, .14, .02, .06, .36, .11, .05, .13, .03, .08, .07, .41, .17, .02, .09,
), strict=True))  # fmt: skip


def policy(zones: tuple[str, ...] = ("entrance",), bucket_seconds: int = 30) -> Policy:
    """Return the demo's rules with other zones and another bucket."""
    rules = parse_policy(DEMO.read_bytes(), DEMO.name)
    return replace(
        rules,
        zones=tuple(Zone(name, None, None) for name in zones),
        release=replace(rules.release, bucket=timedelta(seconds=bucket_seconds)),
    )


def record(track: int, lift: float, dice: random.Random) -> FeatureRecord:
    """Invent one face-record; `lift` above 0 makes smiles and parted lips more frequent."""
    presence = 0
    sides = [0] * 32
    for i, label in enumerate(AU_LABELS):
        chance = _USUAL[label] + (lift * 0.3 if label in {"AU06", "AU12", "AU25"} else 0)
        strength = dice.randint(0, 3)
        if dice.random() < chance + 0.08 * math.sin(track * (i + 1)):
            presence |= 1 << i
            strength = dice.randint(5, 18)
        for side in SIDE_INDEX[i]:
            sides[side] = strength
    smile = max(2, min(60, round(16 + 60 * lift + 8 * math.sin(track))))
    rest = [smile, 6, 5, 4, 2, 1, 2]
    return FeatureRecord(
        offset=0,
        track=track,
        au_sides=tuple(sides),
        presence=presence,
        emotion=(100 - sum(rest), *rest),
        pose=(dice.randint(-4, 4), dice.randint(-9, 9), 0),
        gaze=(0, 0),
        quality=16,
        calibrated=1,
    )


def bucket(
    zone: str, start: datetime, seconds: int, *, faces: int, lift: float, dice: random.Random
) -> BucketSummary:
    """Invent a bucket in which `faces` persons pass; some time is empty, dark or paused."""
    window = BucketWindow(zone, start, seconds)
    busy = 0.0 if faces == 0 else min(0.9, 0.25 + 0.12 * faces)
    dark = 0.02 + 0.06 * dice.random()
    window.tick(FrameStatus.OK, faces, seconds * busy)
    window.tick(FrameStatus.TOO_DARK, 0, seconds * dark * (1 - busy))
    window.tick(FrameStatus.BLURRED, 0, seconds * 0.04 * (1 - busy))
    window.tick(FrameStatus.NO_FACE, 0, seconds * (1 - busy) * (0.96 - dark))
    window.dropped(dice.randint(0, 2))
    for track in range(faces):
        for _ in range(dice.randint(20, 45)):
            window.add(record(track, lift, dice))
    return window.summary()


def _at_noon(written: str, until: datetime) -> str:
    """Move a policy to a time zone where it is about noon.

    Pages tell of the day so far. Shortly after the site's midnight there is none, and a test that
    looks for it would fail for some minutes of each day.
    """
    ahead = 12 - until.astimezone(UTC).hour
    moved = written.replace('timezone = "Asia/Tokyo"', f'timezone = "Etc/GMT{-ahead:+d}"')
    assert moved != written
    return moved


def fill(
    root: Path,
    *,
    until: datetime,
    buckets: int = 60,
    seconds: int = 30,
    zones: tuple[str, ...] = ("entrance",),
    crowd: int = 5,
) -> Site:
    """Write a site of `buckets` released buckets that end at `until`, and return it."""
    site = Site(root)
    root.mkdir(parents=True, exist_ok=True)
    site.policy.write_text(_at_noon(DEMO.read_text("utf-8"), until), "utf-8")
    rules = policy(zones, seconds)
    dice = random.Random(7)
    last = int(until.timestamp()) // seconds * seconds
    writer = AggregateWriter(site.aggregates)
    for index in range(buckets):
        if buckets > 30 and index in {20, 21}:
            continue  # the agent was down
        start = datetime.fromtimestamp(last - (buckets - index) * seconds, UTC)
        wave = math.sin(index / buckets * 2 * math.pi)
        summaries = [
            bucket(
                zone,
                start,
                seconds,
                faces=max(
                    0, round(crowd * (0.65 + 0.35 * wave) + dice.uniform(-1.5, 1.5)) - number
                ),
                lift=0.35 * wave,
                dice=dice,
            )
            for number, zone in enumerate(zones)
        ]
        writer.release(release(summaries, rules, models=MODELS))
    writer.close()
    return site
