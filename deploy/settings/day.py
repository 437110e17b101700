"""Settings of the day: how a worker serves."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from deploy.settings.shared import EventSettings, ListSettings
from stream_inference.batch_bound import DEFAULT_MAX_BATCH, DEFAULT_MAX_BATCH_S


class DaySettings(EventSettings, ListSettings):
    """How a worker serves."""

    group: Annotated[
        str, Field(min_length=1, description="Consumer group; its workers share the partitions")
    ] = "upnext"
    instance: Annotated[
        str | None, Field(description="Static member id, for a fixed fleet of workers")
    ] = None
    max_batch: Annotated[int, Field(gt=0, description="Most events in one micro-batch")] = (
        DEFAULT_MAX_BATCH
    )
    max_batch_ms: Annotated[
        float,
        Field(gt=0, lt=math.inf, description="What making the lists of one batch may take, in ms"),
    ] = 1000 * DEFAULT_MAX_BATCH_S
    fetch_wait_ms: Annotated[
        int, Field(gt=0, description="How long the broker may hold a fetch, in ms")
    ] = 1500
    session_timeout_s: Annotated[
        float,
        Field(
            gt=0, lt=math.inf, description="Silence after which a worker loses its partitions, in s"
        ),
    ] = 10.0
    poll_s: Annotated[
        float, Field(gt=0, lt=math.inf, description="Seconds between looks at the model pointer")
    ] = 1.0
    start_patience_s: Annotated[
        float,
        Field(ge=0, lt=math.inf, description="How long a start waits for Kafka and Redis, in s"),
    ] = 60.0
    stop_grace_s: Annotated[
        float,
        Field(ge=0, le=3600, description="How long a stop may take to end in order, in s"),
    ] = 10.0
    metrics_port: Annotated[
        int, Field(ge=0, le=65_535, description="Port of the metrics for Prometheus; 0 for none")
    ] = 9464
    metrics_host: Annotated[
        str, Field(min_length=1, description="Address that the metrics are served at")
    ] = "127.0.0.1"
    log_format: Annotated[
        Literal["text", "json"], Field(description="Form of the log: text or json")
    ] = "text"
