"""Commands of the night: train and refresh."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from deploy.cli.options import with_settings
from deploy.settings import ListSettings, NightSettings, RedisSettings, Settings

if TYPE_CHECKING:
    from batch_training.events import Events
    from batch_training.night import Night
    from data.catalogue import Catalogue
    from deploy.narrator import Narrator

EXIT_REFUSED: Final = 3
EXIT_BAD_DATA: Final = 4
_PATIENCE_S: Final = 60.0

Paths = Annotated[
    list[Path], typer.Argument(exists=True, help="Files or folders of Parquet, CSV or JSONL")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(train)
    app.command()(refresh)


@with_settings(RedisSettings, NightSettings)
def train(
    settings: Settings,
    paths: Paths,
    *,
    catalogue: Annotated[
        Path | None, typer.Option(exists=True, help="Parquet or JSONL file of the videos")
    ] = None,
) -> None:
    """Train a model on interactions, judge it, publish it and activate it.

    Ends with 3 if the lists are no better than popularity, with 4 if too many rows are bad; then
    nothing is published. Needs Redis, and no Kafka.
    """
    from batch_training.publish import publish
    from data.catalogue import Catalogue
    from data.model_store import ModelStore
    from data.redis_connection import connect, explained
    from data.redis_keys import RedisKeys
    from deploy.narrator import Narrator
    from deploy.quality_table import quality_table

    with Narrator() as narrator:
        client = connect(settings.redis_url)
        with explained(settings.redis_url):
            client.ping()  # better now than after an hour of training
        videos = Catalogue.read(catalogue) if catalogue else Catalogue()
        events = _read(paths, settings, narrator)
        night = _run(events, videos, settings, narrator)
        narrator.say(quality_table(night.figures))
        with explained(settings.redis_url):
            store = ModelStore(client, RedisKeys(settings.redis_prefix))
            active = publish(night.model, videos, store, datetime.now(UTC))
        narrator.say(
            f"Published and activated: model [bold]{active.version}[/]. "
            "Now give everybody a list with it: upnext refresh PATH..."
        )


def _run(events: Events, videos: Catalogue, settings: Settings, narrator: Narrator) -> Night:
    """Train and judge; a refused model ends the command with 3."""
    from batch_training.night import RefusedError, run_night

    try:
        return run_night(events, videos, settings.night(), narrator)
    except RefusedError as error:
        narrator.say(f"[bold red]Refused:[/] {escape(str(error))}")
        sys.exit(EXIT_REFUSED)


@with_settings(RedisSettings, NightSettings, ListSettings)
def refresh(settings: Settings, paths: Paths) -> None:
    """Write the history and list of every user in these interactions, by the model served."""
    from batch_training.histories import merge_events
    from data.heartbeats import Heartbeats
    from data.model_store import ModelStore
    from data.redis_connection import connect, explained
    from data.redis_keys import RedisKeys
    from data.user_store import UserStore
    from deploy.narrator import Narrator
    from stream_inference import refresh as day
    from stream_inference.recommend import Serving

    client, keys = connect(settings.redis_url), RedisKeys(settings.redis_prefix)
    models = ModelStore(client, keys)
    with Narrator() as narrator, explained(settings.redis_url):
        active = models.current()
        if active is None:
            narrator.say("No model is served yet: run `upnext train PATH...` first.")
            sys.exit(1)
        model = models.load(active.version).model
        histories = merge_events(_read(paths, settings, narrator), model.history_limit)
        for behind in day.workers_follow(Heartbeats(client, keys), active.activation, _PATIENCE_S):
            narrator.say(f"[yellow]A worker does not follow:[/] {escape(behind)}")
        narrator.stage("Write everybody's list")
        done = day.refresh(
            UserStore(client, keys, ttl_s=settings.ttl_s),
            Serving(model, active.version, active.activation),
            histories.by_user(),
            lambda users: narrator.step(users, len(histories)),
            length=settings.list_length,
        )
        narrator.done(f"{done.written:,} users written, {done.unchanged:,} were up to date")


def _read(paths: list[Path], settings: Settings, narrator: Narrator) -> Events:
    """Read and validate interactions; too many bad rows end the command with 4."""
    from itertools import chain

    from batch_training.load import load
    from batch_training.load_report import BadDataError
    from data.sources.files import read_interactions
    from data.sources.table import SourceError

    narrator.stage("Read and validate")
    tables = chain.from_iterable(read_interactions(path) for path in paths)
    try:
        events, report = load(tables, settings.load(), time.time_ns() // 1_000_000)
    except (BadDataError, SourceError) as error:
        narrator.say(f"[bold red]Stopped, nothing was written:[/] {escape(str(error))}")
        sys.exit(EXIT_BAD_DATA)
    narrator.done(f"{report}; {len(events.users):,} users × {len(events.videos):,} videos")
    return events
