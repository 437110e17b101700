"""Flags made from the settings: one place says what a setting is called and what it means."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_origin

import typer

from deploy.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

PANEL: Final = "Settings, also as UPNEXT_... or in upnext.toml"


def with_settings(*groups: type[BaseModel]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a flag for each field of these groups, and hand it a `Settings`.

    Parameters
    ----------
    groups
        Classes of `deploy.settings` whose fields the command uses. The function's parameter
        ``settings`` is filled in.
    """
    fields = {name: info for group in groups for name, info in group.model_fields.items()}

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(**arguments: Any) -> None:  # noqa: ANN401 - whatever the flags are
            flags = {name: arguments.pop(name) for name in fields}
            function(settings=load_settings(flags), **arguments)

        signature = inspect.signature(function, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name != "settings"]
        flags = [_flag(name) for name in fields]
        command.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]  # read by typer
        command.__annotations__ = {p.name: p.annotation for p in [*own, *flags]}
        return command

    return decorate


def _flag(name: str) -> inspect.Parameter:
    """Describe one setting as a keyword-only option that is None unless it is given."""
    info = Settings.model_fields[name]
    kind = next(kind for kind in (str, int, float) if kind in _kinds(info.annotation))
    default = "none" if info.default is None else info.default
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        help=f"{info.description} (default: {default})",
        show_default=False,
        rich_help_panel=PANEL,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _kinds(annotation: object) -> tuple[object, ...]:
    """Types that a setting may have; one with a few fixed values is told as a string."""
    if get_origin(annotation) is Literal:
        return (str,)
    return get_args(annotation) or (annotation,)
