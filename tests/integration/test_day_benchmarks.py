"""The day's benchmarks on a real Kafka still run, and what they compare is the same thing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.day import latency, worker
from tests.benchmarks.world import Size

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.embedded.kafka import EmbeddedKafka

TINY = Size(users=300, videos=400, events=12_000, factors=16, iterations=2, length=10)


@pytest.mark.slow
def test_the_obvious_worker_gives_the_same_lists(kafka: EmbeddedKafka) -> None:
    """The obvious worker, a plain loop around our body, and the worker agree on every list."""
    del kafka  # there is one to be had
    report = worker.run(lambda _: None, TINY, worker.Plan(events=400, rounds=1))
    assert [row[0] for row in report.rows] == [
        *(worker.EMPTY, worker.OBVIOUS, worker.PLAIN, worker.OURS, worker.FOLLOWING),
        *(worker.OBVIOUS, worker.OURS),
    ]
    assert {len(row) for row in report.rows} == {len(report.columns)}
    agreeing, of = re.findall(r"(\d+) of (\d+) lists", " ".join(report.notes))[0]
    assert agreeing == of
    assert int(of) > 100


@pytest.mark.waits
def test_every_event_of_the_latency_is_seen(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    """The reader sees the list of every event that was sent, and both pictures are drawn."""
    del kafka  # as above
    loads = [latency.Load(100, 2, (6, 20))]
    report = latency.run(lambda _: None, TINY, loads, burst=500, warm_up=50, folder=tmp_path)
    assert [row[1] for row in report.rows][:1] == ["200"]
    assert 0 < float(report.rows[0][2]) <= float(report.rows[0][5])
    assert {path.name for path in tmp_path.iterdir()} == {
        "day-latency.svg",
        "day-latency-over-time.svg",
    }
