"""Events of transactions: those that were committed count, the others never happened."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.error import URLError

import confluent_kafka
import pytest

from data.interaction import encode
from deploy.embedded.redis_server import free_port
from deploy.embedded.stack import EmbeddedStack
from tests.builders import interaction
from tests.integration.test_worker_page import scrape
from tests.integration.world import (
    PATIENCE_S,
    Stores,
    expect,
    progress,
    stale,
    traffic,
    wait_until_reflected,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from deploy.embedded.kafka import EmbeddedKafka
    from tests.integration.world import Plain


class Producer:
    """Sends events in transactions."""

    def __init__(self, stack: EmbeddedStack) -> None:
        self._topic = stack.events_topic
        settings = {"bootstrap.servers": stack.kafka, "transactional.id": self._topic}
        self._producer = confluent_kafka.Producer(settings)
        self._producer.init_transactions(10)

    def send(self, events: list[Plain], *, commit: bool) -> None:
        """Send events, and say that they are, or that they never were."""
        self._producer.begin_transaction()
        for event in events:
            self._producer.produce(self._topic, encode(interaction(event)))
        self._producer.flush(10)
        if commit:
            self._producer.commit_transaction(10)
        else:
            self._producer.abort_transaction(10)


@pytest.mark.slow
def test_transactions(kafka: EmbeddedKafka) -> None:
    """Aborted events are not reflected, and nothing is behind once the committed ones are."""
    port = free_port()
    with EmbeddedStack(1, {"metrics-port": str(port)}, kafka) as stack:
        stack.start_worker()
        stores = Stores.at(stack.redis_url)
        producer = Producer(stack)
        first, aborted, last = (traffic(["u1", "u2"], 20, seed=seed) for seed in (1, 2, 3))
        producer.send(first, commit=True)
        producer.send(aborted, commit=False)
        producer.send(last, commit=True)
        wait_until_reflected(stores, expect(first, last), stack)
        wait_until_nothing_is_behind(stack, port)
        assert stale(stores, expect(first, last)) == []
        # What Kafka counts ends behind the mark of the last transaction, which nobody handles.
        wait_until(lambda: progress(stack).left == 1, PATIENCE_S)

        stack.start_worker()
        wait_until_nothing_is_behind(stack, port)
        producer.send(aborted, commit=True)
        wait_until_reflected(stores, expect(first, aborted, last), stack)
        wait_until(lambda: progress(stack).left == 1, PATIENCE_S)
        stores.client.close()


def wait_until_nothing_is_behind(stack: EmbeddedStack, port: int) -> None:
    """Wait until the worker that runs now has told that its lag is 0."""

    def nothing() -> bool:
        stack.check_worker()
        try:
            return scrape(port).get("upnext_lag_events{partition=0}") == 0
        except URLError:  # it starts
            return False

    wait_until(nothing, PATIENCE_S, what="a lag of 0")
