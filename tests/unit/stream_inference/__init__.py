"""The worker's parts, without Kafka."""
