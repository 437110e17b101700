"""Reading: from files as they stand to valid events, and a count of the rest."""
