"""The night as a scheduler runs it: everything from reading to the report, and its exit codes."""
