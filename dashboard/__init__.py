"""The pages: read released aggregates, and nothing that needs a key."""
