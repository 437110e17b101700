"""The command line: one file for each group of commands.

What a command needs, and the errors it may raise, are imported on the way: `--help` is quick.
"""

from __future__ import annotations

import signal
import sys

import typer
from rich.console import Console
from rich.markup import escape

if sys.argv[1:2] == ["worker"]:
    # Its watchdog takes these. Threads inherit what is blocked, and BLAS starts some on import.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})

from deploy.cli import (
    catalogue,
    day,
    demo,
    evaluate,
    kafka,
    lists,
    models,
    night,
    report,
    topics,
    tune,
)

app = typer.Typer(
    name="upnext",
    help="A video recommender that learns by night and folds every click in by day.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
for group in (demo, night, tune, evaluate, report, day, lists, kafka):
    group.add_to(app)
app.add_typer(models.app, name="models")
app.add_typer(topics.app, name="topics")
app.add_typer(catalogue.app, name="catalogue")


def main() -> None:
    """Run the command line; errors that a person can act on are printed without a traceback."""
    try:
        app()
    except Exception as error:
        from deploy.errors import exit_status

        status = exit_status(error)
        if status is None:
            raise
        said = f"[bold red]upnext:[/] {escape(str(error))}"
        # Not wrapped: it may hold a command to be copied.
        Console(stderr=True).print(said, highlight=False, soft_wrap=True)
        sys.exit(status)
