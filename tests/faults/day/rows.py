"""The whole table: importing this enters every row."""

from __future__ import annotations

from tests.faults.day import (
    broker_rows,
    chaos_rows,
    control_rows,
    differential_rows,
    event_rows,
    eviction_rows,
    fail_over_rows,
    far_broker_rows,
    model_rows,
    network_rows,
    publisher_rows,
    race_rows,
    redis_rows,
    worker_rows,
)
from tests.faults.day.table import ROWS

__all__ = [
    "ROWS",
    "broker_rows",
    "chaos_rows",
    "control_rows",
    "differential_rows",
    "event_rows",
    "eviction_rows",
    "fail_over_rows",
    "far_broker_rows",
    "model_rows",
    "network_rows",
    "publisher_rows",
    "race_rows",
    "redis_rows",
    "worker_rows",
]
