"""Measure speed: ``python -m tests.benchmarks [NAME...]``, most of them by default."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from rich.console import Console

from tests.benchmarks import defaults, fit, gpu, nights, numerics, refresh, store
from tests.benchmarks.day import latency, memory, room, scale, stages, two, worker
from tests.benchmarks.report import machine, markdown_of, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.report import Report

BENCHMARKS: Final[dict[str, Callable[[Callable[[str], None]], Report]]] = {
    "batches": scale.run_batches,
    "defaults": defaults.run,
    "fit": fit.run,
    "gpu": gpu.run,
    "latency": latency.run,
    "memory": memory.run,
    "night": nights.run,
    "nights": nights.run_all,
    "numerics": numerics.run,
    "refresh": refresh.run,
    "room": room.run,
    "scale": scale.run,
    "stages": stages.run,
    "store": store.run,
    "two": two.run,
    "worker": worker.run,
}

_WIDTH: Final = 110  # wherever the output goes, so that it can be pasted
DAY: Final = ("worker", "stages", "latency", "scale", "batches", "two", "memory", "room")
SHORT: Final = frozenset({"worker", "stages", "room"})
# Run only when named.
LONG: Final = frozenset({"defaults", "gpu", "nights", *DAY}) - SHORT


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks that are named; tables go to stdout, progress to stderr."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    meant = f"{', '.join(BENCHMARKS)}; or day: {', '.join(DAY)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=meant)
    parser.add_argument("--markdown", action="store_true", help="print tables for a page")
    options = parser.parse_args(arguments)
    names = options.names or [name for name in BENCHMARKS if name not in LONG]
    names = [one for name in names for one in (DAY if name == "day" else [name])]
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    progress, out = Console(stderr=True), Console(soft_wrap=True, width=_WIDTH)
    out.print(f"{machine()}\nFigures are good as ratios of one run only.\n", highlight=False)
    for name in names:
        with progress.status(name) as status:
            report = BENCHMARKS[name](status.update)
        if options.markdown:
            out.print(markdown_of(report), highlight=False, markup=False)
        else:
            out.print(table_of(report))


if __name__ == "__main__":
    main()
