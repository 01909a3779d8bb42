"""What a person says about a few seconds of a track: the nouns of review.

The order is the point. A reviewer first codes *blind* what moves, from a drawn face; only then the
model's label is shown, and the reviewer says whether it stands. Both answers are kept, each as it
was given. A class names what a face looks like, never what somebody feels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from agent.domain.circumstance import OTHER, Circumstance
from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS

BODY_VERSION = 2
"""Of a review's bytes; 1 had no circumstances, and is read."""
DIGEST_PREFIX = "review:"
"""Stands before a review's digest among an access-log entry's objects."""
COMMITMENT_LABEL = b"omokage/review-reviewer/1\0"
_DIGEST_LABEL = b"omokage/review/1\0"


class Mark(StrEnum):
    """Whether an Action Unit was seen in a clip."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSEEN = "cannot-see"


class Verdict(StrEnum):
    """What becomes of the model's label."""

    ACCEPT = "accept"
    FIX = "fix"
    REJECT = "reject"
    CANNOT_TELL = "cannot-tell"
    NOT_CAPTURED = "should-not-have-been-captured"


class Why(StrEnum):
    """Why a clip was chosen. Only a random draw says how often the model is wrong."""

    RANDOM = "random"
    MARGIN = "low-margin"
    THRESHOLD = "near-threshold"
    QUALITY = "low-quality"


class Reason(StrEnum):
    """Why a label doesn't stand, or why nobody can tell."""

    MOVEMENT_MISSED = "movement-missed"
    MOVEMENT_WRONG = "movement-wrong"
    CLASS_WRONG = "class-wrong"
    TALKING = "talking"
    HEAD_TURNED = "head-turned"
    TRACK_JUMPED = "track-jumped"
    TOO_SHORT = "too-short"
    NOT_A_PERSON = "not-a-person"
    CHILD = "child"
    OUTSIDE_AREA = "outside-area"


@dataclass(frozen=True, slots=True, order=True)
class ClipId:
    """A clip's name: stable, since clips are cut from closed buckets in one way only.

    Attributes:
        bucket: key id of the bucket, 32 hex digits.
        track: of the visit within the bucket.
        start: steps of 0.1 s from the bucket's start.
    """

    bucket: str
    track: int
    start: int

    def __str__(self) -> str:
        """Return the name in one line."""
        return f"{self.bucket}/{self.track}/{self.start}"


@dataclass(frozen=True, slots=True)
class Clip:
    """A few seconds of one track.

    Attributes:
        id: its name.
        zone: of the camera.
        at: first instant, aware UTC.
        seconds: length, 3-10.
        frames: face-records in it.
        deadline: when its records must be gone, aware UTC.
    """

    id: ClipId
    zone: str
    at: datetime
    seconds: float
    frames: int
    deadline: datetime


@dataclass(frozen=True, slots=True)
class ModelView:
    """What the model said of a clip; the whole clip in some numbers, no course over time.

    Attributes:
        present: for each of the 19 AUs whether it was present long enough; None where not measured.
        held: for each AU the intensity 0-5 that it reached for long enough; None likewise.
        emotion: mean probabilities in the order of `EMOTIONS`; None where the head isn't loaded.
        quality: mean, 0-1.
    """

    present: tuple[bool | None, ...]
    held: tuple[float | None, ...]
    emotion: tuple[float, ...] | None
    quality: float

    @property
    def label(self) -> str | None:
        """Return the class with the largest probability; None without the head."""
        if self.emotion is None:
            return None
        return EMOTIONS[max(range(len(EMOTIONS)), key=self.emotion.__getitem__)]


@dataclass(frozen=True, slots=True)
class Coding:
    """What a person saw in a clip.

    Attributes:
        marks: for each of the 19 AUs, in the order of `AU_LABELS`.
        expression: one of `EMOTIONS`, or None for "cannot tell".
        reasons: why something could not be told.

    Raises:
        ValueError: the number of marks is wrong, or the class isn't one.
    """

    marks: tuple[Mark, ...]
    expression: str | None = None
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        if len(self.marks) != len(AU_LABELS):
            raise ValueError("a coding has one mark for each Action Unit")
        if self.expression is not None and self.expression not in EMOTIONS:
            raise ValueError("a coding's class isn't one")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a clip came to be reviewed.

    Attributes:
        why: the random draw, or what made it uncertain.
        probability: of being drawn, (0, 1]; None for a clip that was chosen for a reason.
        second: whether somebody else had coded it before (double coding).

    Raises:
        ValueError: a random clip without a probability, or the other way round.
    """

    why: Why
    probability: float | None
    second: bool = False

    def __post_init__(self) -> None:
        if (self.why is Why.RANDOM) != (self.probability is not None):
            raise ValueError("a random clip, and only that, has a probability of being drawn")
        if self.probability is not None and not 0 < self.probability <= 1:
            raise ValueError("a probability of being drawn lies in (0, 1]")


@dataclass(frozen=True, slots=True)
class Review:
    """One person's judgement of one clip.

    Attributes:
        at: when it was submitted, aware UTC.
        reviewer: account name; personal, erasable; "" once erased.
        clip: what was judged.
        coding: coded before the model's label was shown.
        verdict: after it was shown.
        reasons: of the verdict.
        final: what the reviewer says instead, where the verdict is "fix"; else None.
        model: what the model had said.
        models: names of the models.
        sampling: how the clip was chosen.
        circumstances: under which the face was seen, at most one half of each pair; nothing of a
            pair that isn't known, as in reviews that were written before they were noted.

    Raises:
        ValueError: a corrected coding without "fix", or "fix" without one; or a clip that is near
            and far at once.
    """

    at: datetime
    reviewer: str
    clip: Clip
    coding: Coding
    verdict: Verdict
    reasons: tuple[Reason, ...]
    final: Coding | None
    model: ModelView
    models: tuple[str, ...]
    sampling: Sampling
    circumstances: tuple[Circumstance, ...] = ()

    def __post_init__(self) -> None:
        halves = set(self.circumstances)
        if len(halves) < len(self.circumstances) or any(OTHER[one] in halves for one in halves):
            raise ValueError("a clip belongs to one half of a pair")
        if (self.verdict is Verdict.FIX) != (self.final is not None):
            raise ValueError("a corrected coding belongs to the verdict 'fix', and only to it")


@dataclass(frozen=True, slots=True)
class StoredReview:
    """A review as it lies in the store.

    Attributes:
        number: its row.
        review: what it says.
        digest: SHA-256 (hex) of `body`; the access log holds the same.
        delete_by: the last instant at which it may exist, aware UTC.
    """

    number: int
    review: Review
    digest: str
    delete_by: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """That somebody has coded a clip: all that the queue needs to know of a review."""

    clip: ClipId
    reviewer: str
    at: datetime
    why: Why


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip that may be reviewed.

    Attributes:
        clip: what it is.
        uncertainty: 0 (sure) to 1, by `why`.
        why: what made it uncertain most; never `RANDOM`.
        probability: with which a clip of its bucket is drawn at random, (0, 1].
    """

    clip: Clip
    uncertainty: float
    why: Why
    probability: float


@dataclass(frozen=True, slots=True)
class Task:
    """One clip for one reviewer to code, and how it was chosen."""

    clip: Clip
    sampling: Sampling


def body(review: Review, reviewer: str, delete_by: datetime) -> bytes:
    """Return a review's canonical bytes: one line of JSON, fixed order, no name in it.

    Args:
        review: what was said.
        reviewer: commitment to the account's name (64 hex digits), so that it can be erased.
        delete_by: its deadline.
    """
    clip, sampling, model = review.clip, review.sampling, review.model
    fields: dict[str, Any] = {
        "omokage-review": BODY_VERSION,
        "at": review.at.isoformat(),
        "reviewer": reviewer,
        "delete_by": delete_by.isoformat(),
        "clip": {
            "bucket": clip.id.bucket, "track": clip.id.track, "start": clip.id.start,
            "zone": clip.zone, "at": clip.at.isoformat(), "seconds": clip.seconds,
            "frames": clip.frames, "deadline": clip.deadline.isoformat(),
        },
        "coding": _coding(review.coding),
        "verdict": review.verdict.value,
        "reasons": [reason.value for reason in review.reasons],
        "final": None if review.final is None else _coding(review.final),
        "model": {
            "present": list(model.present), "held": list(model.held),
            "emotion": None if model.emotion is None else list(model.emotion),
            "quality": model.quality,
        },
        "models": list(review.models),
        "sampling": {
            "why": sampling.why.value, "probability": sampling.probability,
            "second": sampling.second,
        },
        "circumstances": [one.value for one in review.circumstances],
    }  # fmt: skip
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def digest(stored: bytes) -> str:
    """Return the digest of a review's canonical bytes, hex."""
    return hashlib.sha256(_DIGEST_LABEL + stored).hexdigest()


def read_body(stored: bytes, reviewer: str) -> tuple[Review, datetime]:
    """Return what `body` wrote, and its deadline.

    Args:
        stored: the bytes.
        reviewer: the account's name, "" once erased.

    Raises:
        ValueError: these aren't a review's bytes.
    """
    try:
        found: dict[str, Any] = json.loads(stored)
        clip, model, sampling = found["clip"], found["model"], found["sampling"]
        final = found["final"]
        # The first version knew no circumstances; a later one may mean something else by a word.
        if not 1 <= int(found["omokage-review"]) <= BODY_VERSION:
            raise ValueError("a newer Omokage wrote this review")
        review = Review(
            at=datetime.fromisoformat(found["at"]),
            reviewer=reviewer,
            clip=Clip(
                ClipId(str(clip["bucket"]), int(clip["track"]), int(clip["start"])),
                str(clip["zone"]),
                datetime.fromisoformat(clip["at"]),
                float(clip["seconds"]),
                int(clip["frames"]),
                datetime.fromisoformat(clip["deadline"]),
            ),
            coding=read_coding(found["coding"]),
            verdict=Verdict(found["verdict"]),
            reasons=tuple(Reason(reason) for reason in found["reasons"]),
            final=None if final is None else read_coding(final),
            model=ModelView(
                tuple(model["present"]),
                tuple(model["held"]),
                None if model["emotion"] is None else tuple(model["emotion"]),
                float(model["quality"]),
            ),
            models=tuple(found["models"]),
            sampling=Sampling(
                Why(sampling["why"]), sampling["probability"], bool(sampling["second"])
            ),
            circumstances=tuple(Circumstance(one) for one in found.get("circumstances") or ()),
        )
        return review, datetime.fromisoformat(found["delete_by"])
    except (AttributeError, KeyError, RecursionError, TypeError) as error:
        raise ValueError("a stored row isn't a review's") from error


def _coding(coding: Coding) -> dict[str, Any]:
    return {
        "marks": {label: mark.value for label, mark in zip(AU_LABELS, coding.marks, strict=True)},
        "expression": coding.expression,
        "reasons": [reason.value for reason in coding.reasons],
    }


def read_coding(found: Mapping[str, Any]) -> Coding:
    """Return a coding from plain values, as a browser or a stored row has them.

    Raises:
        ValueError: a mark is missing or unknown, or the class isn't one.
    """
    try:
        marks = tuple(Mark(found["marks"][label]) for label in AU_LABELS)
        expression = found.get("expression")
        reasons = tuple(Reason(reason) for reason in found.get("reasons") or ())
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("a coding isn't complete") from error
    if expression is not None and not isinstance(expression, str):
        raise ValueError("a coding's class isn't one")
    return Coding(marks, expression, reasons)


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How much work a week holds.

    Attributes:
        random_a_week: clips drawn at random that a week should bring.
        least_random: at least so many are expected of each new lot, so that none goes unwatched.
        uncertain_a_week: uncertain clips that are coded in seven days.
        double: share of all clips that a second person codes too.
        week: how long a week is.
    """

    random_a_week: int = 24
    least_random: int = 2
    uncertain_a_week: int = 16
    double: float = 0.1
    week: timedelta = field(default=timedelta(days=7))
