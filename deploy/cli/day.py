"""Commands of the day: worker and send."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, NoReturn

import typer

from deploy.cli.options import with_settings
from deploy.settings import (
    DaySettings,
    EventSettings,
    KafkaSettings,
    RedisSettings,
    Settings,
    TopicSettings,
)

if TYPE_CHECKING:
    from data.interaction import EventLimits
    from deploy.kafka import EventSender
    from stream_inference.stopping import Watchdog

_SHOWN: Final = 10


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(worker)
    app.command()(send)


@with_settings(TopicSettings, RedisSettings, DaySettings)
def worker(settings: Settings) -> None:
    """Consume live events and keep every up-next list in Redis fresh, until it is stopped."""
    from stream_inference.logs import set_up
    from stream_inference.stopping import Watchdog

    logs = set_up(settings.log_format)
    watchdog = Watchdog(settings.stop_grace_s, logs.flush)
    from data.redis_connection import explained
    from deploy.start_page import wait_for_servers
    from stream_inference.faust_worker import run

    try:
        wait_for_servers(settings)
        with explained(settings.redis_url):  # it may go between the look and the start
            run(settings.worker(), logs, watchdog)
    except Exception as error:  # noqa: BLE001 - nothing may get past the log
        _end(error, watchdog)


def _end(error: Exception, watchdog: Watchdog) -> NoReturn:
    """End a worker with the error as the last line of its log."""
    from deploy.errors import exit_status
    from stream_inference.stopping import EXIT_BUG

    status = exit_status(error)
    if status is None:
        logging.getLogger("upnext.start").error("a bug in the worker", exc_info=error)
    watchdog.end(str(error), EXIT_BUG if status is None else status)


@with_settings(KafkaSettings, EventSettings)
def send(
    settings: Settings,
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="JSON lines, one event each; - for stdin")
    ],
) -> None:
    """Send events to Kafka; lines that are not events are reported, and not sent."""
    from deploy.kafka import EventSender, check_there, connect, needed

    security = settings.security()
    events, _ = needed(settings, settings.max_event_bytes)
    check_there(connect(settings.kafka, security), [events])
    with EventSender(settings.kafka, events.name, security) as sender:
        sent, bad = _send_lines(file, sender, settings.limits())
    typer.echo(f"{sent} events sent to {settings.events_topic}; {bad} lines were no events")
    if bad:
        sys.exit(1)


def _send_lines(file: BinaryIO, sender: EventSender, limits: EventLimits) -> tuple[int, int]:
    """Send the lines of a file; gives the numbers sent and refused."""
    import time

    from data.interaction import BadEventError, decode

    sent = bad = 0
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            sender.send(decode(line.strip(), limits, time.time_ns() // 1_000_000))
            sent += 1
        except BadEventError as error:
            bad += 1
            if bad <= _SHOWN:
                typer.echo(f"line {number} is no event: {error}", err=True)
    return sent, bad
