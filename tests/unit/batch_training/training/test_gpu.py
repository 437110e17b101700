"""Where a GPU is present: it trains as good a model as the CPU does, from the same matrix."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from batch_training.merging.histories import merge_events
from batch_training.training.device import HAS_CUDA, untrained
from batch_training.training.probe import probe
from batch_training.training.settings import TrainSettings
from batch_training.training.train import fit
from batch_training.training.training_set import training_set
from tests.unit.nights import events_of, world

pytestmark = [
    pytest.mark.skipif(not HAS_CUDA, reason="no GPU that works here (`make gpu` installs the rest)")
]

CPU = TrainSettings(
    factors=32, iterations=30, regularization=10.0, threads=1, device="cpu", check_every=30
)
GPU = msgspec.structs.replace(CPU, device="gpu")


@pytest.mark.slow
def test_cpu_and_gpu_are_equally_good() -> None:
    """Over several seeds, loss and hit rate of both differ by less than seeds make them differ."""
    past, later = events_of(world(users=800, videos=600, each=24)).split(0.8)
    before = merge_events(past)
    learnt_from = training_set(before, CPU)
    asked = probe(before, later, learnt_from, CPU, users=800)
    assert asked is not None
    found: dict[str, list[tuple[float, float]]] = {"cpu": [], "gpu": []}
    for seed in range(5):
        for settings in (CPU, GPU):
            seeded = msgspec.structs.replace(settings, seed=seed)
            fitted = fit(learnt_from.matrix, seeded, probe=asked)
            found[settings.device].append((fitted.loss[-1][1], fitted.probe[-1][1]))
            assert (fitted.device == "cpu") is (settings.device == "cpu")
    cpu, gpu = np.array(found["cpu"]), np.array(found["gpu"])
    assert gpu[:, 0].mean() == pytest.approx(cpu[:, 0].mean(), rel=0.005)
    assert 0.2 < cpu[:, 1].mean() < 0.6
    chance = 4 * np.hypot(cpu[:, 1].std(ddof=1), gpu[:, 1].std(ddof=1)) / np.sqrt(5)
    assert abs(gpu[:, 1].mean() - cpu[:, 1].mean()) < max(chance, 0.02)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_gives_the_same_start_each_time(seed: int) -> None:
    """Two fits of one seed agree but for the order of sums; seed 0 is none of the time of day."""
    matrix = training_set(merge_events(events_of(world())), CPU).matrix
    settings = msgspec.structs.replace(GPU, seed=seed, iterations=3)
    first, again = (fit(matrix, settings).item_factors for _ in range(2))
    assert first == pytest.approx(again, abs=1e-3 * float(np.abs(first).max()))


def test_the_confidence_in_the_matrix_is_what_a_gpu_learns_from() -> None:
    """Trained on a times X it is as good by the objective as a CPU that is given alpha = a."""
    stored = training_set(merge_events(events_of(world())), CPU).matrix
    X = stored.astype(np.bool_).astype(np.float32)
    theirs = untrained(CPU, "cpu")
    theirs.alpha, theirs.calculate_training_loss = 8.0, True
    losses: list[float] = []
    theirs.fit(X, show_progress=False, callback=lambda _n, _s, loss: losses.append(loss))
    ours = fit(csr_matrix(8.0 * X, dtype=np.float32), GPU)
    assert ours.loss[-1][1] == pytest.approx(losses[-1], rel=0.01)
