"""Sealing for those who may only write, opening for those who may read; never in one type.

The agent imports `keys` and `seal`: public keys and the device's signing key. A reviewer's tools
import `open`, which reads the vault. `create` makes both sides, once, at set-up.
"""
