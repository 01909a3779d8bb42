"""A model's card: what a file in `models/` is, what goes in, what comes out, what it scored.

`NAME.card.toml` stands beside `NAME.onnx`. Everything the agent needs to know of a model comes
from its card, never from the file's name; whatever the card and the file disagree on is a refusal.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.errors import ModelError


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


def load_card(path: Path) -> Card:
    """Read a card.

    Raises:
        ModelError: it is missing, isn't TOML, or lacks a field.
    """
    try:
        return Card.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ModelError(f"can't read the card {path.name}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path.name} isn't valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{path.name}: {place}: {first['msg']}") from error
