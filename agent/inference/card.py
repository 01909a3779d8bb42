"""A model's card: what a file in `models/` is, what goes in, what comes out, what it scored.

`NAME.card.toml` stands beside `NAME.onnx`. Everything the agent needs to know of a model comes
from its card, never from the file's name; whatever the card and the file disagree on is a refusal.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.errors import ModelContractError, ModelError

LARGEST_CARD = 1 << 18
"""Bytes of a card; ours have a few thousand."""


class Tensor(BaseModel):
    """One input or output.

    `shape` holds sizes; -1 stands for one that varies. `labels` name the last axis' entries.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    dtype: str
    shape: tuple[int, ...]
    unit: str
    labels: tuple[str, ...] = ()


class Card(BaseModel):
    """One model's card, frozen.

    `settings` are numbers that run-time code needs (thresholds, crop, temperature). `data`,
    `scores` and `limits` are for people and reports.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    summary: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: str
    parameters: int = Field(gt=0)
    inputs: tuple[Tensor, ...] = Field(min_length=1)
    outputs: tuple[Tensor, ...] = Field(min_length=1)
    settings: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any]
    scores: dict[str, Any]
    limits: tuple[str, ...] = Field(min_length=1)

    @property
    def identifier(self) -> str:
        """Name the exact weights, short: `face_encoder@1f2e3d4c`."""
        return f"{self.name}@{self.sha256[:8]}"

    def setting(self, key: str) -> float:
        """Read a number from `settings`.

        Raises:
            ModelError: the card lacks it, or it isn't a number.
        """
        value = self.settings.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ModelError(f"the card of {self.name} lacks the number settings.{key}")
        return float(value)


Form = tuple[str, tuple[int | None, ...]]
"""Type and shape of a tensor; None stands for any fixed size."""


def require_form(card: Card, inputs: Sequence[Form], outputs: Sequence[Form]) -> None:
    """Refuse a card whose tensors aren't what the code around the model handles.

    A card and its file may agree with each other and still be of another kind of model.

    Raises:
        ModelContractError: with the tensor that is wrong.
    """
    for kind, stated, wanted in (("input", card.inputs, inputs), ("output", card.outputs, outputs)):
        if len(stated) != len(wanted):
            raise ModelContractError(f"{card.name}: {len(wanted)} {kind}s are needed")
        for tensor, (dtype, shape) in zip(stated, wanted, strict=True):
            fits = len(tensor.shape) == len(shape) and all(
                size > 0 and want in {None, size}
                for size, want in zip(tensor.shape, shape, strict=True)
            )
            if not fits or tensor.dtype != dtype:
                raise ModelContractError(
                    f"{card.name}: {kind} {tensor.name} is {tensor.dtype} {tensor.shape}, not what "
                    "this kind of model takes or gives"
                )


def load_card(path: Path) -> Card:
    """Read a card.

    Raises:
        ModelError: it is missing, isn't TOML, or lacks a field.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_CARD + 1)
    except OSError as error:
        raise ModelError(f"can't read the card {path.name}: {error.strerror}") from error
    return parse_card(content, path.name)


def parse_card(content: bytes, name: str) -> Card:
    """Return what a card says. Raises `ModelError` as `load_card`."""
    if len(content) > LARGEST_CARD:
        raise ModelError(f"{name} is too large for a card")
    try:
        return Card.model_validate(tomllib.loads(content.decode()))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{name}: {place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:  # TOML, UTF-8, numbers too long, nesting
        raise ModelError(f"{name} isn't valid TOML: {error}") from error
