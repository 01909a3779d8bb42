"""Readers of the data sets, one file each; every reader returns plain numpy arrays."""
