"""Run the fault table: `make faults`, or `python -m tests.faults.day --only EXPRESSION`."""

from __future__ import annotations

import argparse
import logging
import re
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deploy.embedded.kafka.server import EmbeddedKafka
from tests.faults.day.page import Result, table, write_into
from tests.faults.day.rows import ROWS
from tests.integration.world import World, make_world

if TYPE_CHECKING:
    from tests.faults.day.table import Outcome, Row

PAGE: Final = Path(__file__).parents[3] / "docs" / "reliability.md"
_TELLING: Final = threading.Lock()


class Runner:
    """Runs rows, several at a time.

    Parameters
    ----------
    kafka
        The broker of all rows that don't break theirs.
    world
        The models.
    folder
        For logs and data, which stay where a row was not held.
    """

    def __init__(self, kafka: EmbeddedKafka, world: World, folder: Path) -> None:
        self._kafka = kafka
        self._world = world
        self._folder = folder

    def result(self, row: Row, runs: int) -> Result:
        """Run a row so many times, or as often as it asks for."""
        outcomes, errors = [], []
        for number in range(runs or row.runs):
            try:
                outcomes.append(self._run(row, number))
            except Exception as error:  # noqa: BLE001 - one row must not stop the others
                errors.append(f"{type(error).__name__}: {error}"[:300])
                tell(f"{row.name}: {errors[-1]}")
        return Result(row, outcomes, errors)

    def _run(self, row: Row, number: int) -> Outcome:
        folder, began = self._folder / f"{row.play.__name__}-{number}", time.monotonic()
        outcome = row.run(None if row.own_broker else self._kafka, self._world, folder)
        verdict = "held" if row.is_held(outcome) else "NOT HELD"
        if row.is_held(outcome):
            shutil.rmtree(folder)
        tell(f"{verdict} in {time.monotonic() - began:.0f} s: {row.name}: {outcome}")
        return outcome


def tell(line: str) -> None:
    """Tell a person how it goes."""
    with _TELLING:
        print(line, flush=True)  # noqa: T201 - a command


def main() -> None:
    """Run the rows that were asked for, and write their lines into the page."""
    parser = argparse.ArgumentParser(prog="make faults", description="Break everything, and count.")
    parser.add_argument("--only", default="", help="rows whose name this expression finds")
    parser.add_argument("--runs", type=int, default=0, help="of each row; leaves the page alone")
    parser.add_argument("--jobs", type=int, default=2, help="rows that run at the same time")
    options = parser.parse_args()
    logging.getLogger("data").setLevel(logging.CRITICAL)  # the checker may read damaged things
    rows = [row for row in ROWS if re.search(options.only, row.name)]
    folder = Path(tempfile.mkdtemp(prefix="upnext-faults-"))
    with EmbeddedKafka() as kafka, ThreadPoolExecutor(options.jobs) as pool:
        runner = Runner(kafka, make_world(), folder)
        results = list(pool.map(lambda row: runner.result(row, options.runs), rows))
    tell(table(results))
    if not options.runs:
        write_into(PAGE, results, ROWS)
    if not all(result.is_held for result in results):
        sys.exit(f"not every row was held; the logs are in {folder}")


if __name__ == "__main__":
    main()
