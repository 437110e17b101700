"""Commands about published models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.catalogue import AFTERWARDS
from deploy.cli.options import with_settings
from deploy.cli.versions import find_version
from deploy.settings import RedisSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data.frozen_model import ModelVersion
    from data.model_changes import Served
    from data.model_store import ModelStore

Version = Annotated[
    str, typer.Argument(help="Version, its first or last letters, `current` or `latest`")
]
Target = Annotated[Path, typer.Argument(dir_okay=False, help="Where to, such as model.zip")]
Exported = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What was exported")]

app = typer.Typer(help="Published models.", no_args_is_help=True)


@app.callback()
def models() -> None:
    """Look at published models, choose which one is served, delete, export and import them."""


@app.command("list")
@with_settings(RedisSettings)
def list_models(settings: Settings) -> None:
    """List the published models, mark the one that is served now, and tell how they were judged.

    HR@10 is that of the model's lists; beside it stands that of the popular videos.
    """
    from data.redis_connection import explained
    from deploy.stores import Stores

    table = Table()
    table.add_column("", no_wrap=True, min_width=6)
    table.add_column("version", no_wrap=True, min_width=29)  # to be copied, so never cut
    for column in ("videos", "factors", "MiB", "HR@10", "popular"):
        table.add_column(column)
    with explained(settings.redis_url):
        store = Stores.of(settings).models
        active, previous = store.current(), store.previous()
        marks = {active.version: "now"} if active else {}
        marks |= {previous.version: "before"} if previous else {}
        for version in store.versions():
            table.add_row(marks.get(version, ""), version, *_row(store, version))
    Console().print(table if table.row_count else "No model was published yet.")


def _row(store: ModelStore, version: ModelVersion) -> tuple[str, ...]:
    from data.model_store import ModelStoreError

    try:
        manifest = store.manifest(version)
    except ModelStoreError:
        return ("damaged",)
    size = f"{manifest.size / 2**20:.1f}"
    return (*map(str, manifest.shape), size, *_hit_rates(manifest.metadata))


@app.command()
@with_settings(RedisSettings)
def show(settings: Settings, version: Version) -> None:
    """Show the card of a model: what it was made of, how it was judged, what it descends from."""
    from data.redis_connection import explained
    from deploy.cli.model_card import model_card
    from deploy.stores import Stores

    with explained(settings.redis_url):
        store = Stores.of(settings).models
        found, active = find_version(store, version), store.current()
        manifest = store.manifest(found)
    Console().print(model_card(manifest, served=bool(active and active.version == found)))


@app.command()
@with_settings(RedisSettings)
def activate(settings: Settings, version: Version) -> None:
    """Serve another version, in which what was taken down since stays down.

    Ends with 5 while a night runs.
    """
    from data import model_changes
    from deploy.stores import Stores

    with Stores.locked(settings) as stores:
        wanted = find_version(stores.models, version)
        _tell(model_changes.activate(stores.models, wanted, stores.lock))


@app.command()
@with_settings(RedisSettings)
def rollback(settings: Settings) -> None:
    """Serve what was served before; twice goes back two steps. What was taken down stays down.

    To go forth again, activate the version. Ends with 5 while a night runs.
    """
    from data import model_changes
    from deploy.stores import Stores

    with Stores.locked(settings) as stores:
        _tell(model_changes.roll_back(stores.models, stores.lock))


def _tell(served: Served) -> None:
    if served.unread:
        typer.echo(
            f"The catalogue served before can't be read ({served.unread}), so videos that were "
            "taken down since may be listed again: block them with upnext catalogue update FILE."
        )
    if served.active.version != served.wanted:
        typer.echo(
            f"Other videos are blocked today than in {served.wanted}, so a version was derived "
            "from it that blocks today's."
        )
    typer.echo(f"Activated: model {served.active.version}.\n{AFTERWARDS}")


@app.command()
@with_settings(RedisSettings)
def prune(
    settings: Settings,
    *,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest versions stay")],
) -> None:
    """Delete old versions; never one that is served, that a worker uses, or a roll back goes to.

    Ends with 5 while a night runs.
    """
    from deploy.stores import Stores

    with Stores.locked(settings) as stores:
        stores.models.sweep(lock=stores.lock)
        in_use = {beat.version for beat in stores.heartbeats.alive()}
        deleted = stores.models.prune(keep, in_use, lock=stores.lock)
        left = len(stores.models.versions())
    for version in deleted:
        typer.echo(f"Deleted: {version}")
    typer.echo(f"{len(deleted)} versions deleted, {left} left.")


@app.command()
@with_settings(RedisSettings)
def export(settings: Settings, version: Version, file: Target) -> None:
    """Write a model into one file: a plain zip, to keep or to import elsewhere."""
    from data import model_archive
    from data.redis_connection import explained
    from deploy.stores import Stores

    with explained(settings.redis_url):
        store = Stores.of(settings).models
        manifest = model_archive.export(store, find_version(store, version), file)
    typer.echo(f"Exported: {manifest.version} to {file}, {manifest.size / 2**20:.1f} MiB.")


@app.command("import")
@with_settings(RedisSettings)
def import_model(settings: Settings, file: Exported) -> None:
    """Publish a model from such a file, under the name that it had; it is not activated.

    Ends with 5 while a night runs.
    """
    from data import model_archive
    from deploy.stores import Stores

    with Stores.locked(settings) as stores:
        manifest = model_archive.import_(stores.models, file, lock=stores.lock)
    typer.echo(
        f"Imported: {manifest.version}. To serve it: upnext models activate {manifest.version}"
    )


def _hit_rates(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Give the judged hit rates of the lists and of popularity; empty for a model without."""
    try:
        figures = metadata["quality"]["replay"]
        return (
            f"{figures['candidate']['hit_rate@10']:.3f}",
            f"{figures['popularity']['hit_rate@10']:.3f}",
        )
    except (LookupError, TypeError):
        return "", ""
