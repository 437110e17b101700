"""Kafka from the roof: is it there, are its topics right, and events sent to it."""

from deploy.kafka.client import KafkaSetupError, KafkaUnavailableError, connect
from deploy.kafka.sender import EventSender
from deploy.kafka.topics import check_there, check_topics, needed

__all__ = [
    "EventSender",
    "KafkaSetupError",
    "KafkaUnavailableError",
    "check_there",
    "check_topics",
    "connect",
    "needed",
]
