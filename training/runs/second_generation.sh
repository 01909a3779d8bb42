#!/usr/bin/env bash
# The shipped weights, from nothing: render, label, train, distil, export, evaluate, describe.
# Each step resumes where it was stopped. On a GPU the nets train there (bfloat16); rendering and
# labelling stay on the CPU. EPOCHS and RENDERS may be raised where time allows.
#   training/runs/second_generation.sh DATA
# DATA holds ict_facekit/ ferplus/ lfw_crops/ london/ scenes/ photos/ videos/ teachers/. The labels
# need MediaPipe, which brings its own OpenCV: give it an environment of its own.
# `runs/warm.onnx`, if it is there, is an encoder to start from: the first generation's was.
set -euo pipefail
data=$1
python=${PYTHON:-.venv-train/bin/python}
labeller=${LABELLER:-.venv-mediapipe/bin/python}
renders=${RENDERS:-60000}
labels=runs/labels

for source in lfw london fer_train fer_valid; do
  "$labeller" -m training.label.mediapipe_faces --source "$source" --data "$data" --out "$labels"
  "$python" -m training.label.crops --source "$source" --data "$data" --labels "$labels"
done
"$python" -m training.label.yunet_boxes --data "$data" --out "$labels"
"$python" -m training.synthesis.generate --model "$data/ict_facekit/ict_facekit.npz" \
  --out runs/renders --count "$renders" --seed 2 --workers 2

"$python" -m training.recipes emotion-teacher --data "$data" --epochs "${TEACHER_EPOCHS:-24}"
"$python" -m training.recipes encoder --data "$data" --epochs "${FIRST_EPOCHS:-16}"
"$python" -m training.recipes ablation --data "$data" --epochs 4
"$python" -m training.recipes encoder-distil --data "$data" --epochs "${EPOCHS:-26}"
"$python" -m training.recipes export --data "$data" --models models
"$python" -m training.score_models --models models --data "$data" --out runs/scores.json

"$python" -m training.pack_detector --data "$data" --labels "$labels" --out runs/detector_pack
"$python" -m training.run_detector --pack runs/detector_pack --out runs/detector \
  --epochs "${DETECTOR_EPOCHS:-40}" | tee -a runs/detector.log
"$python" -m training.export_detector --checkpoint runs/detector/checkpoint.pt \
  --out models/face_detector.onnx
"$python" -m training.evaluate_detector --model models/face_detector.onnx --data "$data" \
  --labels "$labels" --log runs/detector.log --out runs/detector_scores.json
"$python" -m training.cards --models models --scores runs/scores.json \
  --detector-scores runs/detector_scores.json
# The int8 twins come last: a fresh card names none.
"$python" -m training.quantise --data "$data" --labels "$labels" \
  --only face_encoder face_detector --choose
"$python" -m training.models_readme --models models
