"""One page a file; thin: queries read, estimates combine, charts draw."""
