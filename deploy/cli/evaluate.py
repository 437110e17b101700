"""The command evaluate: a published model's card, beside the baselines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from deploy.cli.night import Mapped, Paths, column_map
from deploy.cli.options import with_settings
from deploy.settings import ReadSettings, RedisSettings, Settings

if TYPE_CHECKING:
    from rich.table import Table

    from deploy.night.evaluate import Evaluated


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(evaluate)


@with_settings(RedisSettings, ReadSettings)
def evaluate(
    settings: Settings,
    version: Annotated[str, typer.Argument(help="Version, how it begins or ends, or current")],
    paths: Paths,
    *,
    protocol: Annotated[
        Literal["replay", "temporal", "unseen"],
        typer.Option(help="Event by event; all later ones at once; or users held out"),
    ] = "replay",
    trained_on: Annotated[
        bool,
        typer.Option("--trained-on", help="Judge even by what the model was trained on"),
    ] = False,
    mapping: Mapped = "",
) -> None:
    """Judge a published model by interactions that came after it, beside the baselines.

    Ends with 4 if there are none; `--trained-on` takes the newest tenth then, and says so.
    """
    from tempfile import TemporaryDirectory

    from batch_training.progress import Stages
    from data.redis_connection import explained
    from deploy.cli.versions import find_version
    from deploy.errors import EXIT_BAD_DATA
    from deploy.narrator import Narrator
    from deploy.night.evaluate import TrainedOnError, evaluate_version
    from deploy.night.read import read_events
    from deploy.stores import Stores

    with Narrator() as narrator, explained(settings.redis_url), TemporaryDirectory() as scratch:
        stages = Stages(narrator)
        store = Stores.of(settings).models
        chosen = find_version(store, version)
        loaded = store.load(chosen)
        spool, _ = read_events(paths, column_map(mapping), settings.load(), Path(scratch), stages)
        try:
            evaluated = evaluate_version(
                loaded.model,
                spool,
                protocol,
                stages,
                blocked_ids=loaded.catalogue.blocked_ids,
                trained_on=trained_on,
            )
        except TrainedOnError as error:
            narrator.say(f"[bold red]Not judged:[/] {escape(str(error))}")
            sys.exit(EXIT_BAD_DATA)
        narrator.say(_table(chosen, evaluated))


def _table(version: str, evaluated: Evaluated) -> Table:
    """Draw the figures of each way to make lists, beside one another."""
    from rich.table import Table

    from batch_training.report.words import WAYS

    judgement = evaluated.judgement
    names = WAYS | {"candidate": "the model", "left_alone": "its lists, left alone"}
    table = Table(
        title=f"{version}, {judgement.protocol}: {judgement.cases:,} lists of "
        f"{judgement.users:,} users",
        title_justify="left",
        caption="[bold red]The model was trained on these interactions.[/]"
        if evaluated.trained_on
        else "± is half of the 95 % interval",
    )
    table.add_column("")
    for way in judgement.ways:
        table.add_column(names.get(way.name, way.name), justify="right")
    for metric in judgement.ways[0].figures if judgement.ways else ():
        figures = [way.figures[metric] for way in judgement.ways]
        cells = (f"{f.mean:.3f}\n[dim]±{(f.high - f.low) / 2:.3f}[/]" for f in figures)
        table.add_row(metric.replace("intra_list_", "list "), *cells)
    return table
