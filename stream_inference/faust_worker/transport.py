"""Faust's Kafka transport, with a fetch wait that can be set: Faust hard-codes 1.5 s."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver

SCHEME: Final = "upnext"


class Thread(driver.AIOKafkaConsumerThread):
    """The thread that fetches; a process has one."""

    fetch_wait_ms: ClassVar[int] = 1500

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401 - Faust's own types
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = self.fetch_wait_ms  # noqa: SLF001 - there is no public way
        return consumer


class Consumer(driver.Consumer):
    """A consumer that fetches in our thread."""

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """The transport behind the scheme `SCHEME`."""


Transport.Consumer = Consumer


def register(fetch_wait_ms: int) -> None:
    """Make the scheme known to Faust, and let the broker hold a fetch for that long."""
    Thread.fetch_wait_ms = fetch_wait_ms
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
