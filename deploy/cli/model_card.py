"""A model card: what a version was made of and how good it is, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeGuard

from rich.console import Group
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from data.manifest import Manifest

# What people look for first; anything else comes behind, in the order of the manifest.
_FIRST: Final = ("parent", "derived", "data", "quality", "gate", "device", "seconds", "settings")


def model_card(manifest: Manifest, *, served: bool) -> RenderableType:
    """Lay a card out for a terminal.

    Parameters
    ----------
    served
        Whether it is the version that is served now.
    """
    rows, columns = manifest.shape
    facts = {
        "videos": rows,
        "factors": columns,
        "parts": {name: f"{part.size / 2**20:.2f} MiB" for name, part in manifest.parts.items()},
    }
    known = {key: manifest.metadata[key] for key in _FIRST if key in manifest.metadata}
    table = Table.grid(padding=(0, 2))
    for name, value in _lines(facts | known | manifest.metadata):
        table.add_row(f"[bold]{escape(name)}[/]" if not value else escape(name), escape(value))
    title = f"Model [bold]{escape(manifest.version)}[/]" + (", served now" if served else "")
    return Group(title, table)


def _lines(facts: Mapping[str, object], depth: int = 0) -> Iterator[tuple[str, str]]:
    """Give name and value of every fact, what is inside another one below it."""
    for name, value in facts.items():
        label = "  " * depth + name
        if isinstance(value, Mapping):
            yield label, ""
            yield from _lines(value, depth + 1)
        elif _is_table(value):
            yield label, ""
            numbered = {str(number): row for number, row in enumerate(value, start=1)}
            yield from _lines(numbered, depth + 1)
        else:
            yield label, _shown(name, value)


def _is_table(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, (list, tuple)) and any(isinstance(x, Mapping) for x in value)


def _shown(name: str, value: object) -> str:
    """Write a value for people; a time in ms UTC, by its name, as a date."""
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(name, entry) for entry in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bool) or not isinstance(value, int):
        return "–" if value is None else str(value)
    if name.endswith("_at"):
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{value:,}"
