"""Sign-in in front of the pages: accounts, sessions, limits, and the gate that asks for them."""
