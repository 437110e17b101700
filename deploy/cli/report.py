"""The command report: the page of a night, written and shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from deploy.cli.options import with_settings
from deploy.settings import RedisSettings, Settings, StateSettings

if TYPE_CHECKING:
    from batch_training.night_report import NightReport

_LAST: Final = "last"


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(report)


@with_settings(RedisSettings, StateSettings)
def report(
    settings: Settings,
    version: Annotated[
        str,
        typer.Argument(
            help="Version of a model, how it begins or ends, or current; or last: the last night "
            "that ran on this machine, published or not"
        ),
    ] = _LAST,
    *,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write [default: in the night's folder; for a version "
            "upnext-report-VERSION.html in the current folder]"
        ),
    ] = None,
) -> None:
    """Write the page of a night, a file that needs no network, and say where it is."""
    import webbrowser

    from batch_training.report import render

    told, usual = _last(settings) if version == _LAST else _published(settings, version)
    page = output or usual
    try:
        page.write_bytes(render(told).encode())
    except OSError as error:
        _give_up(f"Can't write {page}: {error.strerror}; name another file with --output")
    typer.echo(page.resolve())
    if show and not webbrowser.open(page.resolve().as_uri()):
        _give_up("No browser could be started; open the page by hand")


def _last(settings: Settings) -> tuple[NightReport, Path]:
    """Find the report of the last night, and the file of its page."""
    import msgspec

    from deploy.night.folder import PAGE, newest_report, state_folder

    state = state_folder(settings.state_folder)
    try:
        found = newest_report(state)
    except msgspec.MsgspecError as error:
        _give_up(f"The report of the last night in {state / 'nights'} can't be read: {error}")
    if found is None:
        _give_up(
            f"No night has left a report in {state / 'nights'}: run `upnext night PATH...`, set "
            "state_folder, or name a version of `upnext models list`"
        )
    told, folder = found
    return told, folder / PAGE


def _published(settings: Settings, name: str) -> tuple[NightReport, Path]:
    """Read the report that was published with a model, and name the file for its page."""
    import msgspec

    from batch_training.night_report import NightReport
    from data.redis_connection import explained
    from deploy.cli.versions import find_version
    from deploy.stores import Stores

    with explained(settings.redis_url):
        store = Stores.of(settings).models
        version = find_version(store, name)
        written = store.report(version)
    if not written:
        _give_up(f"Version {version} was published without a report")
    try:
        told = msgspec.json.decode(written, type=NightReport)
    except msgspec.MsgspecError as error:
        _give_up(f"The report of version {version} can't be read: {error}")
    return told, Path(f"upnext-report-{version}.html")


def _give_up(message: str) -> NoReturn:
    typer.echo(f"{message}.", err=True)
    sys.exit(1)
