"""The embedded broker and server do what the demo and the tests rest on."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import confluent_kafka
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.embedded.broker import PARTITION_BYTES, EmbeddedBroker, TrimmedError
from deploy.embedded.redis_server import EmbeddedRedis, available_servers, free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPIC = "events"
PARTITIONS = 4

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/net/tcp")


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker({TOPIC: PARTITIONS}) as running:
        yield running


@pytest.fixture(params=sorted(available_servers()))
def server_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def produce(broker: EmbeddedBroker, payloads: list[bytes]) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for number, payload in enumerate(payloads):
        producer.produce(TOPIC, payload, partition=number % PARTITIONS)
    assert producer.flush(20) == 0


def consume(broker: EmbeddedBroker, count: int) -> list[bytes]:
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "test",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe([TOPIC])
    received: list[bytes] = []

    def all_received() -> bool:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            received.append(message.value() or b"")
        return len(received) >= count

    try:
        wait_until(all_received, poll=0)
    finally:
        consumer.close()
    return received


def test_round_trip(broker: EmbeddedBroker) -> None:
    """What one client sends through the broker, a group's member receives, all of it."""
    sent = [b"%d" % number for number in range(100)]
    produce(broker, sent)
    assert sorted(consume(broker, len(sent))) == sorted(sent)
    broker.check_untrimmed()


def test_round_trip_with_aiokafka(broker: EmbeddedBroker) -> None:
    """The client that Faust uses sends, joins a group, receives and commits."""
    assert asyncio.run(round_trip_with_aiokafka(broker.bootstrap)) == (b"hello", 1)


async def round_trip_with_aiokafka(bootstrap: str) -> tuple[bytes | None, int | None]:
    async with (
        AIOKafkaProducer(bootstrap_servers=bootstrap) as producer,
        AIOKafkaConsumer(
            TOPIC, bootstrap_servers=bootstrap, group_id="test", auto_offset_reset="earliest"
        ) as consumer,
    ):
        await producer.send_and_wait(TOPIC, b"hello", partition=2)
        record = await asyncio.wait_for(consumer.getone(), 20)
        await consumer.commit()
        (partition,) = (place for place in consumer.assignment() if place.partition == 2)
        return record.value, await consumer.committed(partition)


def test_full_partition_is_told(broker: EmbeddedBroker) -> None:
    """A topic that outgrew its partitions is an error: the broker drops the oldest in silence."""
    payload = bytes(500_000)
    fits = PARTITION_BYTES // len(payload) - 1
    produce(broker, [payload] * fits * PARTITIONS)
    broker.check_untrimmed()
    produce(broker, [payload] * 3 * PARTITIONS)
    with pytest.raises(TrimmedError, match=r"events\[0\]"):
        broker.check_untrimmed()


def test_outage(broker: EmbeddedBroker) -> None:
    """A broker that is down refuses its clients; up again, it has what it had."""
    produce(broker, [b"before"])
    broker.set_down()
    wait_until(lambda: not answers(broker), what="the outage")
    broker.set_up()
    wait_until(lambda: answers(broker), what="the broker")
    produce(broker, [b"after"])
    assert sorted(consume(broker, 2)) == [b"after", b"before"]


def answers(broker: EmbeddedBroker) -> bool:
    client = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    try:
        client.list_topics(timeout=1)
    except confluent_kafka.KafkaException:
        return False
    return True


def test_brokers_side_by_side(broker: EmbeddedBroker) -> None:
    """Two brokers in one process know nothing of each other, and one can be closed twice."""
    with EmbeddedBroker({"other": 1}) as other:
        assert other.bootstrap != broker.bootstrap
        client = confluent_kafka.Producer({"bootstrap.servers": other.bootstrap})
        assert set(client.list_topics(timeout=10).topics) == {"other"}
    other.close()
    produce(broker, [b"still here"])


def test_server_answers(server_name: str) -> None:
    """Each server that is found starts, answers, and never evicts a key."""
    with EmbeddedRedis(prefer=server_name) as server, redis.from_url(server.url) as client:
        assert client.ping()
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.info("server")["process_id"] == server.pid


def test_server_keeps_what_it_should(server_name: str, tmp_path: Path) -> None:
    """A server that is told to keep its data has it after a kill, on the same port."""
    with EmbeddedRedis(prefer=server_name, keep_in=tmp_path) as server:
        url = server.url
        with redis.from_url(url) as client:
            client.set("word", "kept")
        server.kill()
        server.start()
        assert server.url == url
        with redis.from_url(url) as client:
            assert client.get("word") == b"kept"


def test_server_forgets_by_default(server_name: str) -> None:
    """A server that is told nothing starts empty, and leaves nothing behind."""
    with EmbeddedRedis(prefer=server_name) as server:
        with redis.from_url(server.url) as client:
            client.set("word", "lost")
            folder = Path(client.config_get("dir")["dir"])
        assert folder.exists()
        server.kill()
        assert not folder.exists()
        server.start()
        with redis.from_url(server.url) as client:
            assert client.get("word") is None


def test_missing_server_is_named() -> None:
    """Asking for a server that is not here says so, and what to install."""
    with pytest.raises(RuntimeError, match=r"No keydb here\. Install"):
        EmbeddedRedis(prefer="keydb")


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A server that ends at once shows its last words in the error."""
    with pytest.raises(RuntimeError, match="No such file or directory"):
        EmbeddedRedis(keep_in=tmp_path / "missing")


def test_no_port_is_given_twice() -> None:
    """Whoever asks for the ports of many servers before the first listens gets different ones."""
    ports = [free_port() for _ in range(1000)]
    assert len(set(ports)) == len(ports)


@needs_proc
def test_only_loopback_listens(broker: EmbeddedBroker, server_name: str) -> None:
    """Neither the broker nor the server can be reached from another machine."""
    with EmbeddedRedis(prefer=server_name) as server:
        ours = listening_addresses(os.getpid()) | listening_addresses(server.pid)
        ports = {
            int(url.rpartition(":")[2].partition("/")[0]) for url in (broker.bootstrap, server.url)
        }
        assert ports <= {port for _, port in ours}
        assert {address for address, _ in ours} == {"127.0.0.1"}


def listening_addresses(pid: int) -> set[tuple[str, int]]:
    """Read which addresses and ports a process listens on, out of /proc."""
    entries = Path(f"/proc/{pid}/fd").iterdir()
    own = {str(entry.readlink()) for entry in entries if entry.is_symlink()}
    tables = [Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6")]
    lines = itertools.chain.from_iterable(
        table.read_text().splitlines()[1:] for table in tables if table.exists()
    )
    fields = (line.split() for line in lines)
    return {
        _address(local)
        for _, local, _, state, _, _, _, _, _, inode, *_ in fields
        if state == "0A" and f"socket:[{inode}]" in own
    }


def _address(text: str) -> tuple[str, int]:
    """Turn /proc's hexadecimal, byte-swapped address into what people write."""
    host, port = text.split(":")
    octets = reversed(bytes.fromhex(host))
    return ".".join(map(str, octets)), int(port, 16)
