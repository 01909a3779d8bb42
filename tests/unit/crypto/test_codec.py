"""The payload unpacks to what was packed, and to nothing larger."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from agent.crypto.codec import GRAIN_BYTES, decode, encode, in_time_order
from agent.domain.record import RECORD_DTYPE, from_batch, to_batch
from agent.domain.segment import MAX_RECORDS
from agent.errors import SegmentTampered, SegmentTruncated
from tests.sealing import records


def deflated(raw: bytes) -> bytes:
    """Return padded raw deflate of any bytes, as only a forger would make it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = deflate.compress(raw) + deflate.flush()
    return payload + bytes(-len(payload) % GRAIN_BYTES)


def test_records_come_back_in_time_order() -> None:
    """Encoding sorts by track and decoding undoes it."""
    batch = to_batch(records(101))

    again = decode([encode(batch)], [101])

    assert np.array_equal(batch[in_time_order(batch)], again)


def test_records_from_before_scenes_were_noted_are_read() -> None:
    """The byte was the empty last one of a longer presence: the same bits, and nothing known."""
    before = np.dtype([
        ("offset", "<u2"), ("track", "<u2"), ("au_sides", "u1", (32,)), ("presence", "<u4"),
        ("emotion", "u1", (8,)), ("pose", "i1", (3,)), ("gaze", "i1", (2,)), ("quality", "u1"),
        ("calibrated", "u1"),
    ])  # fmt: skip
    old = np.zeros(3, before)
    old["presence"] = (1, 1 << 18, (1 << 19) - 1)
    again = from_batch(decode([encode(old.view(RECORD_DTYPE))], [3]))

    assert before.itemsize == RECORD_DTYPE.itemsize
    assert [record.presence for record in again] == [1, 1 << 18, (1 << 19) - 1]
    assert [record.scene for record in again] == [0, 0, 0]


def test_several_payloads_are_decoded_as_one() -> None:
    """Decoding segments together gives what decoding them one by one gives."""
    parts = [to_batch(records(n, seed=n)) for n in (1, 50, 3, 2, 77)]

    together = decode([encode(p) for p in parts], [len(p) for p in parts])

    alone = np.concatenate([decode([encode(p)], [len(p)]) for p in parts])
    assert np.array_equal(alone[in_time_order(alone)], together)


def test_the_length_tells_only_its_grain() -> None:
    """Payloads end on multiples of the grain, however still or lively the face was."""
    still = to_batch([records(1)[0]] * 50)

    lengths = {len(encode(still)), len(encode(to_batch(records(50))))}

    assert {0} == {length % GRAIN_BYTES for length in lengths}


@pytest.mark.parametrize("count", [0, MAX_RECORDS + 1])
def test_no_records_and_too_many_are_refused(count: int) -> None:
    """A segment that no reader would accept isn't made."""
    with pytest.raises(ValueError, match="holds"):
        encode(np.zeros(count, RECORD_DTYPE))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """A payload of 8 MiB of zeros for one record is refused at 56 bytes."""
    with pytest.raises(SegmentTampered, match="more records"):
        decode([deflated(bytes(1 << 23))], [1])


@pytest.mark.parametrize("change", [-1, 1])
def test_another_count_than_the_headers_is_refused(change: int) -> None:
    """One record too few or too many is noticed."""
    payload = encode(to_batch(records(50)))

    with pytest.raises((SegmentTampered, SegmentTruncated)):
        decode([payload], [50 + change])


def test_a_cut_payload_is_truncated() -> None:
    """A payload that stops in the middle says so."""
    payload = encode(to_batch(records(50)))

    with pytest.raises(SegmentTruncated):
        decode([payload[: len(payload) // 2]], [50])


def test_bytes_that_are_not_deflate_are_refused() -> None:
    """Noise is refused with an error of the store's own."""
    with pytest.raises(SegmentTampered, match="readable"):
        decode([b"\xff" * 128], [2])


@pytest.mark.parametrize("tail", [b"\x01", bytes(GRAIN_BYTES)])
def test_nothing_travels_in_the_padding(tail: bytes) -> None:
    """Padding that isn't zeros, or is longer than a grain, is refused."""
    payload = encode(to_batch(records(50)))

    with pytest.raises(SegmentTampered, match="padding"):
        decode([payload + tail], [50])
