"""Benchmarks of the day on a real Kafka, with the producer on the same cores."""
