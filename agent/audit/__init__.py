"""The access log's chain: how entries are linked, signed, verified, and stripped of persons."""
