"""From a frame to observations: cards, sessions, preprocessing, detection, encoding, emotion."""
