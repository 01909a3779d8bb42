"""Network definitions; no file here knows a data set or a loss."""
