"""Commands about the catalogue that is served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.options import with_settings
from deploy.settings import RedisSettings, Settings

Changes = Annotated[
    Path, typer.Argument(exists=True, help="Parquet or JSONL file of changed and new videos")
]

app = typer.Typer(help="The catalogue of the model that is served.", no_args_is_help=True)

AFTERWARDS = "Workers follow by themselves. Now give everybody a new list: upnext refresh PATH..."


@app.callback()
def catalogue() -> None:
    """Change what is known of the videos, between two nights."""


@app.command()
@with_settings(RedisSettings)
def update(settings: Settings, file: Changes) -> None:
    """Change titles, block and add videos; an empty cell leaves what is known already.

    The model that is served goes on with the new catalogue, as a version of its own. Ends with 5
    while a night runs.
    """
    from data.model_changes import update_catalogue
    from data.redis_connection import explained
    from deploy.stores import Stores

    with explained(settings.redis_url):
        stores = Stores.of(settings)
        before = stores.models.current()
        with stores.lock:
            changes, active = update_catalogue(stores.models, file, stores.lock)
    if active == before:
        typer.echo(f"{file} says nothing new; {active.version} goes on.")
    else:
        typer.echo(f"{changes}.\nPublished and activated: model {active.version}.\n{AFTERWARDS}")
