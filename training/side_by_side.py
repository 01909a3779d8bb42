"""Keep what `omokage evaluate` measured on the shared validation parts beside the models.

`python -m training.side_by_side --evaluations DIR --models models` reads `DIR/*.json`, each written
by `omokage evaluate TASK PATH --json`, and writes `models/evaluations.toml`: every score beside its
baselines' on the same pictures, and the gaps between groups with their intervals.
`training.models_readme` shows it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import tomli_w

from training.models_readme import write_readme

SCHEMA = "omokage.evaluation/1"
FILE = "evaluations.toml"

Table = dict[str, Any]


def summary(report: Table) -> Table:
    """Reduce one evaluation to its scores and gaps.

    Raises:
        ValueError: it isn't an evaluation of this schema.
    """
    if report.get("schema") != SCHEMA:
        raise ValueError(f"not an evaluation ({SCHEMA}): {report.get('schema')}")
    scores = [
        {
            "name": name,
            "label": row["label"],
            "unit": row["unit"],
            "better": row["better"],
            "by_tool": {tool: shown(score) for tool, score in row["by_tool"].items()},
        }
        for name, row in report["scores"].items()
        if row["better"]
    ]
    gaps = [
        {
            "score": part["score"],
            "axis": gap["axis"],
            "best": gap["best"],
            "worst": gap["worst"],
            "gap": shown(gap),
        }
        for part in report["slices"]
        for gap in part["gaps"]
        if gap["value"] is not None
    ]
    return {
        "title": report["title"],
        "tools": list(report["tools"]),
        "scores": scores,
        "gaps": gaps,
    }


def shown(score: Table) -> str:
    """Write a value with its 95 % interval, three decimals."""
    if score["value"] is None:
        return "–"
    text = f"{score['value']:.3f}"
    if score.get("low") is not None:
        text += f" ({score['low']:.3f} – {score['high']:.3f})"
    return text


def gather(folder: Path) -> Table:
    """Summarise every evaluation of a folder, by task.

    Raises:
        ValueError: a file isn't an evaluation.
    """
    found: Table = {}
    for path in sorted(folder.glob("*.json")):
        report = json.loads(path.read_text("utf-8"))
        found[report["task"] if report.get("schema") == SCHEMA else path.stem] = summary(report)
    return found


def main() -> None:
    """Write the file, and the page that shows it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("models"))
    arguments = parser.parse_args()
    found = gather(arguments.evaluations)
    (arguments.models / FILE).write_text(tomli_w.dumps(found), "utf-8")
    write_readme(arguments.models)


if __name__ == "__main__":
    main()
