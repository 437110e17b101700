"""A Kafka broker and a Redis-compatible server without installing either, for demo and tests."""
