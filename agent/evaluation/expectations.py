"""Which Action Units a clear expression should show, and how well intensity tells it.

It isn't ground truth about AUs: annotators named an expression, not muscles. It is the only check
of AUs on many real faces that needs no certified coder.

Source: Ekman & Friesen's EMFACS prototypes, as in Ekman, Friesen & Hager 2002.
"""

from __future__ import annotations

CLASS_AUS: dict[str, tuple[str, ...]] = {
    "happiness": ("AU12", "AU06"),
    "surprise": ("AU01", "AU02", "AU05", "AU26"),
    "anger": ("AU04",),
    "disgust": ("AU09", "AU10"),
    "sadness": ("AU15", "AU17", "AU04", "AU01"),
    "fear": ("AU20",),
}
"""AUs of each FER+ class that are compared with neutral faces."""
