"""Omokage's edge agent: a camera in, sealed feature records and released aggregates out.

Pixels never leave memory; only registered features are written; every written byte is sealed
and already knows when it dies.
"""

import os

# onnxruntime's Linux wheels (measured: 1.32) otherwise keep a device id and a database of events
# below ~/.cache, to be uploaded. It reads this when it is loaded, so it stands before everything.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
