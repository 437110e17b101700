"""Folding in and ranking, against slow and obvious twins."""
