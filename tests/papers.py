"""A site's policy for tests of sentences and papers: every field is used."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from agent.config.policy_file import parse_policy
from agent.config.profiles import load_profile
from agent.domain.policy import Policy
from agent.domain.profile import Profile
from dashboard.documents.keyform import KeyFacts

ISSUED = date(2026, 11, 23)
HOSTILE = '<script>alert("1")</script> & #strong[x] *b* {0} "]'

FACTS = KeyFacts(
    site="おもかげ書店 駅前店",
    device="camera-1",
    fingerprint="08Y8-CW9Q-STKV-9525-8EB3",
    serial=3,
    persons=2,
    made_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
    first_epoch="2026-W48-dbf3de94",
    last_epoch="2027-W20-020e06df",
    epochs=26,
    valid_until=datetime(2027, 5, 24, tzinfo=UTC),
    extend_by=datetime(2027, 4, 26, tzinfo=UTC),
)

_SITE = """
[site]
name = "おもかげ書店 駅前店"
subjects = "{subjects}"
jurisdiction = "{jurisdiction}"
timezone = "Asia/Tokyo"
contact = "店長 山田 花子 00-0000-0000"
operator = "株式会社おもかげ書店"
notice_url = "https://shop.example/camera?a=1&b=2"
purpose = {{ en = "Plan staff.", ja = "人員配置に生かすため。" }}
[capture]
sampling_hz = 5
heads = {heads}
[[capture.zones]]
name = "till"
roster = 7
masks = [[[0, 0], [0.3, 0], [0.3, 0.4]]]
[[capture.zones]]
name = "door"
[capture.schedule]
windows = ["mon-fri 09:00-20:00", "sat 22:30-02:00"]
closed = [2026-12-31, 2027-01-01]
[retention]
records = "48h"
aggregates = "91d"
daily = "729d"
access_log = "731d"
flush = "7s"
[release]
bucket = "20m"
k = 6
bound = "peak"
[evidence]
{evidence}
"""


def shop(
    subjects: str = "customers",
    jurisdiction: str = "jp",
    heads: str = '["au"]',
    evidence: str = "",
) -> tuple[Policy, Profile]:
    """Return a policy and its profile."""
    text = _SITE.format(
        subjects=subjects, jurisdiction=jurisdiction, heads=heads, evidence=evidence
    )
    policy = parse_policy(text.encode(), "shop.toml")
    return policy, load_profile(jurisdiction)


def european(**changes: Any) -> tuple[Policy, Profile]:
    """Return a European site that computes expression categories of customers."""
    evidence = 'dpia = "DPIA 7, safe"\nemotion-notice = "the notice at the door"'
    return shop(jurisdiction="eu", heads='["au", "gaze", "emotion"]', evidence=evidence, **changes)
