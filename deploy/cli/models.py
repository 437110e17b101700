"""Commands about published models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.options import with_settings
from deploy.settings import RedisSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(help="Published models.", no_args_is_help=True)


@app.callback()
def models() -> None:
    """Look at published models."""


@app.command("list")
@with_settings(RedisSettings)
def list_models(settings: Settings) -> None:
    """List the published models, and mark the one that is served."""
    from data.model_store import ModelStore
    from data.redis_connection import connect, explained
    from data.redis_keys import RedisKeys

    with explained(settings.redis_url):
        store = ModelStore(connect(settings.redis_url), RedisKeys(settings.redis_prefix))
        active = store.current()
        table = Table()
        for column in ("", "version", "videos", "factors", "MiB", "HR@10", "popularity's"):
            table.add_column(column)
        for version in store.versions():
            manifest = store.manifest(version)
            size = sum(part.size for part in manifest.parts.values()) / 2**20
            judged = _hit_rates(manifest.metadata)
            table.add_row(
                "served" if active and active.version == version else "",
                version,
                *map(str, manifest.shape),
                f"{size:.1f}",
                *judged,
            )
    Console().print(table if table.row_count else "No model was published yet.")


def _hit_rates(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Give the judged hit rates of the lists and of popularity; empty for a model without."""
    try:
        figures = metadata["quality"]["replay"]
        return (
            f"{figures['live']['hit_rate']:.3f}",
            f"{figures['popularity']['hit_rate']:.3f}",
        )
    except (LookupError, TypeError):
        return "", ""
