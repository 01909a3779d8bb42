"""Build Omokage's models: synthesis, data, training, distillation, export, evaluation.

torch lives only in this package. It shares with the running agent nothing but
`agent.domain` (words and labels) and `agent.inference`'s card and preprocessing, so that a
model is fed in training exactly as it is fed on the edge.
"""

import agent  # noqa: F401  (keeps onnxruntime from reporting to its maker; see there)
