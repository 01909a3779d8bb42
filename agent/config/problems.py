"""What is wrong with a policy file, place by place, in words for whoever wrote it.

A value of the file is repeated in a message only where it is one of a few known words: a camera's
address may hold a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel

from agent.config.positions import Path
from agent.domain.profile import Basis, Rule


class Kind(Enum):
    """Which refusal a problem leads to."""

    WRONG = "wrong"
    EMPTY = "empty"
    FOREVER = "forever"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: where, in the file's own names.
        message: what, without the place.
        advice: what to do about it; "" where the message says it already.
        kind: which refusal it leads to.
        rule: which rule of the profile says so, else None.
        line: of the file, from 1; 0 until it was looked up.
    """

    path: Path
    message: str
    advice: str = ""
    kind: Kind = Kind.WRONG
    rule: Rule | None = None
    line: int = 0

    @property
    def key(self) -> str:
        """Return the dotted name of the place; array elements don't show."""
        return dotted(self.path)

    def place(self, name: str) -> str:
        """Return `FILE:LINE: KEY: message`."""
        key = f"{self.key}: " if self.path else ""
        return f"{name}:{self.line}: {key}{self.message}"

    def why(self) -> str:
        """Return the reason and its source, or "" for a problem that no profile's rule found."""
        if self.rule is None:
            return ""
        reason = self.rule.because["en"]
        if self.rule.source is None:
            return f"{reason} (this project's own caution)"
        address = f", {self.rule.source.url}" if self.rule.source.url else ""
        return f"{reason} ({_BASIS[self.rule.basis]}: {self.rule.source}{address})"

    def lines(self, name: str) -> list[str]:
        """Return the whole problem, its first line being its place."""
        rest = [self.advice] if self.advice else []
        if why := self.why():
            rest.append(f"Why: {why}")
        return [self.place(name), *(f"    {line}" for line in rest)]


_BASIS = {
    Basis.LAW: "law",
    Basis.GUIDANCE: "guidance",
    Basis.HOUSE: "this project's own caution, after",
}


def dotted(path: Path) -> str:
    """Return a path as one writes it, array elements left out."""
    return ".".join(part for part in path if isinstance(part, str))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint at the nearest known word, or ""."""
    close = get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def keys_of(model: type[BaseModel], prefix: str = "") -> dict[str, type[BaseModel] | None]:
    """Return every dotted key of a section's model, with the model of what stands in it."""
    found: dict[str, type[BaseModel] | None] = {}
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        inner = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        found[f"{prefix}{name}"] = inner
        if inner is not None:
            found |= keys_of(inner, f"{prefix}{name}.")
    return found


def from_pydantic(error: Mapping[str, Any], model: type[BaseModel]) -> Problem:
    """Turn one of pydantic's reports into a problem in our words."""
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    if error["type"] == "extra_forbidden":
        return Problem(path, *_unknown(path, model))
    if error["type"] == "missing":
        return Problem(path, "is missing", "Add it; docs/policy.md says what it means.")
    if error["type"] in {"enum", "literal_error"}:
        return Problem(path, *_not_among(error))
    return Problem(path, _in_words(error, path))


def _in_words(error: Mapping[str, Any], path: Path) -> str:
    """Return a sentence about a value that doesn't fit."""
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    if error["type"] == "string_pattern_mismatch":
        return _FORMS.get(str(path[-1]), "doesn't have the form that is asked for")
    fixed = _WORDS.get(error["type"])
    if fixed is not None:
        return fixed.format(**context)
    return re.sub(r"^Input should be", "must be", str(error["msg"]))


def _unknown(path: Path, model: type[BaseModel]) -> tuple[str, str]:
    """Return message and advice for a key that nobody knows."""
    known = keys_of(model)
    section, name = dotted(path[:-1]), str(path[-1])
    here = [key.rpartition(".")[2] for key in known if key.rpartition(".")[0] == section]
    hint = did_you_mean(name, here)
    elsewhere = [key.rpartition(".")[0] for key in known if key.rpartition(".")[2] == name]
    if not hint and elsewhere:
        hint = f"; it belongs under [{elsewhere[0]}]"
    what = "section" if not section and known.get(name, BaseModel) is not None else "key"
    return f"unknown {what}{hint}", f"Known here: {', '.join(sorted(here))}." if here else ""


def _not_among(error: Mapping[str, Any]) -> tuple[str, str]:
    known = re.findall(r"'([^']*)'", error["ctx"]["expected"])
    asked = error["input"]
    if not isinstance(asked, str):
        return f"must be one of: {', '.join(known)}", ""
    return f'"{asked[:40]}" is no word for it{did_you_mean(asked, known)}', (
        f"Use one of: {', '.join(known)}."
    )


_WORDS = {
    "bool_type": "write true or false, without quotes",
    "int_type": "write a whole number, without quotes",
    "float_type": "write a number, without quotes",
    "string_type": "write text in quotes",
    "list_type": "write a list in [ ]",
    "frozen_set_type": "write a list in [ ]",
    "dict_type": "write a table",
    "model_type": "write a table",
    "date_type": "write a day like 2026-12-31",
    "date_from_datetime_inexact": "write a day like 2026-12-31, without a time",
    "date_from_datetime_parsing": "write a day like 2026-12-31",
    "string_too_short": "must not be empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "must not be empty",
    "too_long": "has more than {max_length} entries",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than_equal": "must be {le:g} or less",
}

_FORMS = {
    "name": "doesn't fit: small letters, digits and hyphens, 32 at most, no hyphen first",
    "notice_url": "write an address that begins with https:// or http://",
}
"""What a key with a form of its own looks like."""
