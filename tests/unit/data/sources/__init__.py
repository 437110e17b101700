"""Readers of files and of data sets."""
