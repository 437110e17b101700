"""Which device trains, and what is said when a GPU can't be had; no GPU is needed here."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest

from batch_training.training import cuda
from batch_training.training.device import (
    CPU,
    HAS_CUDA,
    DeviceError,
    choose_device,
    memory_needed,
    missing,
    pick_device,
    too_much,
    untrained,
)
from batch_training.training.settings import TrainSettings

PLENTY = 1 << 50
WITHOUT_GPU = pytest.mark.skipif(HAS_CUDA, reason="a GPU that works is here")


@pytest.mark.parametrize(
    ("wanted", "why_not", "chosen"),
    [
        ("auto", "", "gpu"),
        ("auto", "it is not there", "cpu"),
        ("cpu", "", "cpu"),
        ("cpu", "it is not there", "cpu"),
        ("gpu", "", "gpu"),
    ],
)
def test_the_gpu_is_taken_where_it_can_be_had(wanted: str, why_not: str, chosen: str) -> None:
    """Auto takes the GPU where nothing speaks against it, cpu never does."""
    assert choose_device(wanted, why_not) == chosen  # type: ignore[arg-type] # drawn by pytest


def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error() -> None:
    """The message holds the reason, and how to do without."""
    with pytest.raises(DeviceError, match=r"device = gpu, but it is not there.*device = cpu"):
        choose_device("gpu", "it is not there")


@pytest.mark.parametrize(
    ("rmm", "said", "told"),
    [
        (None, "", "the extra `gpu` is not installed: install it with `make gpu`"),
        ("26.8.0", "undefined symbol", "rmm-cu13 26.8.0 is installed, and implicit needs 26.4.*"),
        ("26.40.0", "", "rmm-cu13 26.40.0 is installed"),
        ("26.4.0", "Disabling GPU support because of 'libcublas.so.13'", "'libcublas.so.13'"),
        ("26.4.0", "CUDA driver version is insufficient", "R580 or newer"),
        ("26.4.0", "", "imported before"),
    ],
)
def test_what_is_missing_is_said(rmm: str | None, said: str, told: str) -> None:
    """No extra, another RMM, a library or a driver: each is named, with what to do about it."""
    assert told in missing(rmm, said)
    assert ("make gpu" in missing(rmm, said)) or "nvidia-smi" in missing(rmm, said)


@pytest.mark.parametrize(
    ("users", "items", "stored", "factors", "free", "told"),
    [
        (10, 10, 20, 64, PLENTY, ""),
        (10, 10, 20, 992, PLENTY, ""),
        (10, 10, 20, 1024, PLENTY, "at most 992"),
        (10, 10, 20, 100, PLENTY, "multiple of 32"),
        (10, 10, 2**31 - 1, 64, PLENTY, ""),
        (10, 10, 2**31, 64, PLENTY, "2^31"),
        (2**25 - 1, 10, 20, 64, PLENTY, ""),
        (2**25, 10, 20, 64, PLENTY, "2^31"),
        (10, 2**25, 20, 64, PLENTY, "2^31"),
        (150_000, 50_000, 20_000_000, 64, 1 << 30, ""),
        (150_000, 50_000, 20_000_000, 64, 1 << 28, "0.4 GiB of the GPU's memory, and 0.2 GiB"),
    ],
)
def test_what_a_gpu_cannot_train_is_said(
    users: int, items: int, stored: int, factors: int, free: int, told: str
) -> None:
    """Wrong numbers of factors, too many cells and too little memory are found before training."""
    said = too_much(users, items, stored, factors, free)
    assert told in said
    assert bool(said) == bool(told)


def test_memory_is_that_of_the_factors_and_of_the_matrix_twice() -> None:
    """Counted by hand: users, videos and a copy of the more, then 8 bytes a pair for each side."""
    assert memory_needed(3, 2, 5, 32) == 4 * 32 * (3 + 2 + 3) + 2 * 5 * (4 + 4) + 4 * (3 + 2)


@WITHOUT_GPU
def test_without_cuda_auto_trains_on_the_cpu_and_gpu_is_refused() -> None:
    """On a machine like this one nothing is different from asking for the CPU, but for `gpu`."""
    settings = TrainSettings(device="auto")
    assert pick_device(settings, 10, 10, 20) == CPU
    with pytest.raises(DeviceError, match="make gpu"):
        pick_device(msgspec.structs.replace(settings, device="gpu"), 10, 10, 20)


def test_implicit_is_set_up_without_an_alpha_of_its_own_and_with_any_seed() -> None:
    """On a GPU it would ignore alpha in the fit, and take a seed of 0 for the time of day."""
    model = untrained(TrainSettings(factors=32, seed=0, threads=3), CPU)
    assert (model.alpha, model.factors, model.num_threads) == (1.0, 32, 3)
    assert isinstance(model.random_state, np.random.Generator)


@pytest.mark.skipif(cuda.rmm_version() is not None, reason="the extra `gpu` is installed")
def test_training_is_imported_without_the_extra_and_without_a_word() -> None:
    """Where the extra is not installed, nobody is told of a GPU."""
    code = "from batch_training.training import device, train; print(device.HAS_CUDA)"
    command = [sys.executable, "-W", "error", "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("False\n", "")
