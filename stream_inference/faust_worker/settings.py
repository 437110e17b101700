"""What a worker needs to be told."""

from __future__ import annotations

import msgspec

from data.defaults import DEFAULT_LENGTH, DEFAULT_TTL_S
from data.interaction import EventLimits
from stream_inference.batch_bound import DEFAULT_MAX_BATCH, DEFAULT_MAX_BATCH_S
from stream_inference.kafka_security import NO_SECURITY, KafkaSecurity


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one worker process.

    Attributes
    ----------
    kafka
        Bootstrap servers, ``host:port,host:port``.
    security
        How they are reached.
    events_topic, dead_letters_topic
        Where events come from, and where those go that can't be used.
    group
        Consumer group; workers of one group share the partitions.
    instance
        Static member id for a fixed fleet: a worker that crashed takes its partitions up again
        at once. None for a fleet that grows and shrinks.
    redis_url, redis_prefix
        Where histories, lists and models are.
    ttl_s
        How long a user is kept after the last event, in seconds.
    list_length
        Videos in an up-next list.
    max_batch
        Most events in a micro-batch; a batch is whatever is waiting, and is never waited for.
    max_batch_ms
        Bound on what making the lists of one micro-batch may take, in ms; see `BatchBound`.
    fetch_wait_ms
        How long the broker may hold a fetch. Kafka wakes it when an event comes; the embedded
        broker doesn't, so there it bounds the latency.
    session_timeout_s
        After this long without a heartbeat the broker gives a worker's partitions away.
    poll_s
        Seconds between looks at the model pointer, and between heartbeats.
    limits
        Bounds on events.
    metrics_host, metrics_port
        Where metrics are served; port 0 for nowhere.
    """

    kafka: str
    events_topic: str
    dead_letters_topic: str
    group: str
    redis_url: str
    redis_prefix: str
    security: KafkaSecurity = NO_SECURITY
    instance: str | None = None
    ttl_s: int = DEFAULT_TTL_S
    list_length: int = DEFAULT_LENGTH
    max_batch: int = DEFAULT_MAX_BATCH
    max_batch_ms: float = 1000 * DEFAULT_MAX_BATCH_S
    fetch_wait_ms: int = 1500
    session_timeout_s: float = 10.0
    poll_s: float = 1.0
    limits: EventLimits = EventLimits()
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9464
