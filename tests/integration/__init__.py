"""Real parts together: broker, Redis-compatible server, worker."""
