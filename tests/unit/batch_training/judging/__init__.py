"""Judging: what lists are worth, and whether a model is let pass."""
