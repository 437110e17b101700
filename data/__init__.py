"""Contracts, not a heap of files: all that crosses between the night and the day."""
