"""Settings and policies: read and checked once, frozen, handed down."""
