"""The command line: one file for each group of commands."""

from __future__ import annotations

import sys
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape

from data.model_store import ModelStoreError
from data.redis_connection import RedisUnavailableError
from deploy.cli import day, demo, lists, models, night
from deploy.kafka import KafkaUnavailableError
from deploy.settings import SettingsError

EXIT_FAULT: Final = 1
EXIT_USAGE: Final = 2

app = typer.Typer(
    name="upnext",
    help="A video recommender that learns by night and folds every click in by day.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
for group in (demo, night, day, lists):
    group.add_to(app)
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the command line; errors that a person can act on are printed without a traceback."""
    try:
        app()
    except SettingsError as error:
        _complain(error, EXIT_USAGE)
    except (RedisUnavailableError, KafkaUnavailableError, ModelStoreError) as error:
        _complain(error, EXIT_FAULT)


def _complain(error: Exception, status: int) -> None:
    Console(stderr=True).print(f"[bold red]upnext:[/] {escape(str(error))}", highlight=False)
    sys.exit(status)
