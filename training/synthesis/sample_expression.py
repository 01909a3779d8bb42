"""Draw facial expressions at random, with the co-occurrences that real faces show. Pure.

A draw is one of: neutral, one AU alone, a random set, an emotion prototype, or speech; then weak
stray activity, asymmetry, blinks, and finally the rules that keep lids and lips possible.

Source of the prototypes: Ekman & Friesen, EMFACS (the core AUs of each emotion).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.domain.facs import ACTION_UNITS, AU_SIDE_LABELS, MAX_INTENSITY

Array = npt.NDArray[np.float32]

INDEX: dict[str, int] = {label: i for i, label in enumerate(AU_SIDE_LABELS)}

MIRROR: tuple[int, ...] = tuple(
    INDEX[label[:-1] + {"L": "R", "R": "L"}[label[-1]]] if "_" in label else INDEX[label]
    for label in AU_SIDE_LABELS
)
"""Position of each output's counterpart in the mirrored face."""

PROTOTYPES: dict[str, dict[str, float]] = {
    "happiness": {"AU06": 0.8, "AU12": 1.0},
    "social smile": {"AU12": 0.8},
    "open smile": {"AU06": 0.8, "AU12": 1.0, "lips apart": 0.6},
    "laugh": {"AU06": 0.9, "AU12": 1.0, "AU26": 0.5, "lips apart": 0.8},
    "surprise, mild": {"AU01": 0.7, "AU02": 0.8, "AU05": 0.5},
    "surprise": {"AU01": 0.9, "AU02": 0.9, "AU05": 0.8, "AU26": 0.8},
    "anger": {"AU04": 1.0, "AU05": 0.6, "AU07": 0.6, "AU23": 0.6},
    "anger, pressed": {"AU04": 1.0, "AU07": 0.7, "AU24": 0.9, "AU17": 0.4},
    "anger, shouting": {
        "AU04": 1.0,
        "AU07": 0.7,
        "AU10": 0.5,
        "AU09": 0.3,
        "AU26": 0.9,
        "lips apart": 0.8,
    },
    "frown": {"AU04": 1.0, "AU07": 0.3},
    "crying": {
        "AU01": 0.5,
        "AU04": 0.8,
        "AU06": 0.8,
        "AU07": 0.5,
        "AU15": 0.5,
        "AU20": 0.4,
        "AU26": 0.5,
        "AU45": 0.5,
        "lips apart": 0.6,
    },
    "sadness": {"AU01": 0.9, "AU04": 0.6, "AU15": 0.9},
    "sadness, chin": {"AU01": 0.9, "AU04": 0.5, "AU15": 0.7, "AU17": 0.8},
    "disgust": {"AU09": 0.9, "AU10": 0.7, "AU04": 0.4},
    "disgust, bared": {"AU09": 0.9, "AU10": 0.9, "AU07": 0.6, "AU04": 0.5, "lips apart": 0.5},
    "disgust, lips": {"AU09": 0.7, "AU10": 0.8, "AU15": 0.6, "AU17": 0.5},
    "fear": {"AU01": 0.9, "AU02": 0.7, "AU04": 0.6, "AU05": 0.9, "AU20": 0.8, "AU26": 0.5},
    "contempt": {"AU12_L": 0.6, "AU14_L": 0.9},
    "pain": {"AU04": 0.8, "AU06": 0.7, "AU07": 0.8, "AU09": 0.5, "AU10": 0.5, "AU45": 0.6},
    "doubt": {"AU04_L": 0.4, "AU02_R": 0.9, "AU01_R": 0.6, "AU14": 0.4},
}
"""Relative strength of each AU. `lips apart` bares teeth as a broad smile does: coders score that
as AU25 and not as AU10, so it is a nuisance shape here."""

_KINDS = ("neutral", "single", "set", "prototype", "speech")
_KIND_SHARES = (0.10, 0.24, 0.27, 0.26, 0.13)


def sample_expression(rng: np.random.Generator) -> tuple[Array, dict[str, float]]:
    """Draw Action Units and nuisance shapes.

    Returns:
        Intensities float32 (32,), 0-5, with AU25 left at 0, and weights 0-1 of other shapes.
    """
    au = np.zeros(len(AU_SIDE_LABELS), np.float32)
    nuisance: dict[str, float] = {}
    kind = str(rng.choice(_KINDS, p=_KIND_SHARES))
    if kind == "single":
        _add(au, _random_label(rng), float(rng.uniform(0.5, 5.0)))
    elif kind == "set":
        for _ in range(rng.integers(2, 7)):
            _add(au, _random_label(rng), float(5.0 * rng.beta(1.2, 1.6)))
    elif kind == "prototype":
        _prototype(rng, au, nuisance)
    elif kind == "speech":
        _speech(rng, au, nuisance)
    _stray(rng, au, nuisance)
    _asymmetry(rng, au)
    _blink(rng, au)
    _make_possible(rng, au, nuisance)
    return np.clip(au, 0.0, MAX_INTENSITY), nuisance


def _random_label(rng: np.random.Generator) -> str:
    """Draw one AU other than AU25."""
    labels = [unit.label for unit in ACTION_UNITS if unit.label != "AU25"]
    return labels[rng.integers(len(labels))]


def _add(au: Array, label: str, intensity: float) -> None:
    """Raise an AU, or one side of it, to at least an intensity; changes `au`."""
    for name in (label, f"{label}_L", f"{label}_R"):
        if name in INDEX:
            au[INDEX[name]] = max(float(au[INDEX[name]]), intensity)


def _prototype(rng: np.random.Generator, au: Array, nuisance: dict[str, float]) -> None:
    """Play an emotion at a random strength, each AU varied and some left out."""
    names = list(PROTOTYPES)
    strength = float(rng.uniform(1.0, 5.5))
    for label, share in PROTOTYPES[names[rng.integers(len(names))]].items():
        if rng.random() < 0.12:
            continue
        level = strength * share * float(rng.uniform(0.65, 1.25))
        if label == "lips apart":
            for side in "LR":
                nuisance[f"mouthLowerDown_{side}"] = min(level / 5, 1.0)
                nuisance[f"mouthUpperUp_{side}"] = min(level / 12, 0.4)
        else:
            _add(au, label, min(level, MAX_INTENSITY))


def _speech(rng: np.random.Generator, au: Array, nuisance: dict[str, float]) -> None:
    """Shape jaw and lips as in talking, with the brows moving a little."""
    _add(au, "AU26", float(5.0 * rng.beta(1.2, 3.0)))
    viseme = rng.choice(["open", "wide", "round", "closed", "teeth"])
    if viseme == "wide":
        _add(au, "AU20", float(rng.uniform(0.5, 3.0)))
    elif viseme == "round":
        shape = str(rng.choice(["mouthPucker", "mouthFunnel"]))
        nuisance[shape] = float(rng.uniform(0.2, 0.9))
    elif viseme == "closed":
        _add(au, str(rng.choice(["AU24", "AU23", "AU28"])), float(rng.uniform(0.3, 2.5)))
    elif viseme == "teeth":
        nuisance["mouthRollLower"] = float(rng.uniform(0.1, 0.4))
        _add(au, "AU10", float(rng.uniform(0.3, 2.0)))
    lower = float(rng.uniform(0.0, 0.6))
    nuisance["mouthLowerDown_L"] = nuisance["mouthLowerDown_R"] = lower
    for label in ("AU01", "AU02", "AU04", "AU12"):
        if rng.random() < 0.3:
            _add(au, label, float(rng.uniform(0.3, 2.5)))


def _stray(rng: np.random.Generator, au: Array, nuisance: dict[str, float]) -> None:
    """Add weak activity and shapes that no AU of ours names."""
    for _ in range(rng.poisson(1.2)):
        _add(au, _random_label(rng), float(rng.uniform(0.0, 0.9)))
    choices = (
        ("jawLeft", 0.6, 0.05), ("jawForward", 0.6, 0.05), ("mouthLeft", 0.6, 0.06),
        ("mouthPucker", 0.8, 0.07), ("mouthFunnel", 0.7, 0.05), ("cheekPuff_L", 0.8, 0.04),
        ("mouthShrugUpper", 0.6, 0.05), ("mouthLowerDown_L", 0.7, 0.08),
    )  # fmt: skip
    for shape, most, chance in choices:
        if rng.random() < chance:
            nuisance[shape] = float(rng.uniform(0.05, most))
            if shape.endswith("_L"):
                nuisance[shape[:-2] + "_R"] = nuisance[shape] * float(rng.choice([1.0, 0.3]))


def _asymmetry(rng: np.random.Generator, au: Array) -> None:
    """Weaken one side: slightly in a quarter of the faces, strongly in some; changes `au`."""
    if rng.random() < 0.3:
        for unit in ACTION_UNITS:
            if unit.lateral and unit.label != "AU45":
                side = "LR"[rng.integers(2)]
                weak = float(rng.uniform(0.5, 1.0) if rng.random() < 0.6 else rng.uniform(0, 0.5))
                au[INDEX[f"{unit.label}_{side}"]] *= weak


def _blink(rng: np.random.Generator, au: Array) -> None:
    """Close both eyes, or now and then one, to some degree."""
    roll = rng.random()
    if roll < 0.10:
        _add(au, "AU45", float(rng.uniform(0.5, 5.0)))
    elif roll < 0.13:
        _add(au, "AU45_" + "LR"[rng.integers(2)], float(rng.uniform(2.0, 5.0)))


def _make_possible(rng: np.random.Generator, au: Array, nuisance: dict[str, float]) -> None:
    """Weaken what can't be seen together, so that labels stay true; changes both."""
    for side in "LR":
        blink = float(au[INDEX[f"AU45_{side}"]]) / MAX_INTENSITY
        au[INDEX[f"AU05_{side}"]] *= 1.0 - blink
        au[INDEX[f"AU07_{side}"]] *= 1.0 - 0.8 * blink
    sealed = max(float(au[INDEX[label]]) for label in ("AU23", "AU24", "AU28"))
    if sealed > 0.5:
        # Pressed or sucked lips hold the jaw up and the lips together.
        hold = max(0.0, 1.0 - sealed / 2.5)
        au[INDEX["AU26"]] *= hold
        for shape in ("mouthLowerDown", "mouthUpperUp", "mouthFunnel", "mouthPucker"):
            for name in (shape, f"{shape}_L", f"{shape}_R"):
                nuisance.pop(name, None)
    if au[INDEX["AU28"]] > 1.0:
        au[INDEX["AU23"]] *= 0.2
        au[INDEX["AU24"]] *= 0.2
    opposed = "AU15" if rng.random() < 0.6 else "AU12"
    for side in "LR":
        if min(au[INDEX[f"AU12_{side}"]], au[INDEX[f"AU15_{side}"]]) > 1.0:
            au[INDEX[f"{opposed}_{side}"]] *= 0.3
