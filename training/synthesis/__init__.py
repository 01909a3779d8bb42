"""Faces with exact Action Unit labels, rendered from a 3-D morphable model."""
