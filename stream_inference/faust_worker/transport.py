"""Faust's Kafka transport, with a fetch wait that can be set: Faust hard-codes 1.5 s."""

from __future__ import annotations

from typing import Any

from faust.transport.drivers import aiokafka as driver


def transport_with_fetch_wait(wait_ms: int) -> type[driver.Transport]:
    """Make a transport whose consumer lets the broker hold a fetch for ``wait_ms``."""

    class Thread(driver.AIOKafkaConsumerThread):
        def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401 - Faust's own types
            consumer = super()._create_worker_consumer(transport)
            consumer._fetch_max_wait_ms = wait_ms  # noqa: SLF001 - there is no public way
            return consumer

    class Consumer(driver.Consumer):
        def _new_consumer_thread(self) -> Thread:
            return Thread(self, loop=self.loop, beacon=self.beacon)

    class Transport(driver.Transport):
        pass

    Transport.Consumer = Consumer
    return Transport
