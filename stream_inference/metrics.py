"""Metrics of a worker, in Prometheus' form: counted cheaply, put together when somebody asks."""

from __future__ import annotations

import errno
import time
from bisect import bisect_left
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike
    from prometheus_client import Metric

    from stream_inference.dead_letters import Message
    from stream_inference.hot_swap import HotSwap
    from stream_inference.logs import Logs
    from stream_inference.micro_batch import MicroBatches

PORTS: Final = 16  # tried one after the other, for workers that share a machine
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60)


class Histogram:
    """Counts by bounds; one thread adds, any thread reads."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = np.zeros(len(bounds) + 1, np.int64)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_many(self, values: ArrayLike) -> None:
        """Count values; those below 0 count as 0."""
        values = np.maximum(values, 0.0)
        places = np.searchsorted(self._bounds, values)
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum += float(values.sum())

    def family(self, name: str, meaning: str) -> Metric:
        """Give what Prometheus reads."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        counts = self._counts.cumsum().astype(float)
        buckets = list(zip(names, counts, strict=True))
        return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=self._sum)


class Sources(NamedTuple):
    """Where a worker counts; read when somebody asks.

    Attributes
    ----------
    lag
        Gives, for each partition of this worker, how many of its events are not reflected yet;
        None while nobody knows.
    """

    batches: MicroBatches
    swap: HotSwap
    logs: Logs
    lag: Callable[[], Mapping[int, int | None]]


class WorkerMetrics(Collector):
    """Everything that a worker tells of itself.

    Parameters
    ----------
    sources
        Where the counts are.
    """

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._sizes = Histogram(_SIZES)
        self._batch_seconds = Histogram(_SECONDS)
        self._event_seconds = Histogram(_SECONDS)
        self._last_beat: float | None = None

    def batch(self, messages: Sequence[Message], seconds: float) -> None:
        """Count a batch that is reflected: a few microseconds."""
        self._sizes.add(len(messages))
        self._batch_seconds.add(seconds)
        sent = np.array([m.sent_s for m in messages if m.sent_s is not None], np.float64)
        self._event_seconds.add_many(time.time() - sent)

    def beat(self) -> None:
        """Remember that a heartbeat is in Redis."""
        self._last_beat = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        """Put everything together."""
        yield InfoMetricFamily("upnext", "This release.", {"version": version("upnext")})
        yield from self._of_events()
        yield from self._of_the_model()
        yield from self._of_kafka()
        if self._last_beat is not None:
            age = time.monotonic() - self._last_beat
            yield GaugeMetricFamily(
                "upnext_heartbeat_age_seconds", "Since the last heartbeat that Redis took.", age
            )
        lines = CounterMetricFamily(
            "upnext_log_lines_lost", "Lines that are not in the log.", labels=["why"]
        )
        lines.add_metric(["too_many_of_a_kind"], self._from.logs.held_back)
        lines.add_metric(["nobody_read"], self._from.logs.dropped)
        yield lines

    def _of_events(self) -> Iterator[Metric]:
        batches = self._from.batches
        for name, meaning, count in (
            ("events", "Events reflected in Redis, dead letters not counted.", batches.events),
            ("unchanged_users", "Users of a batch who held all of it before.", batches.unchanged),
            ("other_keys", "Events whose Kafka key isn't their user's id.", batches.other_keys),
            ("lost_races", "Writes done again: somebody wrote in between.", batches.lost_races),
            ("redis_retries", "Calls done again: Redis was away or refused.", batches.retries),
        ):
            yield CounterMetricFamily(f"upnext_{name}", meaning, count)
        letters = CounterMetricFamily(
            "upnext_dead_letters", "Events that could not be used.", labels=["reason"]
        )
        for reason, count in dict(batches.reasons).items():
            letters.add_metric([reason], count)
        yield letters
        yield self._sizes.family("upnext_batch_events", "Events in a micro-batch.")
        yield self._batch_seconds.family(
            "upnext_batch_seconds", "From a batch in hand to its lists in Redis."
        )
        yield self._event_seconds.family(
            "upnext_event_to_list_seconds", "From the time in Kafka to the list in Redis."
        )

    def _of_the_model(self) -> Iterator[Metric]:
        swap = self._from.swap
        serving = swap.serving
        if serving is not None:
            yield InfoMetricFamily("upnext_model", "What is served.", {"version": serving.version})
            yield GaugeMetricFamily(
                "upnext_model_activation", "Its activation.", serving.activation
            )
            yield GaugeMetricFamily(
                "upnext_model_age_seconds", "Since the last swap.", swap.seconds_since_swap()
            )
        yield CounterMetricFamily("upnext_swaps_refused", "Models refused.", swap.refused)
        yield GaugeMetricFamily(
            "upnext_model_trouble",
            "1 if the current model is not the one in hand.",
            bool(swap.trouble),
        )

    def _of_kafka(self) -> Iterator[Metric]:
        behind = self._from.lag()
        yield GaugeMetricFamily("upnext_partitions", "Partitions of this worker.", len(behind))
        lag = GaugeMetricFamily(
            "upnext_lag_events", "Events that are not reflected yet.", labels=["partition"]
        )
        for partition, events in behind.items():
            if events is not None:
                lag.add_metric([str(partition)], events)
        yield lag


def serve(metrics: WorkerMetrics, host: str, port: int) -> int:
    """Serve metrics over HTTP at this port, or at one of the next where it is taken.

    Returns
    -------
    The port.

    Raises
    ------
    OSError
        If all are taken, or the host is not ours.
    """
    registry = CollectorRegistry()
    registry.register(metrics)
    ProcessCollector(registry=registry)
    last = min(port + PORTS, 65_536) - 1
    while True:
        try:
            start_http_server(port, host, registry)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == last:
                raise
            port += 1
        else:
            return port
