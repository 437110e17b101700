"""The command line: one file for each group of commands.

What a command needs, and the errors it may raise, are imported on the way: `--help` is quick.
"""

from __future__ import annotations

import sys
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape

from deploy.cli import day, demo, lists, models, night

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
    except Exception as error:
        status = _status(error)
        if status is None:
            raise
        Console(stderr=True).print(f"[bold red]upnext:[/] {escape(str(error))}", highlight=False)
        sys.exit(status)


def _status(error: Exception) -> int | None:
    """Give the exit status for an error that a person can act on, None for any other."""
    from data.catalogue import CatalogueError
    from data.model_store import ModelStoreError
    from data.redis_connection import RedisUnavailableError
    from deploy.demo.traffic import LateListError
    from deploy.embedded.broker import TrimmedError
    from deploy.embedded.stack import WorkerDiedError
    from deploy.kafka import KafkaUnavailableError
    from deploy.settings_sources import SettingsError

    if isinstance(error, (SettingsError, CatalogueError)):
        return EXIT_USAGE
    known = (RedisUnavailableError, KafkaUnavailableError, ModelStoreError)
    of_the_demo = (LateListError, TrimmedError, WorkerDiedError)
    return EXIT_FAULT if isinstance(error, known + of_the_demo) else None
