"""The command tune: search the settings of the training."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.console import Console
from rich.markup import escape

from deploy.cli.night import Mapped, Paths, column_map
from deploy.cli.options import with_settings
from deploy.settings import SearchSettings, Settings
from deploy.settings.sources import TUNED_FILE

if TYPE_CHECKING:
    from deploy.tuning.run import Found

_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(tune)


def seconds(text: str) -> float:
    """Read how long a search may take, such as 90s, 30m or 2h."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if found is None or not float(found[1]):
        msg = f"{text!r} is no time; say how long the search may take, such as 90s, 30m or 2h"
        raise typer.BadParameter(msg)
    return float(found[1]) * _UNITS[found[2]]


@with_settings(SearchSettings, with_tuned=False)
def tune(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    paths: Paths,
    *,
    trials: Annotated[
        int, typer.Option(min=1, help="Settings to try in all, with those of earlier runs")
    ] = 50,
    budget: Annotated[
        str, typer.Option(help="Begin no trial after so long: 90s, 30m, 2h; no bound if empty")
    ] = "",
    protocol: Annotated[
        Literal["replay", "temporal", "unseen"],
        typer.Option(help="Event by event; all later ones at once; or users held out"),
    ] = "replay",
    storage: Annotated[
        Path | None,
        typer.Option(help="SQLite file that remembers the trials; in the state folder if none"),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where to write what was found")] = TUNED_FILE,
    mapping: Mapped = "",
    catalogue: Annotated[
        Path | None,
        typer.Option(exists=True, help="Parquet or JSONL file of videos, for their durations"),
    ] = None,
) -> None:
    """Search the settings that make the best lists, and write them for `upnext night`.

    They are judged on a window of time before the one that a night judges by. What is given by a
    flag, a variable or upnext.toml is not searched. Run again, it goes on where it stopped; Ctrl-C
    ends it with what was found so far. Needs neither Redis nor Kafka.
    """
    budget_s = seconds(budget) if budget else math.inf
    mapped = column_map(mapping)

    from tempfile import TemporaryDirectory

    from batch_training.progress import Stages
    from batch_training.reading.bots import find_bots
    from data.catalogue import Catalogue
    from deploy.narrator import Narrator
    from deploy.night.folder import state_folder
    from deploy.night.read import read_events
    from deploy.tuning.run import TuneOptions, run_search
    from deploy.tuning.tuned_file import check_writable

    if out.suffix == ".svg":
        told = f"{out} is to hold settings, and the drawing beside it ends with .svg; name another"
        raise typer.BadParameter(told)
    check_writable(out)
    videos = Catalogue.read(catalogue) if catalogue else None
    folder = state_folder(settings.state_folder) / "tuning"
    options = TuneOptions(protocol, trials, budget_s, storage, folder, videos)
    narrating = Narrator(Console(stderr=True))
    with narrating as narrator, TemporaryDirectory() as scratch:
        stages = Stages(narrator)
        spool, _ = read_events(paths, mapped, settings.load(), Path(scratch), stages)
        if most := settings.max_events_a_day:
            spool = spool.without(find_bots(spool, most))
        found = run_search(spool, settings.night(), options, stages, narrator)
    _tell(found, out)


def _tell(found: Found, out: Path) -> None:
    """Print what was found, and write it; a search in vain replaces nothing."""
    from deploy.tuning.pages import parts_table, settings_table

    console = Console()
    console.print(settings_table(found))
    if found.gains:
        console.print(parts_table(found))
    if found.is_default:
        console.print("[yellow]Nothing better than the defaults was found.[/]")
        if out.exists():
            told = f"{out} is left as it was; delete it to train with the defaults."
            console.print(escape(told), highlight=False)
            return
    elif found.worths[2].low <= 0:
        console.print("[yellow]Not surely better than the defaults:[/] the interval holds 0.")
    _write(found, out, console)


def _write(found: Found, out: Path, console: Console) -> None:
    """Write the settings, and the drawing beside them."""
    import time

    from deploy.tuning.pages import importance_svg
    from deploy.tuning.tuned_file import tuned_text, write

    write(out, tuned_text(found, time.time_ns() // 1_000_000))
    told = f"Written to {out}; `upnext night` reads it where it lies in the current folder, or "
    told += "where UPNEXT_TUNED names it."
    if found.importance:
        drawing = out.with_suffix(".svg")
        write(drawing, importance_svg(found))
        told += f" What mattered, drawn: {drawing}"
    console.print(escape(told), highlight=False)
