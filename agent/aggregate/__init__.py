"""Numbers about a bucket of time: gathered in memory, released after suppression."""
