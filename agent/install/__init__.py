"""Installing as a service and removing it again: what has to be done (pure), and doing it."""
