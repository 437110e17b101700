"""Training through our code, against bare `implicit` on the same matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from batch_training.merging.histories import merge_events
from batch_training.training.probe import probe
from batch_training.training.settings import TrainSettings
from batch_training.training.train import fit
from batch_training.training.training_set import training_set
from tests.benchmarks.race import race
from tests.benchmarks.report import Report
from tests.benchmarks.synthetic import Size, draw_history

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from batch_training.training.train import Fitted

# Names of the runners, as the table shows them.
THEIRS: Final = "implicit: fit"
OURS: Final = "UpNext: fit, without loss and probe"
WATCHED: Final = "UpNext: fit, with loss and probe"
TRAINING_SET: Final = "UpNext: training_set, before it"
_GOALS: Final = {OURS: "1.05", WATCHED: "1.25"}

_PAST: Final = 0.95  # of the interactions; the probe is asked about the rest
# Nothing may end the fit early: what is compared is so many iterations.
SETTINGS: Final = TrainSettings(factors=64, iterations=15, threads=1, device="cpu", tolerance=0.0)
LARGE: Final = Size(users=15_000, videos=20_000, events=2_000_000)


def run(
    say: Callable[[str], None],
    size: Size = LARGE,
    settings: TrainSettings = SETTINGS,
    rounds: int = 3,
) -> Report:
    """Measure; `say` is told what is being done."""
    say(f"fit: drawing {size.events:,} interactions")
    past, later = draw_history(size).in_order(0).split(_PAST)
    before = merge_events(past)
    learnt_from = training_set(before, settings)
    asked = probe(before, later, learnt_from, settings)
    blind = msgspec.structs.replace(settings, check_every=0)
    matrix = learnt_from.matrix
    runners: dict[str, Callable[[], object]] = {
        THEIRS: lambda: _implicit(matrix, settings),
        OURS: lambda: fit(matrix, blind),
        WATCHED: lambda: fit(matrix, settings, probe=asked),
        TRAINING_SET: lambda: training_set(before, settings),
    }
    with threadpool_limits(1):
        seconds = race(runners, rounds, lambda done: say(f"fit: round {done} of {rounds}"))
    looks = fit(matrix, settings, probe=asked)
    return _report(seconds, looks, matrix, size, settings, rounds)


def _report(
    seconds: Mapping[str, float],
    looks: Fitted,
    matrix: csr_matrix[np.float32],
    size: Size,
    settings: TrainSettings,
    rounds: int,
) -> Report:
    """Lay out the times, and what the looks saw."""
    return Report(
        title=f"Training: CPU time of {settings.iterations} iterations",
        conditions=[
            f"{size.events:,} made-up interactions: {matrix.nnz:,} pairs,",
            f"{matrix.shape[0]:,} users × {matrix.shape[1]:,} videos; {settings.factors} factors",
            f"one thread each; median of {rounds} rounds by turns",
        ],
        columns=("", "CPU s", "of implicit's", "goal: at most"),
        rows=[
            (name, f"{taken:.2f}", f"{taken / seconds[THEIRS]:.3f}", _GOALS.get(name, ""))
            for name, taken in seconds.items()
        ],
        notes=[
            f"{name} after so many iterations: "
            + ", ".join(f"{done}: {value:.5g}" for done, value in seen)
            for name, seen in (("loss", looks.loss), ("probe", looks.probe))
        ],
    )


def _implicit(matrix: csr_matrix[np.float32], settings: TrainSettings) -> NDArray[np.float32]:
    model = AlternatingLeastSquares(
        factors=settings.factors,
        regularization=settings.regularization,
        iterations=settings.iterations,
        random_state=settings.seed,
        num_threads=settings.threads,
    )
    model.fit(matrix, show_progress=False)
    factors: NDArray[np.float32] = model.item_factors
    return factors
