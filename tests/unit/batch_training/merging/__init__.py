"""Merging: from events to histories."""
