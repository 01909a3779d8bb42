"""Every test vector ends as its file says, read from the file alone."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from agent import errors
from agent.crypto.chain import Finding, verify_zone
from agent.crypto.open import Opener
from agent.domain.segment import Closing, SealedBucketKey, SealedSegment, SegmentHeader

FOLDER = Path(__file__).parents[2] / "vectors" / "segments"
FILES = sorted(FOLDER.glob("*.json"))
PAGE = Path(__file__).parents[3] / "docs" / "segment-format.md"


def read(file: Path) -> dict[str, Any]:
    """Return a case."""
    return json.loads(file.read_text("utf-8"))


def to_segment(raw: dict[str, Any]) -> SealedSegment:
    """Return a segment as it stands in a file."""
    fields = dict(raw["header"])
    closing = fields.pop("closing")
    header = SegmentHeader(
        **{
            **fields,
            "bucket_start": datetime.fromisoformat(fields["bucket_start"]),
            "delete_by": datetime.fromisoformat(fields["delete_by"]),
            "models": tuple(fields["models"]),
            "key_id": bytes.fromhex(fields["key_id"]),
        },
        closing=closing and Closing(**closing),
    )
    parts = ("nonce", "ciphertext", "previous", "signature")
    return SealedSegment(header, *(bytes.fromhex(raw[part]) for part in parts))


def to_key(raw: dict[str, Any]) -> SealedBucketKey:
    """Return a bucket's key as it stands in a file."""
    return SealedBucketKey(
        bytes.fromhex(raw["key_id"]),
        raw["epoch"],
        bytes.fromhex(raw["wrapped"]),
        datetime.fromisoformat(raw["delete_by"]),
    )


def verify_key(case: dict[str, Any]) -> Ed25519PublicKey:
    """Return the device's verification key."""
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(case["verify_key"]))


def open_case(case: dict[str, Any]) -> list[str]:
    """Open the bucket of a case; return its records."""
    epochs = {
        name: MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(halves["mlkem768_seed"])),
            X25519PrivateKey.from_private_bytes(bytes.fromhex(halves["x25519"])),
        )
        for name, halves in case["epochs"].items()
    }
    (bucket,) = case["buckets"]
    batch = Opener(epochs).open_bucket(
        [to_segment(raw) for raw in bucket["segments"]],
        to_key(bucket["sealed_key"]),
        verify_key(case),
        now=datetime.fromisoformat(case["now"]),
        deadline=case["deadline"] and datetime.fromisoformat(case["deadline"]),
        held=case["held"],
    )
    return [row.tobytes().hex() for row in batch]


OPENED = [file for file in FILES if read(file)["expect"] == "opens"]
REFUSED = [file for file in FILES if read(file)["task"] == "open" and file not in OPENED]
CHECKED = [file for file in FILES if read(file)["task"] == "verify"]


@pytest.mark.parametrize("file", OPENED, ids=lambda file: file.stem)
def test_a_good_bucket_gives_its_records(file: Path) -> None:
    """What is whole opens, to exactly these records."""
    case = read(file)

    assert case["records"] == open_case(case)


@pytest.mark.parametrize("file", REFUSED, ids=lambda file: file.stem)
def test_a_bad_bucket_is_refused_as_its_file_says(file: Path) -> None:
    """The class of the refusal is the one that is named, not a kind of it."""
    case = read(file)

    with pytest.raises(errors.SealError) as caught:
        open_case(case)
    assert type(caught.value) is getattr(errors, case["expect"])


@pytest.mark.parametrize("file", CHECKED, ids=lambda file: file.stem)
def test_a_zone_is_judged_as_its_file_says(file: Path) -> None:
    """Without any secret key, what is wrong between buckets is found."""
    case = read(file)
    buckets = [[to_segment(raw) for raw in bucket["segments"]] for bucket in case["buckets"]]

    found = verify_zone(
        buckets,
        verify_key(case),
        now=datetime.fromisoformat(case["now"]),
        end=case["end"] and bytes.fromhex(case["end"]),
    )

    assert [Finding(kind) for kind in case["expect"]] == [finding.kind for finding in found]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_canonical_header_is_as_written(file: Path) -> None:
    """The bytes that are authenticated are those in the file."""
    for bucket in read(file)["buckets"]:
        for raw in bucket["segments"]:
            assert raw["header_bytes"] == to_segment(raw).header.to_bytes().hex()


def test_every_way_to_fail_has_a_vector() -> None:
    """Each refusal of opening and each finding of checking is some file's expectation."""
    refusals = {read(file)["expect"] for file in REFUSED}
    findings = {kind for file in CHECKED for kind in read(file)["expect"]}

    assert refusals == {
        "SealError", "SegmentExpired", "SegmentTampered", "SegmentTruncated", "UnknownKey",
    }  # fmt: skip
    assert findings == {
        "end-missing", "fork", "gap", "tampered", "unclosed",
    }  # fmt: skip
    assert len(REFUSED) > len(OPENED)


def test_the_page_names_every_vector() -> None:
    """The format's page lists each file with what it must end with."""
    page = PAGE.read_text("utf-8")

    missing = [file.stem for file in FILES if f"`{file.stem}`" not in page]

    assert missing == []


def test_the_script_makes_these_cases() -> None:
    """The generator still makes the same cases with the same expectations."""
    from tests.vectors.make_segments import main

    made: dict[str, Any] = {}
    main(lambda name, case: made.update({name: case["expect"]}))

    assert made == {file.stem: read(file)["expect"] for file in FILES}
