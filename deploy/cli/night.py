"""Commands of the night: night, evaluate and refresh."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from deploy.cli.options import with_settings
from deploy.settings import (
    ListSettings,
    NightSettings,
    ReadSettings,
    RedisSettings,
    RefreshSettings,
    Settings,
)
from deploy.settings.sources import tuned

if TYPE_CHECKING:
    from types import FrameType

    from data.sources.column_map import ColumnMap
    from deploy.night.outcome import Outcome

_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)

Paths = Annotated[
    list[Path],
    typer.Argument(
        exists=True,
        help="Files or folders of Parquet, CSV or JSONL (also .gz, .zst), or MovieLens folders",
    ),
]
Mapped = Annotated[
    str,
    typer.Option("--map", help="Other names of columns: user=uid,video=item,kind=:watch,at=ts:s"),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(night)
    app.command()(refresh)


@with_settings(RedisSettings, ListSettings, NightSettings)
def night(
    settings: Settings,
    paths: Paths,
    *,
    mapping: Mapped = "",
    catalogue: Annotated[
        Path | None,
        typer.Option(exists=True, help="Parquet or JSONL file of new or changed videos"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do all but publish")] = False,
    force: Annotated[
        str, typer.Option(help="Publish even what the gate refuses; say why, it is written down")
    ] = "",
) -> None:
    """Train, judge, publish and refresh; the last line of the output is JSON for the scheduler.

    Ends with 0 if a model was published, 3 if the gate refused it, 4 if the data were refused, 5
    if another night is running, 1 after a fault, 128 + n when stopped by signal n. Whatever came
    of it, its page tells: upnext report. Needs Redis, and no Kafka.
    """
    from deploy.narrator import Narrator
    from deploy.night.outcome import whole_night
    from deploy.night.work import NightOptions
    from deploy.night_summary import summary

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
            signal.signal(number, _stop)
    options = NightOptions(
        paths=tuple(paths),
        catalogue=catalogue,
        mapping=column_map(mapping),
        dry_run=dry_run,
        forced_why=force,
    )
    file, found = tuned()
    with Narrator(Console(stderr=True)) as narrator:
        if found:
            narrator.say(f"Takes from {escape(str(file))} what is not given: {', '.join(found)}.")
        outcome = whole_night(options, settings, narrator)
        narrator.say(summary(outcome.report))
        if outcome.page:
            narrator.say(f"All of it, drawn: {escape(str(outcome.page))}")
        _show_bug(outcome, narrator.console)
    sys.stdout.write(json.dumps(outcome.line()) + "\n")
    sys.exit(outcome.exit_code)


def column_map(text: str) -> ColumnMap:
    """Read what ``--map`` says; a mistake is one of usage."""
    from data.sources.column_map import ColumnMap
    from data.sources.table import SourceError

    try:
        return ColumnMap.parse(text)
    except SourceError as error:
        raise typer.BadParameter(str(error)) from error


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    """End as after Ctrl-C: tidily."""
    sys.exit(128 + number)


def _show_bug(outcome: Outcome, console: Console) -> None:
    """Print the traceback of an error that nobody foresaw; the others say all in their message."""
    from rich.traceback import Traceback

    from deploy.errors import exit_status

    error = outcome.error
    if isinstance(error, Exception) and exit_status(error) is None and not _is_told(outcome):
        console.print(Traceback.from_exception(type(error), error, error.__traceback__))


def _is_told(outcome: Outcome) -> bool:
    """Whether the verdict says all that there is to say of the error."""
    return outcome.report.verdict in ("refused", "refused for its data")


@with_settings(RedisSettings, ListSettings, ReadSettings, RefreshSettings)
def refresh(settings: Settings, paths: Paths, *, mapping: Mapped = "") -> None:
    """Give everybody seen lately in these interactions the list of the model that is served.

    Histories are merged into Redis, so one that is empty or has lost data is filled.
    """
    from tempfile import TemporaryDirectory

    from batch_training.merging.histories import gather
    from batch_training.progress import Stages
    from data.redis_connection import explained
    from deploy.narrator import Narrator
    from deploy.night.lists import give_lists, seen_lately
    from deploy.night.read import read_events
    from deploy.stores import Stores

    with Narrator() as narrator, explained(settings.redis_url), TemporaryDirectory() as scratch:
        stores, stages = Stores.of(settings), Stages(narrator)
        active = stores.models.current()
        if active is None:
            narrator.say("No model is served yet: run `upnext night PATH...` first.")
            sys.exit(1)
        model = stores.models.load(active.version).model
        spool, _ = read_events(paths, column_map(mapping), settings.load(), Path(scratch), stages)
        with stages.stage("Merge"):
            histories, _ = gather(spool, None, model.history_limit)
        lately = seen_lately(histories, settings.refresh_days, spool.until())
        done, behind = give_lists(
            stores, (active, model), (histories, lately), stages, length=settings.list_length
        )
        for sentence in behind:
            narrator.say(f"[yellow]Unusual:[/] {escape(sentence)}")
        narrator.say(f"{done.written:,} users written, {done.unchanged:,} were up to date")
