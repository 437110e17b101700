"""The contracts between night and day."""
