"""Taking the time of several functions by turns, so that all meet the same weather."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def race(
    runners: Mapping[str, Callable[[], object]],
    rounds: int,
    on_round: Callable[[int], None] = lambda _: None,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Run each function once a round and give the median of the seconds it took.

    A round more than asked for comes first and
    doesn't count: it fills caches and what is derived on first use.

    Parameters
    ----------
    on_round
        Is told how many rounds are done.
    clock
        CPU time of all threads of this process by default; `time.perf_counter` for what waits for
        another process.
    """
    taken: dict[str, list[float]] = {name: [] for name in runners}
    for number in range(rounds + 1):
        for name, run in runners.items():
            before = clock()
            run()
            taken[name].append(clock() - before)
        on_round(number)
    return {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}
