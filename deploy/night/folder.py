"""NightFolder: what a night leaves on disk, and what it needs there while it runs."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec
import pyarrow.parquet as pq

from batch_training.night_report import NightReport
from batch_training.reading.quarantine import FILE as QUARANTINE
from batch_training.report import render

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT: Final = "report.json"
PAGE: Final = "report.html"
NIGHTS_KEPT: Final = 30
_IN_USE: Final = "in-use"


def state_folder(chosen: str | None) -> Path:
    """Give the folder for what a night leaves behind, as the XDG base directories say."""
    if chosen:
        return Path(chosen).expanduser()
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (state if state.is_absolute() else Path.home() / ".local" / "state") / "upnext"


class StateFolderError(OSError):
    """The state folder can't be written; the message says which it is, and what to do."""


class NightFolder(NamedTuple):
    """The folder of one night: ``nights/<when it started>/`` in the state folder."""

    path: Path

    @classmethod
    def make(cls, state: Path, started_at: int) -> Self:
        """Make the folder of a night that starts at this time, in ms UTC.

        Raises
        ------
        StateFolderError
            If it can't be made.
        """
        stamp = datetime.fromtimestamp(started_at / 1000, UTC).strftime("%Y%m%dT%H%M%S")
        path = state / "nights" / f"{stamp}{started_at % 1000:03d}Z"
        with _explained(state):
            path.mkdir(parents=True)
        return cls(path)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder for the time of a night; what a killed night left of its own goes first.

        Raises
        ------
        StateFolderError
            If it can't be made.
        """
        for left in self.path.parent.glob("*/scratch"):
            with suppress(OSError), (left / _IN_USE).open("w") as held:  # a night at work has it
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        folder = self.path / "scratch"
        with _explained(self.path):
            folder.mkdir()
            held = (folder / _IN_USE).open("w")
        with held:
            fcntl.flock(held, fcntl.LOCK_EX)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def models(self) -> Path:
        """The folder of exported models; all nights share it."""
        return self.path.parent.parent / "models"

    def keep_quarantine(self, scratch: Path) -> str:
        """Keep the rows that could not be used; gives where they are, empty if there are none."""
        rows, kept = scratch / QUARANTINE, self.path / QUARANTINE
        if not rows.exists() or not pq.read_metadata(rows).num_rows:
            return ""
        rows.replace(kept)
        return str(kept)

    def keep(self, report: NightReport) -> Path | None:
        """Write the report and its page, and forget the oldest nights; gives the page's path.

        None where the disk takes no more: a night that failed for that must still say so.
        """
        contents = {REPORT: msgspec.json.encode(report), PAGE: render(report).encode()}
        try:
            for name, content in contents.items():
                partial = self.path / f".{name}"
                partial.write_bytes(content)
                partial.replace(self.path / name)
        except OSError:
            return None
        for old in sorted(self.path.parent.iterdir())[:-NIGHTS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return self.path / PAGE


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say what to do where nothing can be written."""
    try:
        yield
    except OSError as error:
        msg = (
            f"Can't write in {folder} ({error.strerror}). A night keeps its report there: make "
            "room, or name another folder with --state-folder."
        )
        raise StateFolderError(msg) from error


def newest_report(state: Path) -> tuple[NightReport, Path] | None:
    """Read the report of the last night on this machine, and name its folder; None without one."""
    for file in sorted((state / "nights").glob(f"*/{REPORT}"), reverse=True):
        return msgspec.json.decode(file.read_bytes(), type=NightReport), file.parent
    return None
