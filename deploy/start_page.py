"""What `upnext worker` says when it starts: where it is connected, and by which rules it works."""

from __future__ import annotations

import logging
import os
import re
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from data.redis_connection import (
    RedisSetupError,
    RedisUnavailableError,
    connect,
    explained,
    without_password,
)
from data.redis_facts import described, eviction_warning
from deploy.kafka import KafkaUnavailableError, check_topics
from stream_inference.logs import facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.settings import Settings

_AGAIN_S: Final = 1.0
_REMIND_S: Final = 10.0
_LOG: Final = logging.getLogger("upnext.start")


def wait_for_servers(settings: Settings) -> None:
    """Say what this worker is, and wait until Redis and Kafka are there.

    Raises
    ------
    RedisUnavailableError, KafkaUnavailableError
        If that takes longer than `start_patience_s`; the message says what to do.
    RedisSetupError, KafkaSetupError
        If waiting does not help: we are refused, or a topic is not as it must be.
    """
    _LOG.info(
        "UpNext worker",
        extra=facts(version=version("upnext"), pid=os.getpid(), group=settings.group),
    )
    patience = Patience(settings.start_patience_s)
    patience.wait_for(lambda: _tell_redis(settings))
    patience.wait_for(lambda: _tell_kafka(settings))
    _tell_rules(settings)


class Patience:
    """Does a thing again and again while a server is away, and says so.

    Parameters
    ----------
    seconds
        For all things together.
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._told = ""
        self._told_at = 0.0

    def wait_for(self, look: Callable[[], None]) -> None:
        """Look until it works; the last error is raised when the time is over."""
        while True:
            try:
                look()
            except RedisSetupError:
                raise
            except (RedisUnavailableError, KafkaUnavailableError) as error:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise
                self._tell(str(error), left)
            else:
                return
            time.sleep(_AGAIN_S)

    def _tell(self, what: str, left: float) -> None:
        """Tell the whole once, then now and then that it is still so."""
        now, kind = time.monotonic(), re.sub(r"\d+", "", what)  # it may hold times that change
        if kind != self._told:
            _LOG.warning("%s Waiting for it, %.0f s more.", what, left)
        elif now - self._told_at >= _REMIND_S:
            _LOG.warning("still waiting for it, %.0f s more", left)
        else:
            return
        self._told, self._told_at = kind, now


def _tell_redis(settings: Settings) -> None:
    with explained(settings.redis_url), connect(settings.redis_url, patient=False) as client:
        server, warning = described(client), eviction_warning(client)
    where = facts(server=server, url=without_password(settings.redis_url))
    _LOG.info("Redis", extra=where)
    if warning:
        _LOG.warning("%s", warning)


def _tell_kafka(settings: Settings) -> None:
    for found in check_topics(settings, settings.max_event_bytes):
        told = facts(servers=settings.kafka, topic=found.topic.name, partitions=found.partitions)
        _LOG.info("Kafka, %s", "events" if found.topic.events else "dead letters", extra=told)


def _tell_rules(settings: Settings) -> None:
    _LOG.info(
        "rules",
        extra=facts(
            max_batch=settings.max_batch,
            list_length=settings.list_length,
            ttl_days=settings.ttl_days,
            max_event_bytes=settings.max_event_bytes,
            earliest_ms=settings.earliest_ms,
            ahead_ms=settings.ahead_ms,
            stop_grace_s=settings.stop_grace_s,
        ),
    )
