"""Where settings come from beside the flags: the environment, a file, and a search's results."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_FILE: Final = Path("upnext.toml")
TUNED_FILE: Final = Path("tuned.toml")
_FILES: Final = {"UPNEXT_CONFIG": DEFAULT_FILE, "UPNEXT_TUNED": TUNED_FILE}


class SettingsError(ValueError):
    """A setting that can't be used; the message names it and says where it came from."""


def refuse_unknown_variables(settings: Iterable[str]) -> None:
    """Refuse a misspelt variable, which would be passed over in silence."""
    known = {f"UPNEXT_{name.upper()}" for name in settings} | _FILES.keys()
    names = {name.upper() for name in os.environ if name.upper().startswith("UPNEXT_")}
    if unknown := sorted(names - known):
        msg = f"There is no setting for {', '.join(unknown)}; mend the name or unset it"
        raise SettingsError(msg)


def settings_file() -> Path:
    """Name the file of settings: $UPNEXT_CONFIG, or upnext.toml in the current folder."""
    return _file("UPNEXT_CONFIG")


def tuned() -> tuple[Path, dict[str, Any]]:
    """Read what a search has found: from $UPNEXT_TUNED, or tuned.toml in the current folder.

    Returns
    -------
    The file, and the values by name; none where there is no such file.

    Raises
    ------
    SettingsError
        If the file can't be read.
    """
    file = _file("UPNEXT_TUNED")
    try:
        return file, tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return file, {}
    except (ValueError, OSError) as error:
        msg = f"Can't read {file}: {error}. Mend it, or find the settings anew with upnext tune."
        raise SettingsError(msg) from error


def places_of(flags: Iterable[str], settled: Iterable[str]) -> dict[str, str]:
    """Tell where each setting comes from.

    Parameters
    ----------
    flags
        Names that were given by a flag.
    settled
        All that were given by a flag, a variable or the file.
    """
    variables = {name.upper() for name in os.environ}
    places = {name: f"from {settings_file()}" for name in settled}
    places |= {
        name: f"from {v}" for name in settled if (v := f"UPNEXT_{name.upper()}") in variables
    }
    return places | {name: f"from --{name.replace('_', '-')}" for name in flags}


def readable_file(setting: str, named: str | None) -> Path | None:
    """Give the file that a setting names, None if it names none.

    Raises
    ------
    SettingsError
        If it can't be read.
    """
    if named is None:
        return None
    file = Path(named).expanduser()
    if not os.access(file, os.R_OK) or not file.is_file():
        msg = f"{setting} names {file}, which can't be read as a file; mend the setting"
        raise SettingsError(msg)
    return file


def _file(variable: str) -> Path:
    """Name the file that a variable names, or that lies in the current folder."""
    named = os.environ.get(variable)
    if named and not Path(named).is_file():
        msg = f"{variable} names {named}, where there is no file; mend it or unset it"
        raise SettingsError(msg)
    return Path(named or _FILES[variable])
