"""Whether a site is well: what is asked of it, what was found, and what to do about it."""
