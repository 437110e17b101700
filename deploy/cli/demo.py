"""The command demo."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Literal

import typer

from deploy.cli.options import with_settings
from deploy.settings import LookSettings, Settings, TrainingSettings


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(demo)


@with_settings(TrainingSettings, LookSettings)
def demo(
    settings: Settings,
    *,
    source: Annotated[
        Literal["movielens", "sample"], typer.Option(help="Data to show; MovieLens-1M by default")
    ] = "movielens",
    events: Annotated[
        int | None, typer.Option(min=1, help="Most live events; all that were held out by default")
    ] = None,
    pace: Annotated[
        float, typer.Option(min=1, help="Events per second while latency is measured")
    ] = 200.0,
    paced: Annotated[int, typer.Option(min=1, help="Events of that part")] = 1_000,
    stay: Annotated[
        bool | None,
        typer.Option(help="Keep running until Ctrl-C at the end [default: if there's a terminal]"),
    ] = None,
) -> None:
    """Show the whole system at work on this machine: a night, then a day, on real viewing data."""
    from deploy.demo import DemoOptions, run_demo
    from deploy.demo.pages import Pace
    from deploy.narrator import Narrator

    options = DemoOptions(
        source=source,
        events=events,
        pace=Pace(per_second=pace, events=paced),
        stay=sys.stdout.isatty() if stay is None else stay,
    )
    for number in (signal.SIGTERM, signal.SIGHUP):  # end as with Ctrl-C: tidily
        signal.signal(number, signal.default_int_handler)
    with Narrator() as narrator:
        try:
            run_demo(options, settings.night(), narrator)
        except KeyboardInterrupt:
            narrator.say("Stopped; nothing is left behind.")
