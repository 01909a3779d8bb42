"""The replay as a component of the page: its script, its style, and the numbers it draws.

What travels to the browser are one clip's AU intensities, head pose and gaze, and, only after the
blind coding, the model's answers. No picture, no landmark, nothing of another clip.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from agent.domain.facs import ACTION_UNITS, AU_LABELS, AU_SIDE_LABELS, SIDE_INDEX
from agent.domain.observation import EMOTIONS
from agent.domain.record import (
    ANGLE_STEP_DEGREES,
    AU_STEP,
    MISSING,
    OFFSET_STEP_SECONDS,
    Batch,
)
from agent.domain.review import Clip, Coding, Mark, ModelView, Verdict

if TYPE_CHECKING:
    from dashboard.text import Text

UPPER = frozenset({"AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU45"})
"""Around brows and eyes, as FACS divides the face; the others are the lower face."""
NO_GAZE = -128
SHORTCUTS = {
    Verdict.ACCEPT: "A",
    Verdict.FIX: "F",
    Verdict.REJECT: "J",
    Verdict.CANNOT_TELL: "T",
    Verdict.NOT_CAPTURED: "N",
}
"""The letter that chooses each verdict."""
_FOLDER = Path(__file__).parent
_EXPORT = re.compile(r"^export (default )?", re.MULTILINE)


@functools.cache
def script() -> str:
    """Return the three files as one module that exports the player alone."""
    avatar, board, player = (
        (_FOLDER / f"{name}.js").read_text("utf-8") for name in ("avatar", "board", "player")
    )
    return "\n".join([_EXPORT.sub("", avatar), _EXPORT.sub("", board), player])


@functools.cache
def style() -> str:
    """Return the player's style sheet."""
    return (_FOLDER / "player.css").read_text("utf-8")


def mount(data: Mapping[str, Any], key: str, heard: Callable[[Mapping[str, Any]], None]) -> None:
    """Show the player.

    Args:
        data: of `replay`.
        key: of the widget; another one for each clip and step.
        heard: is given what was sent, before the page is drawn anew: `coded`, answers; `judged`, a
            verdict's letter. So one drawing of the page is enough.
    """
    component = st.components.v2.component(
        "omokage_review", html='<div class="player"></div>', css=style(), js=script()
    )

    def tell() -> None:
        sent = st.session_state.get(key)
        if sent:
            heard(sent)

    component(data=dict(data), key=key, on_coded_change=tell, on_judged_change=tell)


def replay(
    words: Text,
    clip: Clip,
    rows: Batch,
    *,
    mode: str = "code",
    coding: Coding | None = None,
    model: ModelView | None = None,
) -> dict[str, Any]:
    """Return what the player draws of a clip.

    Args:
        words: of the page's language.
        clip: whose it is.
        rows: its records, (N,).
        mode: "code" for the blind coding, "show" to compare, "fix" to correct.
        coding: what the reviewer has answered so far; None at first.
        model: what the model said; None until the blind coding is submitted.
    """  # fmt: skip
    if mode == "code" and model is not None:
        raise ValueError("the model's answers aren't shown before the blind coding")
    offset = rows["offset"].astype(int)
    codes = rows["au_sides"]
    gaze = rows["gaze"].astype(float)
    return {
        "id": str(clip.id),
        "mode": mode,
        "seconds": clip.seconds,
        "times": _plain((offset - clip.id.start) * OFFSET_STEP_SECONDS),
        "au": {
            label: [None if code == MISSING else round(int(code) * AU_STEP, 1) for code in column]
            for label, column in zip(AU_SIDE_LABELS, codes.T, strict=True)
        },
        "pose": _plain(rows["pose"].astype(float) * ANGLE_STEP_DEGREES),
        "gaze": None if (gaze[0] == NO_GAZE).all() else _plain(gaze * ANGLE_STEP_DEGREES),
        "groups": _groups(words),
        "marks": None if coding is None else _marks(coding.marks),
        "said": None if model is None else _said(model),
        "expressions": [{"key": name, "name": words(f"emotion.{name}")} for name in EMOTIONS],
        "expression": None if coding is None else coding.expression,
        "verdicts": [letter.lower() for letter in SHORTCUTS.values()],
        "words": _words(words),
    }


def _plain(values: np.ndarray) -> list[Any]:
    found: list[Any] = np.round(values, 1).tolist()
    return found


def _groups(words: Text) -> list[dict[str, Any]]:
    groups: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for unit, index in zip(ACTION_UNITS, SIDE_INDEX, strict=True):
        track = {
            "label": unit.label,
            "name": words(f"au.{unit.label}"),
            "facs": unit.name,
            "sides": [AU_SIDE_LABELS[i] for i in index],
        }
        groups[unit.label in UPPER].append(track)
    return [
        {"name": words("review.board.upper"), "tracks": groups[True]},
        {"name": words("review.board.lower"), "tracks": groups[False]},
    ]


def _marks(marks: tuple[Mark, ...]) -> dict[str, str]:
    return {label: mark.value for label, mark in zip(AU_LABELS, marks, strict=True)}


def _said(model: ModelView) -> dict[str, str]:
    names = {True: Mark.PRESENT, False: Mark.ABSENT, None: Mark.UNSEEN}
    return _marks(tuple(names[said] for said in model.present))


def _words(words: Text) -> dict[str, str]:
    names = (
        "player", "face", "position", "play", "pause", "speed", "expression", "nothing", "rest",
        "undo", "submit", "correct", "complete", "you", "model", "differs", "sides",
    )  # fmt: skip
    said = {name: words(f"review.board.{name}") for name in names}
    said["missing"] = words("review.board.missing", n="{n}")
    for mark in Mark:
        said[mark.value] = words(f"review.mark.{mark.value}")
        said[f"short-{mark.value}"] = words(f"review.mark_short.{mark.value}")
    return said
