"""The documentation: it says what the code does."""
