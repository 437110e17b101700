"""One night as a scheduler runs it, in a process of its own, and what its parts took."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from deploy.embedded.redis_server import EmbeddedRedis
from deploy.night.folder import newest_report
from tests.benchmarks.synthetic import Size, write_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batch_training.night_report import NightReport

THREADS: Final = 2
# Without looks at the fit nothing can end it early: what is measured is so many iterations.
OPTIONS: Final = {"factors": 64, "iterations": 15, "check-every": 0, "threads": THREADS}

# The parts of a night, as the table shows them, and the stages that belong to each.
FITS: Final = "the two fits"
BASELINES: Final = "baselines"
REFRESH: Final = "refresh"
ELSE: Final = "start, cut, gate, report"  # what is in no stage
_STAGES: Final = {
    "read and validate": ("Read and validate",),
    "merge": ("Merge the older events", "Merge everything"),
    "judge": ("Judge by the newer events", "Train without some users", "Judge by those users"),
    "try out, publish, clean up": ("Try it out", "Publish and activate", "Clean up"),
    ELSE: (),
    FITS: ("Train on the older events", "Train on everything"),
    BASELINES: ("Judge the baselines",),
    REFRESH: ("Wait for the workers to follow", "Write everybody's list"),
}


class Cost(NamedTuple):
    """Wall seconds, CPU seconds of all threads, and greatest memory in MiB."""

    wall: float
    cpu: float
    peak: float = 0.0

    @classmethod
    def of(cls, costs: Iterable[Cost]) -> Self:
        """Give what all of them took, one after the other."""
        wall, cpu, peak = zip(*costs, strict=True)
        return cls(sum(wall), sum(cpu), max(peak))


class Night(NamedTuple):
    """A night that was measured.

    Attributes
    ----------
    parts
        What each part took, by its name.
    """

    size: Size
    report: NightReport
    parts: dict[str, Cost]

    @property
    def whole(self) -> Cost:
        """What all of it took."""
        return Cost.of(self.parts.values())

    @property
    def rest(self) -> Cost:
        """What is held against the two fits: all but them, the baselines and the refresh."""
        own = (FITS, BASELINES, REFRESH)
        return Cost.of(cost for name, cost in self.parts.items() if name not in own)

    @property
    def ratio(self) -> tuple[float, float]:
        """The rest as a share of the two fits: by wall time, and as if alone on the cores.

        Alone, the fits would take their CPU time shared out over their threads, and the rest,
        which has one thread, all of its own.
        """
        fits = self.parts[FITS]
        return self.rest.wall / fits.wall, self.rest.cpu / (fits.cpu / THREADS)


def measure(size: Size, say: Callable[[str], None] = lambda _: None) -> Night:
    """Run the first night on a made-up history.

    Raises
    ------
    RuntimeError
        If it publishes nothing; the message ends with what the night said last.
    """
    with TemporaryDirectory() as name, EmbeddedRedis() as server:
        folder = Path(name)
        say(f"nights: writing {size.events:,} interactions")
        write_history(folder / "history.parquet", size)
        say(f"nights: the night of {size.events:,} interactions")
        options = OPTIONS | {"redis-url": server.url, "state-folder": folder}
        words = [f"--{option}={value}" for option, value in options.items()]
        whole = _run(["night", "history.parquet", *words], folder)
        found = newest_report(folder)
    if found is None or {fit.iterations for fit in found[0].training} != {OPTIONS["iterations"]}:
        msg = "the night left no report, or a fit was ended early"
        raise RuntimeError(msg)
    return Night(size, found[0], _parts(found[0], whole))


def _run(words: list[str], folder: Path) -> Cost:
    """Run `upnext` in a folder, where no settings of the user's are found."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("UPNEXT_")}
    before = time.perf_counter(), _cpu_of_children()
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *words],
        cwd=folder,
        env=theirs | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"the night ended with {ended.returncode}: {ended.stderr[-2_000:]}")
    return Cost(time.perf_counter() - before[0], _cpu_of_children() - before[1])


def _cpu_of_children() -> float:
    """Tell the CPU time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _parts(report: NightReport, whole: Cost) -> dict[str, Cost]:
    """Sort the stages into parts; a stage that is in none of them counts as `ELSE`."""
    costs = [(s.name, Cost(s.seconds, s.cpu_s, s.peak_mib)) for s in report.stages]
    parts = {
        part: Cost.of([Cost(0.0, 0.0), *(cost for name, cost in costs if name in names)])
        for part, names in _STAGES.items()
    }
    known = Cost.of(parts.values())
    return parts | {ELSE: Cost(whole.wall - known.wall, whole.cpu - known.cpu)}
