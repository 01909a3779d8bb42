"""The nouns of Omokage, one file each; frozen, pure, without I/O."""
