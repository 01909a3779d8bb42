"""The calibration on disk: every step so far, the last one in force. Written whole or not at all.

`state/calibration.json` is written by `omokage calibrate` and read by the agent at each bucket's
beginning. A file that can't be understood is refused; whoever reads decides what holds instead.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.domain.calibration import Calibration, Step
from agent.errors import NOT_AS_WRITTEN, ConfigError, StoreError

_LARGEST = 1_000_000
"""Bytes; a larger file isn't one of ours."""
_ADVICE = "Put the thresholds back as shipped with `omokage calibrate reset`."


def read_steps(path: Path) -> list[Step]:
    """Return every step, oldest first; none where the file isn't there.

    Raises:
        ConfigError: the file can't be read or understood.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"can't read {path.name}: {error.strerror}", advice=_ADVICE) from error
    try:
        return _parse(raw)
    except NOT_AS_WRITTEN as error:
        raise ConfigError(f"{path.name} isn't a calibration: {error}", advice=_ADVICE) from error


def _parse(raw: bytes) -> list[Step]:
    if len(raw) > _LARGEST:
        raise ValueError("it is too large")
    return [_step(one) for one in json.loads(raw)["steps"]]


def _step(found: dict[str, Any]) -> Step:
    at = datetime.fromisoformat(found["at"])
    if at.tzinfo is None:
        raise ValueError("an instant needs its offset")
    thresholds = {str(label): float(value) for label, value in found["thresholds"].items()}
    models = tuple(str(name) for name in found["models"])
    calibration = Calibration(thresholds, float(found["temperature"]), models)
    return Step(at, calibration, int(found["clips"]))


def write_steps(path: Path, steps: Sequence[Step]) -> None:
    """Put the steps in place durably; a reader sees the old ones or the new ones, whole.

    Raises:
        StoreError: the disk refuses; the old ones hold.
    """
    table = {
        "steps": [
            {
                "at": step.at.isoformat(),
                "thresholds": dict(sorted(step.calibration.thresholds.items())),
                "temperature": step.calibration.temperature,
                "models": list(step.calibration.models),
                "clips": step.clips,
            }
            for step in steps
        ]
    }
    partial = path.with_suffix(".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            json.dump(table, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StoreError(
            f"can't write the calibration: {error.strerror}",
            advice="Nothing was changed. Check the disk and the state folder's permissions.",
        ) from error
