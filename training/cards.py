"""Write a model's card beside its weights; the card is what the agent believes.

`python -m training.cards --models DIR --scores FILE.json --detector-scores FILE.json` describes
the three shipped models. Numbers come from the evaluation's JSON, words stand here.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import onnxruntime
import tomli_w

from agent.domain.facs import AU_SIDE_LABELS
from agent.domain.observation import EMOTIONS
from agent.inference.card import load_card
from training.models_readme import write_readme

Table = dict[str, Any]
Units = dict[str, tuple[str, tuple[str, ...]]]

VERSIONS = {"face_detector": "2", "face_encoder": "3", "emotion_head": "3"}
LICENCE = "Apache-2.0"

FER = (
    "FER2013 training pictures with FER+ votes (votes: MIT, Microsoft; pictures: public Kaggle "
    "challenge of 2013, no licence stated)"
)
LFW = "LFW face crops, nine tenths of the persons (public research set, no licence stated)"
RENDERS = (
    "renders by training.synthesis from ICT-FaceKit (MIT, USC ICT), nine tenths of the identities"
)
TEACHERS = [
    (
        "MediaPipe FaceLandmarker (Apache-2.0): landmarks, pose, AU12, AU25, AU26, AU45; the order "
        "of faces, not the scale, of AU1, AU2, AU5, AU10"
    ),
    (
        "FER+ votes, through the AUs that go with an expression (Du, Tao & Martinez 2014, table "
        "1): the order against neutral faces of AU1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 23, 24, "
        "25, 26"
    ),
    (
        "our own encoder of eleven times the size, trained on all of the above, on the very same "
        "pictures (features, Action Units, emotion logits)"
    ),
    "our own three emotion nets, trained on the same votes (logits, on FER+ pictures)",
]


def write_card(models: Path, name: str, units: Units, body: Table) -> Path:
    """Describe `NAME.onnx` in `NAME.card.toml`, and read the card back as the agent would.

    Args:
        models: folder of both files.
        name: of the model.
        units: by tensor: unit, and labels of the last axis.
        body: `summary`, `settings` (numbers that run-time code needs), `data` (what the weights
            have seen), `scores` (as measured) and `limits` (what they are bad at).

    Returns:
        The card's path.
    """
    content = (models / f"{name}.onnx").read_bytes()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    card: Table = {
        "name": name,
        "version": VERSIONS[name],
        "summary": body["summary"],
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": LICENCE,
        "parameters": max(1, count_parameters(content)),
        "limits": body["limits"],
        "inputs": [_tensor(node, units) for node in session.get_inputs()],
        "outputs": [_tensor(node, units) for node in session.get_outputs()],
        "settings": body["settings"],
        "data": body["data"],
        "scores": body["scores"],
    }
    path = models / f"{name}.card.toml"
    path.write_text(tomli_w.dumps(card), "utf-8")
    load_card(path)
    return path


def count_parameters(content: bytes) -> int:
    """Count the numbers in a model's initializers."""
    import onnx

    graph = onnx.load_model_from_string(content).graph
    total = 0
    for tensor in graph.initializer:
        size = 1
        for length in tensor.dims:
            size *= length
        total += size
    return total


def _tensor(node: Any, units: Units) -> Table:
    unit, labels = units[node.name]
    kinds = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int64)": "int64"}
    return {
        "name": node.name,
        "dtype": kinds[node.type],
        "shape": [size if isinstance(size, int) else -1 for size in node.shape],
        "unit": unit,
        "labels": list(labels),
    }


def encoder_card(models: Path, scores: Table, data: Table | None = None) -> Path:
    """Describe the face encoder."""
    units: Units = {
        "face": (
            "standardised gray (mean 0, deviation 1), subject's right eye at the left",
            (),
        ),
        "landmarks": ("x y pairs, Multi-PIE 68, pixels of the aligned face", ()),
        "pose": ("degrees; up, subject's left, clockwise positive", ("pitch", "yaw", "roll")),
        "gaze": ("degrees; subject's left, up positive", ("yaw", "pitch")),
        "au": ("FACS intensity 0-5, unclipped", AU_SIDE_LABELS),
        "quality": ("0 useless - 1 clean", ()),
        "embedding": ("none; never leaves memory", ()),
    }
    body: Table = {
        "summary": "Landmarks, head pose, gaze, 32 Action Unit intensities, quality of one face.",
        "settings": {},
        "data": data or {"trained_on": [RENDERS, LFW, FER], "teachers": TEACHERS},
        "scores": {"au": _au_reliability(scores), **scores},
        "limits": [
            (
                "The scale of AU intensities is learned from renders: on real faces they rank "
                "movements, they aren't certified FACS scores."
            ),
            (
                "On real faces most AUs were taught by votes for expressions: the areas under ROC "
                "on FER+ show that this carries over to new pictures, not agreement with coders."
            ),
            "Not validated on DISFA, BP4D or any FACS-coded real faces.",
            "Beyond about 45 degrees of head turn the far side's AUs are guesses.",
            "Gaze comes from renders alone.",
            "AU5, AU7, AU23 and AU24 are faint in the face model and read worst there.",
            (
                "The widest gaps between groups are those of poor pictures and of masks; the agent "
                "leaves faces of poor quality out, and what a mask hides was no lesson."
            ),
            *_skin_limit(scores),
        ],
    }
    return write_card(models, "face_encoder", units, body)


def provisional_cards(models: Path, data: Table | None = None) -> None:
    """Describe a fresh pair of encoder and head without scores, so that product code loads it."""
    nothing = {"renders_held_out": {"au": {}}}
    encoder_card(models, nothing, data)
    emotion_card(models, {}, 1.0, data or {"trained_on": [FER], "teachers": []})


def _skin_limit(scores: Table) -> list[str]:
    """Say how far apart skin tones are read, where renders were scored by them."""
    parts = scores.get("renders_held_out", {}).get("parts", {})
    thirds = [parts.get(f"skin, {third} third") for third in ("darkest", "middle", "lightest")]
    if not all(thirds):
        return []
    dark, middle, light = (third["au_mean_r"] for third in thirds)
    return [
        (
            f"Rendered Action Units are read worse in dark skin: mean correlation {dark} in the "
            f"darkest third of skin tones, {middle} and {light} in the others."
        )
    ]


def _au_reliability(scores: Table) -> dict[str, float]:
    """Rate each AU by its worst test: pages make their grades from it.

    The tests are the correlation with the labels of renders kept out and, where a FER+ class
    should show the AU, the area under ROC on real faces, rescaled so that chance is 0.
    """
    part = next((p for p in scores.values() if isinstance(p, dict) and "au" in p), {"au": {}})
    rated = {label: values["r"] for label, values in part["au"].items()}
    for name, area in scores.get("ferplus_valid_au", {}).items():
        label = name.split("_")[0]
        rated[label] = round(min(rated[label], 2 * area - 1), 3)
    return rated


def emotion_card(models: Path, scores: Table, temperature: float, data: Table) -> Path:
    """Describe the emotion head."""
    units: Units = {
        "embedding": ("the face encoder's, as it gives it", ()),
        "logits": ("divide by settings.temperature, then softmax", EMOTIONS),
    }
    body: Table = {
        "summary": "Eight FER+ expression categories of one face, from the encoder's embedding.",
        # The part of an aligned 112 px face that a FER2013 picture shows on average: where to look
        # first in such a picture.
        "settings": {"temperature": temperature, "crop_left": 8, "crop_top": 6, "crop_side": 98},
        "data": data,
        "scores": scores,
        "limits": [
            "It names what annotators see in a picture, not what a person feels.",
            "Contempt, disgust and fear are rare in its data and often missed.",
            "It has seen pictures without a stated licence (FER2013).",
            (
                "accuracy: all pictures, aligned by the encoder itself from the data set's mean "
                "framing; accuracy_aligned: the 94 % of them in which MediaPipe finds a face, "
                "aligned by its landmarks."
            ),
            "Its probabilities were calibrated on FER+ pictures, not on a shop's camera.",
        ],
    }
    return write_card(models, "emotion_head", units, body)


def detector_card(models: Path, scores: Table, settings: Table) -> Path:
    """Describe the face detector."""
    units: Units = {
        "image": ("gray 0-255, letterboxed", ()),
        "scores": ("0-1, not a calibrated probability", ()),
        "boxes": ("x1 y1 x2 y2, pixels of the input", ()),
        "points": (
            (
                "x y of right eye, left eye, nose tip, right and left mouth corner (the "
                "subject's own), pixels of the input"
            ),
            (),
        ),
    }
    body: Table = {
        "summary": "Boxes and five points of the faces in a gray picture.",
        "settings": settings,
        "data": {
            "trained_on": [
                (
                    "about 1,100 scenes with people and 880 without (sources: mask pictures from "
                    "the web, BSDS500, COCO, MPII, haarcascade negatives, groceries; rights vary)"
                ),
                f"composites of {LFW} on scenes without people",
            ],
            "teachers": ["YuNet (MIT/Apache-2.0)", "MediaPipe FaceLandmarker (Apache-2.0)"],
        },
        "scores": scores,
        "limits": [
            (
                "Of the faces on held-out scenes that are 32-64 px large in the input it finds "
                "four fifths, of those of 24-32 px some three in five, of smaller ones few."
            ),
            "Trained and judged against another detector's boxes, not against people's.",
            "It fires on masks without a face, watches, knobs and checked cloth at times.",
        ],
    }
    return write_card(models, "face_detector", units, body)


def main() -> None:
    """Write the three cards from the evaluations' JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument(
        "--detector-scores", type=Path, help="left out: the detector's card stays as it is"
    )
    arguments = parser.parse_args()
    scores = json.loads(arguments.scores.read_text("utf-8"))
    emotion = scores.pop("ferplus_valid")
    parts: Table = {"ferplus_valid": {k: v for k, v in emotion.items() if k != "temperature"}}
    if "ablation" in scores:
        parts["ablation"] = scores.pop("ablation")
    encoder_card(arguments.models, scores)
    emotion_card(
        arguments.models,
        parts,
        emotion["temperature"],
        {
            "trained_on": [
                FER,
                "a twentieth of it kept out for the temperature",
                "through the encoder's embedding, all that the encoder has seen",
            ],
            "teachers": [
                "our own encoder of eleven times the size (features, logits)",
                "our own three emotion nets (logits)",
            ],
        },
    )
    if arguments.detector_scores is not None:
        found = json.loads(arguments.detector_scores.read_text("utf-8"))
        detector_card(arguments.models, found, {"score_threshold": found.pop("threshold")})
    write_readme(arguments.models)


if __name__ == "__main__":
    main()
