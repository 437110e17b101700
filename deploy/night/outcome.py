"""Outcome: run a night whatever happens, and say what came of it: verdict, exit code, JSON line."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from batch_training.night import RefusedError
from batch_training.night_report import NightReport
from batch_training.progress import Stages
from batch_training.reading.load_report import BadDataError
from data.catalogue import CatalogueError
from data.model_lock import LockedError
from data.redis_connection import explained
from data.sources.table import SourceError
from deploy.errors import exit_status
from deploy.night.begin import DriftError
from deploy.night.folder import NightFolder, state_folder
from deploy.night.run import run
from deploy.night.work import NightOptions, Work
from deploy.stores import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from batch_training.progress import Progress
    from deploy.settings import Settings

EXIT_FAULT: Final = 1
EXIT_CODES: Final = {
    "published": 0,
    "dry run": 0,
    "refused": 3,
    "refused for its data": 4,
    "locked": 5,
    "fault": EXIT_FAULT,
}
_METRIC: Final = "hit_rate@10"


class Outcome(NamedTuple):
    """What a night came to.

    Attributes
    ----------
    report
        All that there is to tell.
    page
        The report for people; None if it could not be written.
    exit_code
        For the scheduler.
    error
        What ended the night early, if anything did.
    """

    report: NightReport
    page: Path | None
    exit_code: int
    error: BaseException | None

    def line(self) -> dict[str, Any]:
        """Give what a scheduler wants to know, in JSON types."""
        report = self.report
        data, replayed = report.data, report.judgements[0] if report.judgements else None
        return {
            "verdict": report.verdict,
            "exit_code": self.exit_code,
            "version": report.version,
            "parent": report.parent,
            "reasons": report.reasons,
            "unusual": report.unusual,
            "forced_by": report.gate.forced_by if report.gate else "",
            "hit_rate": {way.name: way.figures[_METRIC].mean for way in replayed.ways}
            if replayed
            else {},
            "rows": data.rows if data else 0,
            "dropped": data.dropped if data else {},
            "events": data.events if data else 0,
            "users": data.users if data else 0,
            "videos": data.videos if data else 0,
            "refreshed": report.refreshed,
            "seconds": report.seconds,
            "peak_mib": max((stage.peak_mib for stage in report.stages), default=0.0),
            "report": str(self.page) if self.page else "",
        }


def whole_night(options: NightOptions, settings: Settings, progress: Progress) -> Outcome:
    """Run a night, and keep its report, whatever happens: nothing is raised.

    A night that never began, for want of Redis or of a place for its report, or because another
    one is running, has an outcome too, and no page.
    """
    started_at, start = time.time_ns() // 1_000_000, time.perf_counter()
    report = NightReport(started_at=started_at, settings=settings.model_dump(exclude={"redis_url"}))
    stages, folder, error = Stages(progress), None, None
    try:
        with ExitStack() as held:
            held.enter_context(explained(settings.redis_url))
            stores = Stores.of(settings)
            if not options.dry_run:
                held.enter_context(stores.lock)
            folder = NightFolder.make(state_folder(settings.state_folder), started_at)
            scratch = held.enter_context(folder.scratch())
            run(Work(options, settings, stores, stages, report, folder, scratch))
    except BaseException as ended:  # noqa: BLE001 - whatever it is, the report has to tell it
        error = ended
        _tell(error, report)
    report.seconds = round(time.perf_counter() - start, 1)
    report.stages = tuple(stages.facts)
    page = folder.keep(report) if folder else None
    return Outcome(report, page, _exit_code(report, error), error)


def _exit_code(report: NightReport, error: BaseException | None) -> int:
    """Say how the process should end; a signal n stands for 128 + n."""
    if isinstance(error, SystemExit):
        return int(error.code or 0)
    if isinstance(error, KeyboardInterrupt):
        return 128 + signal.SIGINT
    published_in_part = error is not None and report.verdict == "published"
    return EXIT_FAULT if published_in_part else EXIT_CODES[report.verdict]


def _tell(error: BaseException, report: NightReport) -> None:
    """Put into the report why a night ended early."""
    if isinstance(error, RefusedError):
        report.verdict, report.reasons = "refused", tuple(error.reasons)
    elif isinstance(error, DriftError):
        report.verdict, report.reasons = "refused for its data", tuple(error.reasons)
    elif isinstance(error, BadDataError):
        report.verdict, report.reasons = "refused for its data", (error.reason,)
    elif isinstance(error, (SourceError, CatalogueError)):
        report.verdict, report.reasons = "refused for its data", (str(error),)
    elif isinstance(error, LockedError):
        report.verdict, report.reasons = "locked", (str(error),)
    elif isinstance(error, (SystemExit, KeyboardInterrupt)):
        report.reasons = (f"The night was stopped by {_stopper(error)}.",)
    else:
        unforeseen = not isinstance(error, Exception) or exit_status(error) is None
        report.reasons = (f"{type(error).__name__}: {error}" if unforeseen else str(error),)


def _stopper(stopped: BaseException) -> str:
    """Name what stopped a night: exit code 128 + n stands for signal n."""
    signals = {128 + number: number.name for number in signal.Signals}
    return signals.get(getattr(stopped, "code", 0), "Ctrl-C")
