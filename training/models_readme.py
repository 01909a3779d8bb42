"""Write `models/README.md` from the cards, so that no number stands in two places by hand."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from agent.inference.card import Card, load_card

NAMES = ("face_detector", "face_encoder", "emotion_head")

HEAD = """# Models

Three small ONNX files, run by onnxruntime on CPU. Each has a card beside it; the agent refuses a
file whose SHA-256 or whose inputs and outputs differ from its card. Where a card's settings name a
twin (`use`), the agent loads that one: the same net in int8, whose card states what it costs. This
page is written from the cards by `python -m training.cards` and `python -m training.models_readme`.

**Provenance, plainly.** The weights are ours, trained by the code in `training/` and licensed as
the rest of Omokage. All three have seen pictures whose rights are not stated: FER2013 (Kaggle
challenge of 2013), LFW, and web pictures among the detector's scenes. An encoder that has seen
renders alone was trained too; what it loses stands in the encoder's card under
`without_real_faces`. It loses most of what real faces taught (AU4, AU15, landmarks), so it isn't
shipped. The last epoch is the model; the temperature comes from a twentieth of the FER+ training
part that the head didn't see, and that twentieth also decided that the encoder learned on after a
warm restart and how stills are framed. LFW people and renders kept out were watched while it
learned, FER+ valid and London pairs were not; none of them decided anything. The weights of the
losses are the second generation's, whose validation scores had been seen. The detector's threshold
is the lowest at which no held-out scene without people shows a face; that rule replaced another
one after a look at the clips.

**What the AU scores mean.** The scale of intensities is learned from renders of a 3-D face model,
where `intensity = 5 x shape weight / the weight at 5` is our convention
(`training/synthesis/expression.py`). On real faces, votes for expressions taught which faces show
more of an AU ([ADR 0020](../docs/adr/0020-votes-teach-action-units.md)), so the areas under ROC on
FER+ measure how well that carries over to new pictures. No FACS-coded real faces were used,
neither to train nor to score. Read an AU as "this movement, more or less", not as a coder's score.

| model | parameters | size | what |
|---|---|---|---|
"""


def write_readme(models: Path) -> None:
    """Write the page for the three cards of a folder."""
    cards = {name: load_card(models / f"{name}.card.toml") for name in NAMES}
    for card in list(cards.values()):
        if isinstance(twin := card.settings.get("use"), str):
            cards[twin] = load_card(models / f"{twin}.card.toml")
    text = HEAD
    for name, card in cards.items():
        size = (models / f"{name}.onnx").stat().st_size / 1e6
        text += f"| `{name}` | {card.parameters:,} | {size:.1f} MB | {card.summary} |\n"
    evaluations = models / "evaluations.toml"
    if evaluations.exists():
        text += beside(tomllib.loads(evaluations.read_text("utf-8")))
    text += "".join(_section(card) for card in cards.values())
    (models / "README.md").write_text(text, "utf-8")


def beside(evaluations: dict[str, Any]) -> str:
    """Show each evaluation: scores beside the baselines', then the gaps between groups."""
    text = """
## Side by side

What `omokage evaluate` says of the shipped files, read by the product's own code, beside other
tools on the same pictures; 95 % intervals in brackets, over persons where persons are known.
[docs/evaluation.md](../docs/evaluation.md) says what each score is.
"""
    for task, report in evaluations.items():
        tools = report["tools"]
        text += f"\n### {task}: {report['title']}\n\n"
        text += f"| score | what | better | {' | '.join(tools)} |\n|{'---|' * (len(tools) + 3)}\n"
        for row in report["scores"]:
            values = " | ".join(row["by_tool"].get(tool, "") for tool in tools)
            text += f"| {row['name']} | {row['label']} | {row['better']} | {values} |\n"
        if report["gaps"]:
            text += "\n| gap, best to worst group | by | best | worst | difference |\n"
            text += "|---|---|---|---|---|\n"
            for gap in report["gaps"]:
                text += (
                    f"| {gap['score']} | {gap['axis']} | {gap['best']} | {gap['worst']} "
                    f"| {gap['gap']} |\n"
                )
    return text


def _section(card: Card) -> str:
    text = f"\n## {card.name}\n\n"
    for part, scores in card.scores.items():
        text += _part(part, scores)
    text += "\nLimits:\n\n" + "".join(f"- {limit}\n" for limit in card.limits)
    return text


def _part(name: str, scores: Any) -> str:
    """Show one named part: its plain numbers as a table, nested ones as further tables."""
    if not isinstance(scores, dict):
        return f"- {name}: {scores}\n"
    text = f"\n### {name}\n\n"
    plain = {key: value for key, value in scores.items() if not isinstance(value, dict)}
    if plain:
        text += "| score | value |\n|---|---|\n"
        text += "".join(f"| {key} | {_shown(value)} |\n" for key, value in plain.items())
    for key, value in scores.items():
        if isinstance(value, dict):
            text += _nested(key, value)
    return text


def _nested(name: str, rows: dict[str, Any]) -> str:
    first = next(iter(rows.values()))
    if not isinstance(first, dict):
        body = "".join(f"| {key} | {_shown(value)} |\n" for key, value in rows.items())
        return f"\n| {name} | value |\n|---|---|\n{body}"
    columns = list(first)
    text = f"\n| {name} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}\n"
    for key, row in rows.items():
        text += f"| {key} | {' | '.join(_shown(row.get(column, '')) for column in columns)} |\n"
    return text


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " - ".join(str(item) for item in value)
    return str(value)


def main() -> None:
    """Write the page for a folder of models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    write_readme(parser.parse_args().models)


if __name__ == "__main__":
    main()
