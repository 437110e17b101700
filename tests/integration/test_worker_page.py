"""What the person who runs a worker sees: the page at its start, the log, and the metrics."""

from __future__ import annotations

import re
import socket
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from data.interaction import encode
from deploy.embedded.redis_server import free_port
from deploy.embedded.stack import EmbeddedStack
from deploy.kafka import EventSender
from tests.builders import interaction
from tests.integration.test_bad_events import bad_payloads
from tests.integration.world import (
    PATIENCE_S,
    Stores,
    World,
    activate,
    beat_of,
    expect,
    progress,
    send,
    traffic,
    wait_until_follows,
    wait_until_reflected,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from deploy.embedded.kafka import EmbeddedKafka
    from tests import oracle

    Scraped = Mapping[str, float]


@pytest.fixture(scope="module")
def port() -> int:
    """Give a port for metrics that is free at the moment."""
    return free_port()


@pytest.fixture(scope="module")
def stack(kafka: EmbeddedKafka, port: int) -> Iterator[EmbeddedStack]:
    """Give a worker with metrics, on a real Kafka."""
    flags = {"metrics-port": str(port), "max-batch": "64"}
    with EmbeddedStack(partitions=2, worker_flags=flags, kafka=kafka) as stack:
        yield stack


def scrape(port: int) -> dict[str, float]:
    """Ask as Prometheus does; gives samples by ``name`` or ``name{label=value}``."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {
            sample.name + "".join(f"{{{k}={v}}}" for k, v in sample.labels.items()): sample.value
            for family in families
            for sample in family.samples
        }


def test_metrics_match_the_traffic(stack: EmbeddedStack, port: int, world: World) -> None:
    """Events, dead letters by reason, other keys, batches, lag and model are what was sent."""
    stores = Stores.at(stack.redis_url)
    active = activate(stores, world.model)
    stack.start_worker()
    wait_until_follows(stores, stack, active.activation)
    good = traffic([f"user{number}" for number in range(9)], 150, seed=3)
    bad = {payload: reason for payload, reason in bad_payloads() if payload is not None}
    send_mixed(stack, good, bad)
    wait_until_reflected(stores, expect(good), stack)
    reasons = list(bad.values())
    wanted = {f"upnext_dead_letters_total{{reason={r}}}": reasons.count(r) for r in set(reasons)}
    wanted |= {
        "upnext_events_total": len(good),
        "upnext_other_keys_total": 50,
        "upnext_event_to_list_seconds_count": len(good) + len(reasons),
        "upnext_batch_events_sum": len(good) + len(reasons),
        "upnext_partitions": 2,
        "upnext_lag_events{partition=0}": 0,
        "upnext_lag_events{partition=1}": 0,
        "upnext_model_activation": active.activation,
        f"upnext_model_info{{version={active.version}}}": 1,
    }
    wait_until(lambda: wanted.items() <= scrape(port).items(), PATIENCE_S, what=f"{wanted}")
    check_times(scrape(port))
    wait_until(
        lambda: (beat := beat_of(stores, stack)) and (beat.other_keys, beat.lag) == (50, 0),
        PATIENCE_S,
    )
    stores.client.close()


def send_mixed(stack: EmbeddedStack, good: Sequence[oracle.Event], bad: Iterable[bytes]) -> None:
    """Send good events, bad ones, and then the rest of the good ones under another key."""
    with EventSender(stack.kafka, stack.events_topic) as sender:
        for event in good[:100]:
            sender.send(interaction(event))
        for payload in bad:
            sender.send_bytes(payload)
        for event in good[100:]:
            sender.send_bytes(encode(interaction(event)), b"somebody else")


def check_times(scraped: Scraped) -> None:
    """Make sure that what was measured can be true."""
    assert 0 < scraped["upnext_batch_seconds_sum"] < PATIENCE_S
    assert scraped["upnext_event_to_list_seconds_sum"] > 0
    assert 0 <= scraped["upnext_heartbeat_age_seconds"] < PATIENCE_S
    assert 0 <= scraped["upnext_model_age_seconds"] < PATIENCE_S


def test_page_at_the_start(stack: EmbeddedStack, port: int) -> None:
    """A worker that goes on says with what, where it goes on, and which port it took instead."""
    if stack.worker is None:
        stack.start_worker()
    send(stack, traffic([f"page{number}" for number in range(20)], 40, seed=4))
    wait_until(lambda: progress(stack).left == 0, PATIENCE_S)
    stack.stop_worker()
    already = len(stack.worker_log.read_text())
    with socket.create_server(("127.0.0.1", port)):
        stack.start_worker()
        wait_until(lambda: "partition 1: " in stack.worker_log.read_text()[already:], PATIENCE_S)
    told = stack.worker_log.read_text()[already:]
    for words in (
        r"UpNext worker version=\S+ pid=\d+ ",
        r'Redis server="(redis|valkey) [\d.]+, one server" url=redis://127.0.0.1:\d+/0',
        rf"Kafka, events servers={stack.kafka} topic={stack.events_topic} partitions=2",
        rf"Kafka, dead letters .* topic={stack.dead_letters_topic} partitions=1",
        r"rules max_batch=64 ",
        r"metrics address=http://127.0.0.1:\d+/metrics",
        rf"the metrics have port \d+, as {port} is taken",
        r"partitions after a rebalance came=0,1 went=none has=0,1",
        r"partition [01]: goes on at offset \d+ \(lag 0\)",
    ):
        assert re.search(words, told), (words, told)
    assert "stopped in order" in stack.worker_log.read_text()[:already]
