"""The command line, the settings, and what a person is shown."""
