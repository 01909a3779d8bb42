"""The one cipher suite and the one binding of its context; both sides import them from here.

HPKE (RFC 9180, base mode, single shot) with the hybrid KEM of ML-KEM-768 and X25519, so that what
is recorded today stays shut if either of the two falls. Base mode doesn't authenticate the
sender: segments are signed besides.
"""

from __future__ import annotations

import struct
from datetime import datetime

from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from agent.domain.segment import to_seconds

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
SUITE_NAME = "MLKEM768_X25519+HKDF_SHA256+AES_256_GCM"
DATA_KEY_BYTES = 32
TAG_BYTES = 16
WRAPPED_BYTES = 1168
"""Encapsulated key (1088 + 32), sealed data key (32), tag (16)."""
MLKEM_PUBLIC_BYTES = 1184
X25519_BYTES = 32

_LABEL = b"omokage/bucket-key/1\0"


def bucket_context(
    *, key_id: bytes, zone: str, bucket_start: datetime, epoch: str, delete_by: datetime
) -> bytes:
    """Return the `info` that a bucket's key is sealed with: it opens nowhere else.

    Layout: label, key id (16), bucket start and `delete_by` (i64 each), then zone and epoch, each
    after its length in one byte.
    """
    return b"".join(
        (
            _LABEL,
            key_id,
            struct.pack(">qq", to_seconds(bucket_start), to_seconds(delete_by)),
            *(struct.pack(">B", len(raw)) + raw for raw in (zone.encode(), epoch.encode())),
        )
    )
