"""Released numbers as a file: CSV and Parquet. Pure.

Only rows that are released go out, in full: a hidden row keeps its reason and has no number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from agent.domain.aggregate import Aggregate
from agent.domain.daily import DailyAggregate

COLUMNS = (
    "zone", "start", "seconds", "metric", "unit", "value", "standard_error", "samples", "tracks",
    "persons", "buckets_shown", "buckets", "hidden", "reason", "k", "policy", "models",
)  # fmt: skip


def bucket_rows(rows: Iterable[Aggregate]) -> list[dict[str, Any]]:
    """Return buckets' rows as cells of a table."""
    return [
        {
            "zone": row.zone,
            "start": row.bucket_start.isoformat(),
            "seconds": row.bucket_seconds,
            **_number(row),
            "buckets_shown": int(not row.suppressed),
            "buckets": 1,
            "hidden": row.suppressed,
            "policy": row.policy,
        }
        for row in rows
    ]


def day_rows(rows: Iterable[DailyAggregate]) -> list[dict[str, Any]]:
    """Return days' rows as cells of a table."""
    return [
        {
            "zone": row.zone,
            "start": row.day.start.isoformat(),
            "seconds": row.day.seconds,
            **_number(row),
            "buckets_shown": row.shown,
            "buckets": row.cells,
            "hidden": row.shown == 0,
            "policy": " ".join(row.policies),
        }
        for row in rows
    ]


def _number(row: Aggregate | DailyAggregate) -> dict[str, Any]:
    return {
        "metric": row.metric,
        "unit": row.unit,
        "value": row.value,
        "standard_error": row.standard_error,
        "samples": row.samples,
        "tracks": row.tracks,
        "persons": row.persons,
        "reason": row.reason.value if row.reason else None,
        "k": row.k,
        "models": "; ".join(row.models),
    }


def to_csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return CSV in UTF-8 with a byte-order mark, so that Excel reads Japanese names.

    A text that a spreadsheet would run as a formula is written with an apostrophe before it.
    """
    made = io.StringIO(newline="")
    writer = csv.DictWriter(made, COLUMNS)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _safe(row[name]) for name in COLUMNS})
    return made.getvalue().encode("utf-8-sig")


def _safe(value: object) -> object:
    risky = isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}
    return f"'{value}" if risky else value


def to_parquet(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return Parquet with a typed column for each of `COLUMNS`."""
    import pyarrow as pa  # noqa: PLC0415  (heavy, and only needed here)
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {
        "seconds": pa.int32(), "value": pa.float64(), "standard_error": pa.float64(),
        "samples": pa.int64(), "tracks": pa.int64(), "persons": pa.int64(),
        "buckets_shown": pa.int32(), "buckets": pa.int32(), "hidden": pa.bool_(), "k": pa.int32(),
    }  # fmt: skip
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    made = io.BytesIO()
    parquet.write_table(table, made, compression="zstd")
    return made.getvalue()
