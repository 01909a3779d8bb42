"""What may be written at all: the register of features, and the one way into a record."""
