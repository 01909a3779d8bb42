"""Omokage's edge agent: a camera in, sealed feature records and released aggregates out.

Pixels never leave memory; only registered features are written; every written byte is sealed
and already knows when it dies.
"""
