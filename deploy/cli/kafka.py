"""The command kafka."""

from __future__ import annotations

import signal
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Final

import typer

DEFAULT_PORT: Final = 9092


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(kafka)


def kafka(
    *,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1 to listen on")
    ] = DEFAULT_PORT,
    folder: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Where topics and offsets are kept; in the state folder by default",
        ),
    ] = None,
) -> None:
    """Run an Apache Kafka of one's own on this machine, for development, until Ctrl-C.

    It needs Java 17 or newer, and Maven the first time. Its data stay for the next time.
    """
    from deploy.embedded.kafka import EmbeddedKafka, KafkaStartError
    from deploy.night.folder import state_folder

    folder = folder or state_folder(None) / "kafka"
    for number in (signal.SIGTERM, signal.SIGHUP):  # end as with Ctrl-C: tidily
        signal.signal(number, signal.default_int_handler)
    _check_free(port)
    typer.echo("Starting Apache Kafka; the first time, Maven brings 43 MB ...")
    try:
        with EmbeddedKafka(keep_in=folder, port=port) as running:
            typer.echo(
                f"Kafka listens on {running.bootstrap}.\n"
                f"  data  {folder}\n"
                f"  log   {running.log}\n"
                f"  next  upnext topics create --kafka {running.bootstrap}\n"
                "Ctrl-C ends it; the data stay."
            )
            status = running.wait()
            raise KafkaStartError(
                f"Kafka ended by itself with status {status}. {running.log} says why:\n"
                + running.last_words()
            )
    except KeyboardInterrupt:
        typer.echo("\nKafka has ended.")


def _check_free(port: int) -> None:
    import os
    import socket

    from deploy.embedded.kafka import KafkaStartError

    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise KafkaStartError(
            f"Can't listen on 127.0.0.1:{port}: {os.strerror(error.errno or 0)}. If a Kafka runs "
            f"there already, use it; else choose another port, with --port {port + 1}."
        ) from error
