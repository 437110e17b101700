"""A GPU against the CPU of the same machine: seconds for an iteration, and how good models are."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from batch_training.merging.histories import gather
from batch_training.reading.spool import Spool
from batch_training.training.device import DeviceError, pick_device
from batch_training.training.probe import probe
from batch_training.training.settings import TrainSettings
from batch_training.training.train import fit
from batch_training.training.training_set import training_set
from data.user_history import DEFAULT_LIMIT
from tests.benchmarks.report import Report
from tests.benchmarks.synthetic import Size, draw_batches

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_training.events import Events
    from batch_training.merging.histories import Histories

LARGE: Final = Size.of(20_000_000)
FACTORS: Final = (64, 128, 256)
SETTINGS: Final = TrainSettings(iterations=15, check_every=0)
_PAST: Final = 0.9  # of the interactions; the probe is asked about the rest
_ASKED: Final = 4_096  # users of the probe


class Fitted(NamedTuple):
    """Seconds of an iteration, and the hit rate of the first ten at the end."""

    device: str
    seconds: float
    hit_rate: float


def run(
    say: Callable[[str], None], size: Size = LARGE, settings: TrainSettings = SETTINGS
) -> Report:
    """Measure; `say` is told what is being done. Without a GPU nothing is, and the report says so.

    Raises
    ------
    RuntimeError
        If the history is too small to ask a probe about.
    """
    try:
        gpu = pick_device(msgspec.structs.replace(settings, device="gpu"), 1, 1, 1)
    except DeviceError as missing:
        return _told(f"not measured, as there is no GPU that works here: {missing}", [], size)
    say(f"gpu: drawing {size.events:,} interactions")
    past = past_and_later(size)
    rows = []
    for factors in FACTORS:
        say(f"gpu: {factors} factors")
        both = [
            fitted(past, msgspec.structs.replace(settings, factors=factors, device=device))
            for device in ("cpu", "gpu")
        ]
        seconds, rates = zip(*(found[1:] for found in both), strict=True)
        cells = [*(f"{s:.3f}" for s in seconds), f"{seconds[0] / seconds[1]:.1f}×"]
        rows.append((f"{factors} factors", *cells, *(f"{rate:.4f}" for rate in rates)))
    return _told(gpu, rows, size)


def fitted(past: tuple[Histories, Events], settings: TrainSettings) -> Fitted:
    """Fit once, and time its iterations; the first one, which starts things up, doesn't count."""
    learnt_from = training_set(past[0], settings)
    asked = probe(*past, learnt_from, settings, users=_ASKED)
    if asked is None:
        msg = "the history is too small: nobody wanted anything later"
        raise RuntimeError(msg)
    ends: list[float] = []
    found = fit(learnt_from.matrix, settings, lambda *_: ends.append(time.perf_counter()))
    seconds = statistics.median(b - a for a, b in pairwise(ends))
    return Fitted(found.device, seconds, asked(found.item_factors))


def past_and_later(size: Size) -> tuple[Histories, Events]:
    """Draw a history, and part it as a night does."""
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        for events in draw_batches(size):
            spool.users, spool.videos = events.users, events.videos
            spool.add(events)
        return gather(spool, spool.cut_at(_PAST), DEFAULT_LIMIT, 0)


def _told(gpu: str, rows: list[tuple[str, ...]], size: Size) -> Report:
    return Report(
        title="Training on a GPU: seconds for an iteration, and hit rate of the first ten",
        conditions=[
            f"{size.events:,} made-up interactions: {size.users:,} users, {size.videos:,} videos;",
            f"median of {SETTINGS.iterations - 1} iterations, the CPU with all its cores",
            f"GPU: {gpu}",
        ],
        columns=("", "CPU s", "GPU s", "faster", "hit rate: CPU", "GPU"),
        rows=rows,
        notes=[],
    )
