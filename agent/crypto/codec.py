"""From records to the bytes that are sealed, and back.

Layout, the same in schemas 1 and 2: records in track order, their bytes transposed to columns, each
column as differences (mod 256) along time, then raw deflate, then zeros up to a multiple of
`GRAIN_BYTES`. Faces move little in 0.1 s, so most differences are 0. The length of compressed data
tells how lively a face was; the padding blurs that for the short flushes. What it doesn't hide is
the length itself: over an hour's closing segment liveliness is an average of everybody who was
there, and it can be read off within 64 bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agent.domain.record import RECORD_DTYPE, Batch, reordered
from agent.domain.segment import MAX_RECORDS
from agent.errors import SegmentTampered, SegmentTruncated

GRAIN_BYTES = 64
_WIDTH = RECORD_DTYPE.itemsize


def encode(batch: Batch) -> bytes:
    """Return the padded payload of a batch.

    Args:
        batch: `RECORD_DTYPE` (N,), 1 to `MAX_RECORDS` records, in time order.

    Raises:
        ValueError: the batch is empty or too long.
    """
    if not 0 < len(batch) <= MAX_RECORDS:
        raise ValueError(f"a segment holds 1-{MAX_RECORDS} records")
    by_track = reordered(batch, np.argsort(batch["track"], kind="stable"))
    columns = by_track.view(np.uint8).reshape(len(batch), _WIDTH).T
    steps = np.diff(columns, axis=1, prepend=np.uint8(0))
    # Level 9 would save a few percent more and take ten times as long: half a second for a busy
    # hour, during which nobody looks at the camera. Filtered suits many small numbers.
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_FILTERED)
    payload = deflate.compress(steps.tobytes()) + deflate.flush()
    return payload + bytes(-len(payload) % GRAIN_BYTES)


def decode(payloads: Sequence[bytes], counts: Sequence[int]) -> Batch:
    """Return the records of one or more payloads together, ordered by time, then by track.

    All are decoded in one pass over one matrix, so short segments cost little more than long ones.
    Never allocates more than `counts` need, whatever a payload claims to hold.

    Args:
        payloads: each as `encode` makes it.
        counts: of each payload's records, from its authenticated header.

    Raises:
        SegmentTruncated: a payload ends before its count of records.
        SegmentTampered: it holds more, isn't deflate, or its padding isn't zeros.
    """
    parts = [
        np.frombuffer(_inflate(payload, count * _WIDTH), np.uint8).reshape(_WIDTH, count)
        for payload, count in zip(payloads, counts, strict=True)
    ]
    steps = np.concatenate(parts, axis=1)
    starts = np.cumsum([0, *counts[:-1]])
    # Each part counts from 0: what the part before it added up to is taken off at the seam.
    sums = np.add.reduceat(steps, starts, axis=1, dtype=np.uint8)
    steps[:, starts[1:]] -= sums[:, :-1]
    _add_up(steps)
    batch = np.ascontiguousarray(steps.T).view(RECORD_DTYPE).reshape(-1)
    return reordered(batch, in_time_order(batch))


def in_time_order(batch: Batch) -> npt.NDArray[np.intp]:
    """Return the positions that order a batch by offset, then by track; ties keep their order."""
    key = (batch["offset"].astype(np.uint32) << np.uint32(16)) | batch["track"]
    return np.argsort(key, kind="stable")


def _add_up(steps: npt.NDArray[np.uint8]) -> None:
    """Turn each row into its running sum, mod 256, in place.

    By doubling: after round i each number is the sum of the last 2^i steps. That is more additions
    than one after the other, but they don't wait for each other: four times faster.
    """
    reach = 1
    while reach < steps.shape[1]:
        steps[:, reach:] += steps[:, :-reach]  # numpy notices the overlap and copies
        reach *= 2


def _inflate(payload: bytes, size: int) -> bytes:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than expected is enough to notice a payload that unpacks to too much.
        raw = inflate.decompress(payload, size + 1)
    except zlib.error as error:
        raise SegmentTampered("a segment's payload isn't readable") from error
    if len(raw) > size:
        raise SegmentTampered("a segment holds more records than its header says")
    if len(raw) < size or not inflate.eof:
        raise SegmentTruncated("a segment holds fewer records than its header says")
    padding = inflate.unused_data
    if len(padding) >= GRAIN_BYTES or any(padding):
        raise SegmentTampered("a segment's padding isn't empty")
    return raw
