"""What is kept on disk: sealed segments, and released aggregates in a database of their own."""
