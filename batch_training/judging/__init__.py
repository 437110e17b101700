"""Judging: what lists are worth, next to others, and whether a model may be served."""
