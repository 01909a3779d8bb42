"""Omokage's edge agent: a camera in, sealed feature records and released aggregates out.

Pixels never leave memory; only registered features are written; every written byte is sealed
and already knows when it dies.
"""

import os

# From 1.29 on onnxruntime's wheels for Linux report to their maker: which program runs which model
# on which machine, with a number for the machine, kept in ~/.cache/Microsoft and sent whenever
# there is a network. It reads this once, when it is loaded, and everything of ours that loads it
# imports this package first. Not a default: nothing in the environment may switch it on.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["ORT_TELEMETRY_DISABLED"] = "1"
