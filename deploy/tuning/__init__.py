"""Tuning for people: the search with its progress, its tables, and the file that it writes."""
