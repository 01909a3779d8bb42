"""The table a person reads, and the JSON a program reads."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from agent.errors import ConfigError, StoreError
from agent.evaluation.report import (
    INTENSITY,
    NUMBER,
    SCHEMA,
    SHARE,
    Gap,
    Group,
    Report,
    Row,
    Score,
    Slices,
    check_writable,
    write_json,
)

if TYPE_CHECKING:
    from pathlib import Path


def report() -> Report:
    """A report of two tools."""
    own, other = Score(0.84123, 0.829, 0.8531, 3199), Score(0.68, 0.66, 0.7, 3199)
    undefined = Score(math.nan)
    return Report(
        "ferplus", "FER+ · valid.npz", {"name": "valid.npz"}, "votes",
        {"omokage": ("emotion_head@12345678",), "rival": ("rival@87654321",)},
        rows=[
            Row("accuracy", "accuracy", SHARE, "higher", {"omokage": own, "rival": other}),
            Row("faces", "faces", NUMBER, "", {"omokage": Score(12345.0)}),
            Row("icc", "ICC", SHARE, "higher", {"omokage": undefined}),
            Row("AU12_r", "correlation", SHARE, "higher", {"omokage": own}, "AU12"),
            Row("AU12_mae", "mean error", INTENSITY, "lower", {"omokage": other}, "AU12"),
            Row("AU04_r", "correlation", SHARE, "higher", {"omokage": undefined}, "AU04"),
        ],
        slices=[
            Slices("accuracy", "accuracy", SHARE,
                   (Group("light", "dark", own), Group("light", "bright", other)),
                   (Gap("light", "dark", "bright", Score(0.16, 0.1, 0.2, 3)),),
                   ("light middle (3)",)),
        ],
        notes=["Nothing was trained on this file."],
    )  # fmt: skip


def test_columns_line_up() -> None:
    """Each tool's scores begin in one column; a tool without a score has a dash."""
    lines = list(report().lines())

    header = next(line for line in lines if "omokage" in line)
    accuracy = next(line for line in lines if line.startswith("accuracy"))
    faces = next(line for line in lines if line.startswith("faces"))
    assert accuracy.index("0.841 [0.829, 0.853]") == header.index("omokage")
    assert accuracy.index("0.680") == header.index("rival") == faces.index("-")
    assert "12,345" in faces


def test_undefined_is_said() -> None:
    """What isn't defined says so, and is never shown as 0."""
    text = "\n".join(report().lines())

    assert "undefined" in text
    assert "nan" not in text


def test_aus_stand_one_a_line() -> None:
    """Measures of one AU share a line, whatever order they were added in."""
    lines = list(report().lines())

    (au12,) = [line for line in lines if line.startswith("AU12")]
    assert "0.841" in au12
    assert "0.680" in au12
    assert any("mean error (intensity 0-5)" in line for line in lines)


def test_slices_name_the_worst_and_what_was_left_out() -> None:
    """A reader sees each group, the gap with its interval, and which groups are too small."""
    text = "\n".join(report().lines())

    assert "0.160 [0.100, 0.200] (bright)" in text
    assert "too few examples: light middle (3)" in text


def test_the_json_has_null_for_undefined() -> None:
    """The file is strict JSON: undefined and missing intervals are null."""
    table = report().table("0.1.0")

    text = json.dumps(table, allow_nan=False)
    found = json.loads(text)
    assert found["schema"] == SCHEMA
    assert found["scores"]["icc"]["by_tool"]["omokage"]["value"] is None
    assert found["scores"]["accuracy"]["by_tool"]["rival"]["low"] == 0.66
    assert found["slices"][0]["gaps"][0]["worst"] == "bright"
    assert "rival" not in found["scores"]["faces"]["by_tool"]


def test_the_json_is_written_whole(tmp_path: Path) -> None:
    """A file that is there is replaced; nothing else is left beside it."""
    out = tmp_path / "scores.json"
    out.write_text("old")

    write_json({"a": 1}, out)

    assert json.loads(out.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """What can't become JSON leaves the earlier file and no half of a new one."""
    out = tmp_path / "scores.json"
    out.write_text("old")

    with pytest.raises(ValueError, match="JSON"):
        write_json({"a": math.nan}, out)

    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]


def test_a_place_that_can_t_be_written_is_refused_first(tmp_path: Path) -> None:
    """A folder that isn't there, or an output that is a folder, is refused before the work."""
    with pytest.raises(ConfigError):
        check_writable(tmp_path / "gone" / "scores.json")
    with pytest.raises(ConfigError):
        check_writable(tmp_path)
    with pytest.raises(StoreError):
        write_json({}, tmp_path / "gone" / "scores.json")
