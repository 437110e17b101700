"""The search of the settings."""
