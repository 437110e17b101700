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
    """List the published models, mark the one that is served now, and tell how they were judged.

    HR@10 is that of the model's lists; beside it stands that of the popular videos.
    """
    from data.model_store import ModelStore
    from data.redis_connection import connect, explained
    from data.redis_keys import RedisKeys

    with explained(settings.redis_url):
        store = ModelStore(connect(settings.redis_url), RedisKeys(settings.redis_prefix))
        active = store.current()
        table = Table()
        table.add_column("")
        table.add_column("version", no_wrap=True, min_width=29)  # to be copied, so never cut
        for column in ("videos", "factors", "MiB", "HR@10", "popular"):
            table.add_column(column)
        for version in store.versions():
            manifest = store.manifest(version)
            size = sum(part.size for part in manifest.parts.values()) / 2**20
            judged = _hit_rates(manifest.metadata)
            table.add_row(
                "now" if active and active.version == version else "",
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
