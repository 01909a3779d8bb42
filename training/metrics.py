"""The metrics of `agent.evaluation.metrics` under their old name: written once, used by both."""

from __future__ import annotations

from agent.evaluation.metrics import (
    area_under_roc,
    bootstrap_interval,
    calibration_error,
    intraclass,
    pearson,
    pearson_per_column,
)

__all__ = [
    "area_under_roc",
    "bootstrap_interval",
    "calibration_error",
    "intraclass",
    "pearson",
    "pearson_per_column",
]
