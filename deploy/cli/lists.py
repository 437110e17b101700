"""Commands that read what the system serves: recommend."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.cli.options import with_settings
from deploy.settings import RedisSettings, Settings

if TYPE_CHECKING:
    from data.catalogue import Catalogue
    from data.redis_keys import RedisKeys
    from data.up_next import UpNext


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(recommend)


@with_settings(RedisSettings)
def recommend(
    settings: Settings,
    user: Annotated[str, typer.Argument(help="User id")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as it stands")] = False,
) -> None:
    """Show a user's up-next list as it stands in Redis."""
    import msgspec

    from data.model_store import ModelStore
    from data.redis_connection import connect, explained
    from data.redis_keys import RedisKeys
    from data.user_store import UserStore

    keys = RedisKeys(settings.redis_prefix)
    with explained(settings.redis_url), connect(settings.redis_url) as client:
        (shown,) = UserStore(client, keys).read_lists([user])
        store = ModelStore(client, keys)
        active = store.current()
        if shown is None:
            typer.echo(_nobody(user, keys, served=active is not None), err=True)
            sys.exit(1)
        if as_json:
            typer.echo(msgspec.json.encode(shown))
        else:
            _show(shown, store.catalogue(active.version) if active else None)


def _nobody(user: str, keys: RedisKeys, *, served: bool) -> str:
    hint = (
        "Nobody by that id sent an event, or was in the interactions of the last refresh "
        "(`upnext refresh PATH...`)."
    )
    if not served:
        hint = "No model is served yet: run `upnext night PATH...`."
    return f"There is no list for user {user!r} (key {keys.up_next(user)}). {hint}"


def _show(shown: UpNext, catalogue: Catalogue | None) -> None:
    kind = "personal" if shown.personal else "popular videos: nothing is known of this user"
    kind = kind if shown.version else "empty: there was no model to make it with"
    table = Table(
        title=f"Up next for {escape(shown.user)} ({kind})",
        caption=f"model {shown.version}, activation {shown.activation}",
    )
    table.add_column("", justify="right")
    table.add_column("video")
    table.add_column("title")
    table.add_column("score", justify="right")
    for place, item in enumerate(shown.items, start=1):
        title = catalogue.title(item.id) if catalogue else ""
        table.add_row(str(place), escape(item.id), escape(title), f"{item.score:.4f}")
    Console().print(table)
