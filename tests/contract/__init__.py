"""One suite per contract, run against every server that has to keep it."""
