"""Work: what a night is told, and what it has at hand while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from data.sources.column_map import ColumnMap

if TYPE_CHECKING:
    from pathlib import Path

    from batch_training.night_report import NightReport
    from batch_training.progress import Stages
    from deploy.night.folder import NightFolder
    from deploy.settings import Settings
    from deploy.stores import Stores


class NightOptions(NamedTuple):
    """What a night is told on the command line.

    Attributes
    ----------
    paths
        Where the interactions are.
    catalogue
        File by which the served catalogue is brought up to date, if any.
    mapping
        How the columns of the interactions are called.
    dry_run
        Do everything but publish.
    forced_why
        Why a model is published even if the gate refuses it; empty to heed the gate.
    """

    paths: tuple[Path, ...]
    catalogue: Path | None = None
    mapping: ColumnMap = ColumnMap()
    dry_run: bool = False
    forced_why: str = ""


@dataclass(frozen=True)
class Work:
    """One night on its way.

    Attributes
    ----------
    report
        Is filled on the way, so that it tells how far a night came that failed.
    folder
        What the night leaves behind.
    scratch
        Folder for what is needed while it runs.
    """

    options: NightOptions
    settings: Settings
    stores: Stores
    stages: Stages
    report: NightReport
    folder: NightFolder
    scratch: Path

    def unusual(self, sentence: str) -> None:
        """Say what a person should look at."""
        self.report.unusual += (sentence,)
