"""A topic of dead letters that is gone: told, and waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient

from deploy.embedded.stack import EmbeddedStack
from deploy.kafka import EventSender
from tests.integration.world import PATIENCE_S, progress
from tests.waiting import wait_until

if TYPE_CHECKING:
    from deploy.embedded.kafka import EmbeddedKafka


@pytest.mark.waits
def test_topic_is_gone(kafka: EmbeddedKafka) -> None:
    """While dead letters can't be parked a line says where; then they are, and nothing is left."""
    with EmbeddedStack(1, kafka=kafka) as stack:
        admin = AdminClient({"bootstrap.servers": stack.kafka, "log_level": 0})
        stack.start_worker()
        wait_until(lambda: "partition 0: " in stack.worker_log.read_text(), PATIENCE_S)
        for done in admin.delete_topics([stack.dead_letters_topic]).values():
            done.result(10)
        with EventSender(stack.kafka, stack.events_topic) as sender:
            sender.send_bytes(b"no event")
        said = f"topic {stack.dead_letters_topic} takes no dead letter"
        wait_until(lambda: said in stack.worker_log.read_text(), PATIENCE_S)
        assert progress(stack).left == 1
        kafka.create_topics({stack.dead_letters_topic: 1})
        wait_until(lambda: progress(stack).left == 0, PATIENCE_S)
