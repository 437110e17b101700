"""Tuning: search the settings that make the best lists on a window before the one that judges."""
