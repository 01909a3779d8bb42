"""Tables out: rows in OpenFace's column convention as CSV, Parquet or JSON Lines.

A table is written to `NAME.part` and renamed when it is complete, so that a killed run leaves no
half file that looks whole. Memory stays constant whatever the table's length.
"""
