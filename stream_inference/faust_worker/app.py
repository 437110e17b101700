"""Faust's application, set up by our settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import faust

from stream_inference.faust_worker import transport
from stream_inference.faust_worker.credentials import credentials

if TYPE_CHECKING:
    from stream_inference.faust_worker.settings import WorkerSettings

_REQUEST_S: Final = 90.0
_FETCHED: Final = 1024  # most events that are handed over in one go
_WAITING: Final = 4  # most that wait for the agent, of what is handed over
_NO_END_S: Final = 1e8  # three years


class _App(faust.App):
    """Faust's application, which keeps nothing on disk."""

    def _create_directories(self) -> None:
        """Make none: there are no tables."""


def faust_app(settings: WorkerSettings) -> faust.App:
    """Make Faust's application as the recipe needs it."""
    transport.register(settings.fetch_wait_ms)
    return _App(
        settings.group,
        broker=[f"{transport.SCHEME}://{server.strip()}" for server in settings.kafka.split(",")],
        broker_credentials=credentials(settings.security),
        store="memory://",
        env={},  # else variables named as Faust's settings would override what is said here
        key_serializer="raw",
        value_serializer="raw",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        broker_max_poll_records=_FETCHED,
        stream_buffer_maxsize=_WAITING,
        stream_wait_empty=False,  # safe because acknowledging is ours; else a stop could hang
        broker_commit_interval=1.0,
        broker_session_timeout=settings.session_timeout_s,
        broker_request_timeout=max(_REQUEST_S, settings.session_timeout_s),  # Faust insists on it
        broker_heartbeat_interval=min(2.0, settings.session_timeout_s / 3),
        # A worker that fetches nothing may wait for Redis. Its client would leave the group then,
        # and join it again after a fetch only, with which Faust waits until it is a member.
        broker_max_poll_interval=_NO_END_S,
        consumer_group_instance_id=settings.instance,
        table_standby_replicas=0,  # with 1, a third worker gets none of 4 partitions: 2 and 2 stay
        consumer_metadata_max_age_ms=10_000,  # added partitions are found soon, not after 5 min
    )
