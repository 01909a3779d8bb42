"""Databases: what is acknowledged is on the disk, what is deleted is gone from it."""
