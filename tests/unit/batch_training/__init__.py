"""The night as a whole."""
