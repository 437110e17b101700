"""Merging: from events to every user's history, in memory that follows distinct pairs."""
