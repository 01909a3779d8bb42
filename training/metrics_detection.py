"""The metrics of `agent.evaluation.detections` under their old name: written once."""

from __future__ import annotations

from agent.evaluation.detections import (
    MIN_IOU,
    Counts,
    Picture,
    average_precision,
    best_threshold,
    counted,
    counts,
    curve,
    interval,
    overlaps,
    recall_at,
    total,
    verdicts,
)

__all__ = [
    "MIN_IOU",
    "Counts",
    "Picture",
    "average_precision",
    "best_threshold",
    "counted",
    "counts",
    "curve",
    "interval",
    "overlaps",
    "recall_at",
    "total",
    "verdicts",
]
