"""Frames in: cameras, streams, video files and pictures, and what keeps them fresh.

A source owns its errors: a live one lets out `CameraError`, a file lets out `MediaError`, and
nothing else leaves this floor. Nothing here writes a pixel, logs a pixel, or logs an address
with its password. Frames live in buffers that their owner wipes.
"""
