"""Evaluations kept beside the models: scores, baselines, gaps; nothing that is no evaluation."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("tomli_w", reason="tomli_w lives in the training extra only")
pytest.importorskip("onnxruntime")

from training.models_readme import beside
from training.side_by_side import gather, shown, summary

REPORT = {
    "schema": "omokage.evaluation/1",
    "task": "london",
    "title": "London · 58 persons",
    "tools": {"omokage": {}, "mediapipe": {}},
    "scores": {
        "au12": {
            "label": "AU12 rises",
            "unit": "share",
            "better": "higher",
            "by_tool": {
                "omokage": {"value": 0.98, "low": 0.95, "high": 1.0, "count": 58},
                "mediapipe": {"value": None, "low": None, "high": None, "count": 0},
            },
        },
        "compared": {"label": "pairs", "unit": "number", "better": "", "by_tool": {}},
    },
    "slices": [
        {
            "score": "au12",
            "gaps": [
                {"axis": "light", "best": "middle", "worst": "dark", "value": 0.1, "low": 0.0,
                 "high": 0.2},
                {"axis": "pose", "best": "", "worst": "", "value": None, "low": None, "high": None},
            ],
        }
    ],
}  # fmt: skip


def test_scores_stand_beside_their_baselines(tmp_path):
    """Counts are left out, a missing value is a dash, an undefined gap isn't shown."""
    (tmp_path / "any.json").write_text(json.dumps(REPORT), "utf-8")

    page = beside(gather(tmp_path))

    assert "| au12 | AU12 rises | higher | 0.980 (0.950 – 1.000) | – |" in page
    assert "| au12 | light | middle | dark | 0.100 (0.000 – 0.200) |" in page
    assert "pairs" not in page
    assert "| pose |" not in page


def test_what_is_no_evaluation_is_refused():
    """Another schema means other keys."""
    with pytest.raises(ValueError, match="not an evaluation"):
        summary({**REPORT, "schema": "omokage.evaluation/2"})


def test_a_value_without_an_interval_stands_alone():
    """Nothing is made up where nothing was resampled."""
    assert shown({"value": 0.5, "low": None, "high": None}) == "0.500"
