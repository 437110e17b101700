"""The metrics that a worker has are those of the page, and count what they say."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from data.frozen_model import ModelVersion
from data.interaction import EventLimits
from data.model_store import ModelStore
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from data.user_store import UserStore
from deploy.embedded.redis_server import EmbeddedRedis, free_port
from stream_inference.dead_letters import Message, Origin
from stream_inference.hot_swap import HotSwap
from stream_inference.metrics import PORTS, Histogram, Sources, WorkerMetrics, serve
from stream_inference.micro_batch import MicroBatches
from stream_inference.recommend import Serving
from tests.builders import model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_inference.dead_letters import DeadLetter

PAGE: Final = Path(__file__).parents[3] / "docs" / "operations.md"
COUNTED: Final = re.compile("_(total|info)$")


class NoLogs:
    """A log in which nothing was lost."""

    held_back = dropped = 0


async def park(letter: DeadLetter) -> None:
    """Forget a dead letter."""


@pytest.fixture
def metrics() -> Iterator[WorkerMetrics]:
    """Give the metrics of a worker that has a model and did nothing yet."""
    with EmbeddedRedis() as server, connect(server.url) as client:
        keys = RedisKeys()
        swap = HotSwap(ModelStore(client, keys))
        swap.serving = Serving(model(), ModelVersion("v"), 7)
        batches = MicroBatches(UserStore(client, keys), swap, EventLimits(), park)
        yield WorkerMetrics(Sources(batches, swap, NoLogs(), lambda: {0: 5, 1: None}))  # type: ignore[arg-type]  # stands for logs


def test_page_has_every_metric(metrics: WorkerMetrics) -> None:
    """The table of metrics, and the rules, name those that a worker serves, and no other."""
    metrics.beat()
    served = {COUNTED.sub("", family.name) for family in metrics.collect()}
    page = PAGE.read_text()
    table = {
        COUNTED.sub("", name)
        for row in re.findall(r"^\| (`upnext_[^|]+) \|", page, re.MULTILINE)
        for name in re.findall("`([^`]+)`", row)
    }
    assert served == table
    rules = {COUNTED.sub("", name) for name in re.findall(r"expr: .*?(upnext_\w+)", page)}
    assert rules <= served


def test_batches_are_counted_whatever_the_clocks_say(metrics: WorkerMetrics) -> None:
    """A batch counts once, each event of it with its age, and one of the future as 0 s old."""
    now = time.time()
    sent = [now - 3, now + 86_400, None]
    messages = [Message(Origin("events", 0, n), b"", None, at) for n, at in enumerate(sent)]
    metrics.batch(messages, 0.03)
    samples = {
        sample.name + sample.labels.get("le", ""): sample.value
        for family in metrics.collect()
        for sample in family.samples
    }
    assert samples["upnext_batch_events_bucket2.0"] == 0
    assert samples["upnext_batch_events_bucket4.0"] == 1
    assert samples["upnext_batch_seconds_bucket0.05"] == 1
    assert samples["upnext_event_to_list_seconds_bucket0.002"] == 1
    assert samples["upnext_event_to_list_seconds_count"] == 2
    assert samples["upnext_event_to_list_seconds_sum"] == pytest.approx(3, abs=1)


def test_bounds_belong_to_their_bucket() -> None:
    """A value on a bound counts below it, and what is beyond all bounds counts too."""
    histogram = Histogram((1, 2))
    histogram.add_many([0.5, 1, 1.5])
    histogram.add(2)
    histogram.add(9)
    counts = [s.value for s in histogram.family("x", "y").samples if s.name == "x_bucket"]
    assert counts == [2, 4, 5]


def test_counting_is_cheap(metrics: WorkerMetrics) -> None:
    """A batch of 256 events is counted in less than a millisecond, also on a busy machine."""
    messages = [Message(Origin("e", 0, n), b"", None, 1e9) for n in range(256)]
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        metrics.batch(messages, 0.1)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.001


def test_taken_ports(metrics: WorkerMetrics) -> None:
    """The port after a taken one is used; where none is left or the host isn't ours, that is said.

    A host that can't be found is told as such, not as a port that is taken.
    """
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert port < serve(metrics, "127.0.0.1", port) < port + PORTS
    with pytest.raises(OSError, match=r"not known|resolution"):
        serve(metrics, "host.invalid", port)
    with (
        socket.create_server(("127.0.0.1", 65_535)),
        pytest.raises(OSError, match="in use"),
    ):
        serve(metrics, "127.0.0.1", 65_535)
