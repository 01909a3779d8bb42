"""The fonts that documents embed, and how they were made from the full ones."""
