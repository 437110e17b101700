"""Flags made from the settings: one place says what a setting is called and what it means."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_origin

import typer
from pydantic import SecretStr

from deploy.settings import Settings, load_settings
from deploy.settings.night import AddedSettings, ModelSettings, SignalSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

PANEL: Final = "Settings, also as UPNEXT_... or in upnext.toml"
PANELS: Final[Mapping[type[BaseModel], str]] = {
    ModelSettings: "The model, also as above or in tuned.toml",
    SignalSettings: "What each thing that a user did says, also as above or in tuned.toml",
    AddedSettings: "What is added to the factors' scores, also as above or in tuned.toml",
}
"""Where the data decide what is not given."""


def with_settings(
    *groups: type[BaseModel], with_tuned: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a flag for each field of these groups, and hand it a `Settings`.

    Parameters
    ----------
    groups
        Classes of `deploy.settings` whose fields the command uses. The function's parameter
        ``settings`` is filled in. A secret gets no flag, as every user of a machine may see them.
    with_tuned
        Whether what a search has found counts.
    """
    fields = {
        name: info
        for group in groups
        for name, info in group.model_fields.items()
        if SecretStr not in _kinds(info.annotation)
    }

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(**arguments: Any) -> None:  # noqa: ANN401 - whatever the flags are
            flags = {name: arguments.pop(name) for name in fields}
            function(settings=load_settings(flags, with_tuned=with_tuned), **arguments)

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
    kinds = _kinds(info.annotation)
    kind = next((kind for kind in (str, int, float) if kind in kinds), str)
    panel = next((title for group, title in PANELS.items() if name in group.model_fields), PANEL)
    default = info.default
    if default is None:
        default = "none" if panel == PANEL else "by the data"
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        help=f"{info.description} (default: {default})",
        show_default=False,
        rich_help_panel=panel,
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
    kinds = get_args(annotation) or (annotation,)
    return tuple(get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds)
