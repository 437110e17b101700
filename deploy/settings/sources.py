"""Where settings come from beside the flags: the environment, and one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_FILE: Final = Path("upnext.toml")


class SettingsError(ValueError):
    """A setting that can't be used; the message names it and says where it came from."""


def refuse_unknown_variables(settings: Iterable[str]) -> None:
    """Refuse a misspelt variable, which would be passed over in silence."""
    known = {f"UPNEXT_{name.upper()}" for name in settings} | {"UPNEXT_CONFIG"}
    names = {name.upper() for name in os.environ if name.upper().startswith("UPNEXT_")}
    if unknown := sorted(names - known):
        msg = f"There is no setting for {', '.join(unknown)}; mend the name or unset it"
        raise SettingsError(msg)


def settings_file() -> Path:
    """Name the file of settings: $UPNEXT_CONFIG, or upnext.toml in the current folder."""
    named = os.environ.get("UPNEXT_CONFIG")
    if named and not Path(named).is_file():
        msg = f"UPNEXT_CONFIG names {named}, where there is no file; mend it or unset it"
        raise SettingsError(msg)
    return Path(named or DEFAULT_FILE)
