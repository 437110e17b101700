"""DataSet: interactions with the catalogue they belong to, and where the two come from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from data.catalogue import Catalogue


@dataclass(frozen=True)
class DataSet:
    """Something to train and to show UpNext on.

    Attributes
    ----------
    name
        What people call it.
    interactions
        One row an interaction, with the columns `data.sources.table.COLUMNS`; valid throughout.
    catalogue
        The videos; some may have no interactions.
    why
        Where the data were taken from and why there, in plain sentences.
    """

    name: str
    interactions: pd.DataFrame
    catalogue: Catalogue
    why: str


def default_cache() -> Path:
    """Give UpNext's folder for what can be fetched again, as the XDG base directories say."""
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (chosen if chosen.is_absolute() else Path.home() / ".cache") / "upnext"
