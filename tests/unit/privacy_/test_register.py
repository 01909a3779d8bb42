"""The register of features and the record agree, and the register refuses what is unclear."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path

import pytest

from agent.domain import record
from agent.domain.circumstance import SCENES
from agent.privacy.register import Sensitivity, parse_register

TEXT = (Path(__file__).parents[3] / "policies" / "features.toml").read_text()
TODAY = date(2026, 12, 1)


def test_register_record_and_layout_name_the_same_fields() -> None:
    """What may be stored, what is stored and how it is laid out are one list in one order."""
    register = parse_register(TEXT, now=TODAY)

    names = [field.name for field in fields(record.FeatureRecord)]

    assert names == list(register.features)
    assert names == list(record.RECORD_DTYPE.names or ())


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("offset", record.OFFSET_STEP_SECONDS),
        ("au_sides", record.AU_STEP),
        ("emotion", record.PROBABILITY_STEP),
        ("pose", record.ANGLE_STEP_DEGREES),
        ("gaze", record.ANGLE_STEP_DEGREES),
        ("quality", record.QUALITY_STEP),
        ("track", 1),
        ("presence", 1),
        ("scene", 1),
        ("calibrated", 1),
    ],
)
def test_resolutions_are_those_of_the_code(name: str, step: float) -> None:
    """No field is stored finer than the register tells people."""
    assert step == parse_register(TEXT, now=TODAY).features[name].resolution


def test_every_range_fits_its_codes() -> None:
    """The highest code of each field is the register's highest value."""
    features = parse_register(TEXT, now=TODAY).features

    highest = {n: f.high / f.resolution for n, f in features.items()}

    expected = {
        "offset": 65535, "track": 65535, "au_sides": 25, "presence": (1 << 19) - 1,
        "scene": SCENES,
        "emotion": 100, "pose": 127, "gaze": 127, "quality": 20, "calibrated": 1,
    }  # fmt: skip
    assert expected == pytest.approx(highest)


def test_expression_is_marked_as_such() -> None:
    """Whatever describes the face's movement carries the highest sensitivity."""
    features = parse_register(TEXT, now=TODAY).features

    marked = {n for n, f in features.items() if f.sensitivity is Sensitivity.EXPRESSION}

    assert marked == {"au_sides", "presence", "emotion"}


def test_never_stored_covers_the_face_itself() -> None:
    """The list that people are shown names pictures, geometry and identity."""
    never = parse_register(TEXT, now=TODAY).never_stored

    assert {"image", "landmarks", "mesh", "embedding", "neutral_shape", "identity"} <= set(never)


def test_an_expired_entry_is_refused() -> None:
    """A field whose agreement has run out stops the register."""
    last = min(f.expires for f in parse_register(TEXT, now=TODAY).features.values())

    parse_register(TEXT, now=last)
    with pytest.raises(ValueError, match="expired"):
        parse_register(TEXT, now=last + timedelta(days=1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('unit = "second"', 'unit = " "'),
        ('unit = "second"', ""),
        ('unit = "second"', 'unit = "second"\ncolour = "red"'),
        ('sensitivity = "technical"', 'sensitivity = "harmless"'),
        ("resolution = 0.1", "resolution = 0"),
        ("resolution = 0.1", "resolution = true"),
        ("high = 6553.5", "high = -1"),
        ("high = 6553.5", "high = nan"),
        ("expires = 2028-03-31", 'expires = "never"'),
        ("expires = 2028-03-31", "expires = 2028-03-31T00:00:00Z"),
        ('"image", ', '"offset", '),
        ("[feature.offset]", "[feature.offset"),
        ("[feature.offset]", "[extra]\n[feature.offset]"),
    ],
)
def test_an_unclear_register_is_refused(old: str, new: str) -> None:
    """Empty units, unknown keys, impossible ranges and endless entries don't pass."""
    assert old in TEXT

    with pytest.raises(ValueError, match=r"."):
        parse_register(TEXT.replace(old, new, 1), now=TODAY)


def test_an_empty_list_of_never_stored_is_refused() -> None:
    """The register can't silently stop promising anything."""
    body = TEXT[TEXT.index("[feature.") :]

    with pytest.raises(ValueError, match="never_stored"):
        parse_register("never_stored = []\n" + body, now=TODAY)


def test_a_register_without_features_is_refused() -> None:
    """An empty register isn't a licence to store nothing quietly; it is a mistake."""
    with pytest.raises(ValueError, match="no feature"):
        parse_register('never_stored = ["image"]\n[feature]\n', now=TODAY)
