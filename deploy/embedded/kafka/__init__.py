"""An Apache Kafka of one's own, from its Maven artefacts: for development and for tests."""

from deploy.embedded.kafka.jars import KafkaMissingError, find_jars
from deploy.embedded.kafka.server import EmbeddedKafka, KafkaStartError

__all__ = ["EmbeddedKafka", "KafkaMissingError", "KafkaStartError", "find_jars"]
