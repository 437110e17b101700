"""Report: the night's page, a single HTML file that needs no network."""

from batch_training.report.page import render

__all__ = ["render"]
