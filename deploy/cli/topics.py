"""Commands about Kafka's topics."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.cli.options import with_settings
from deploy.settings import Settings, SizeSettings, TopicSettings

app = typer.Typer(help="Kafka's topics.", no_args_is_help=True)


@app.callback()
def topics() -> None:
    """Create the topics of events and of dead letters, and check those that are there."""


@app.command()
@with_settings(TopicSettings, SizeSettings)
def create(
    settings: Settings,
    *,
    partitions: Annotated[
        int, typer.Option(min=1, help="Of the topic of events: so many workers can share it")
    ] = 4,
    replication: Annotated[
        int, typer.Option(min=-1, help="Copies of each; -1 leaves it to the broker")
    ] = -1,
    retention_days: Annotated[
        float, typer.Option(min=0.001, help="Days for which events are kept")
    ] = 7.0,
    dead_letters_days: Annotated[
        float, typer.Option(min=0.001, help="Days for which dead letters are kept")
    ] = 30.0,
) -> None:
    """Create the topics that are not there; what is there is shown, and stays as it is."""
    from deploy.kafka.client import connect
    from deploy.kafka.create import Shape, create_topics
    from deploy.kafka.topics import needed

    shape = Shape(partitions, replication, retention_days, dead_letters_days)
    cluster = connect(settings.kafka, settings.security())
    for line in create_topics(cluster, needed(settings, settings.max_event_bytes), shape):
        typer.echo(line)


@app.command()
@with_settings(TopicSettings, SizeSettings)
def check(settings: Settings) -> None:
    """Check the topics as a worker does when it starts."""
    from deploy.kafka.create import shown
    from deploy.kafka.topics import check_topics

    for found in check_topics(settings, settings.max_event_bytes):
        typer.echo(shown(found))
