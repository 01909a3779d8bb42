#!/usr/bin/env bash
# The shipped weights, from nothing: render, label, train, distil, export, evaluate, describe.
# Each step resumes where it was stopped. On a GPU the nets train there (bfloat16), and the renders
# are drawn by its OpenGL where that is set up; labelling stays on the CPU.
#   training/runs/third_generation.sh DATA
# DATA holds ict_facekit/ ferplus/ lfw_crops/ london/ scenes/ photos/ videos/ teachers/. The labels
# need MediaPipe, which brings its own OpenCV: give it an environment of its own.
# One H100 with 16 cores took 4 minutes for the renders and 18 for the encoders as written here; on
# two cores without a GPU give far fewer epochs (a tenth is a day).
set -euo pipefail
data=$1
python=${PYTHON:-.venv-train/bin/python}
labeller=${LABELLER:-.venv-mediapipe/bin/python}
renders=${RENDERS:-150000}
workers=${WORKERS:-2}
labels=runs/labels

for source in lfw london fer_train fer_valid; do
  "$labeller" -m training.label.mediapipe_faces --source "$source" --data "$data" --out "$labels"
  "$python" -m training.label.crops --source "$source" --data "$data" --labels "$labels"
done
"$python" -m training.label.yunet_boxes --data "$data" --out "$labels"
model=$data/ict_facekit/ict_facekit.npz
"$python" -m training.synthesis.generate --model "$model" --out runs/renders \
  --count "$renders" --seed 2 --workers "$workers" --part train
# The cards' scores are on these: every tenth identity of the first 60,000.
"$python" -m training.synthesis.generate --model "$model" --out runs/renders_held \
  --count 60000 --seed 2 --workers "$workers" --part held_out

"$python" -m training.recipes committee --data "$data" --epochs "${COMMITTEE_EPOCHS:-70}" --batch 512
"$python" -m training.recipes teacher --data "$data" --epochs "${TEACHER_EPOCHS:-16}"
"$python" -m training.recipes encoder --data "$data" --epochs "${EPOCHS:-30}"
"$python" -m training.recipes restart --data "$data" --epochs "${RESTART_EPOCHS:-5}"
"$python" -m training.recipes ablation --data "$data" --epochs "${ABLATION_EPOCHS:-4}"
"$python" -m training.recipes clean --data "$data" --epochs "${CLEAN_EPOCHS:-6}"
"$python" -m training.recipes export --data "$data" --models models
"$python" -m training.score_models --models models --data "$data" --out runs/scores.json

"$python" -m training.pack_detector --data "$data" --labels "$labels" --out runs/detector_pack
"$python" -m training.run_detector --pack runs/detector_pack --out runs/detector \
  --epochs "${DETECTOR_EPOCHS:-24}" | tee -a runs/detector.log
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
