"""CPU or GPU: what a fit can run on, and why not; this imports `implicit`, see `cuda.preload`."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from batch_training.training import cuda

with warnings.catch_warnings(record=True) as _said:  # it warns of a GPU that most have no use for
    warnings.simplefilter("always")
    cuda.preload()
    import implicit.als
    import implicit.gpu
    import implicit.recommender_base

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.training.settings import TrainSettings

_LOG: Final = logging.getLogger(__name__)
_WARP: Final = 32  # threads that a GPU runs in step; implicit adds up a product over whole warps
_MOST_FACTORS: Final = 992  # one thread each; 1,024 don't start, and leave the factors untrained
_MOST: Final = 2**31 - 1  # implicit's kernels count in int32

_GIB: Final = 1024**3

CPU: Final = "cpu"
ModelFitError: Final[type[Exception]] = implicit.recommender_base.ModelFitError
HAS_CUDA: Final = bool(implicit.gpu.HAS_CUDA)


class DeviceError(RuntimeError):
    """The device that was asked for can't train; the message says what is missing."""


def pick_device(settings: TrainSettings, users: int, items: int, stored: int) -> str:
    """Choose what to train on; the log says why a GPU that was set up is left alone.

    Parameters
    ----------
    users, items, stored
        Shape of the matrix, and its number of stored values.

    Returns
    -------
    ``cpu``, or the name of the GPU.

    Raises
    ------
    DeviceError
        If the settings ask for a GPU that can't be had.
    """
    if settings.device == "cpu":
        return CPU
    rmm = cuda.rmm_version()
    if HAS_CUDA:
        why_not = too_much(users, items, stored, settings.factors, cuda.free_memory())
    else:
        why_not = missing(rmm, " ".join(str(each.message) for each in _said))
    if choose_device(settings.device, why_not) == "gpu":
        return cuda.gpu_name()
    if rmm is not None:
        _LOG.warning("training runs on the CPU: %s", why_not)
    return CPU


def untrained(settings: TrainSettings, device: str) -> Any:  # noqa: ANN401 - implicit has no types
    """Set `implicit`'s model up.

    The stored values are taken as they are (``alpha=1``): on a GPU `implicit` would ignore
    ``alpha`` in the fit, and apply it elsewhere.

    Parameters
    ----------
    device
        As `pick_device` gave it.
    """
    return implicit.als.AlternatingLeastSquares(
        factors=settings.factors,
        regularization=settings.regularization,
        alpha=1.0,
        iterations=settings.iterations,
        # Not the seed itself: on a GPU implicit takes 0 for the time of day.
        random_state=np.random.default_rng(settings.seed),
        num_threads=settings.threads,
        use_gpu=device != CPU,
    )


def host_factors(model: Any) -> NDArray[np.float32]:  # noqa: ANN401 - implicit has no types
    """Give the item factors where numpy can read them, shape (n_items, k)."""
    factors = model.item_factors
    plain: NDArray[np.float32] = factors if isinstance(factors, np.ndarray) else factors.to_numpy()
    return plain


def choose_device(wanted: Literal["auto", "cpu", "gpu"], why_not: str) -> Literal["cpu", "gpu"]:
    """Choose between CPU and GPU.

    Parameters
    ----------
    why_not
        Why the GPU can't be had; empty if it can.

    Raises
    ------
    DeviceError
        If a GPU is asked for that can't be had.
    """
    if wanted == "gpu" and why_not:
        msg = f"device = gpu, but {why_not}. With device = cpu it trains without a GPU"
        raise DeviceError(msg)
    return "cpu" if wanted == "cpu" or why_not else "gpu"


def missing(rmm: str | None, said: str) -> str:
    """Say what keeps CUDA from working, and what to do.

    Parameters
    ----------
    rmm
        Version of RMM that is installed, if any.
    said
        What `implicit` said when it was imported.
    """
    install = "install it with `make gpu` (or `pip install 'upnext[gpu]'`; Linux on x86-64 only)"
    if rmm is None:
        return f"the extra `gpu` is not installed: {install}"
    if not rmm.startswith(f"{cuda.RMM_RELEASE}."):
        return (
            f"{cuda.RMM} {rmm} is installed, and implicit needs {cuda.RMM_RELEASE}.* of the extra "
            f"`gpu`: {install}"
        )
    heard = said or "implicit was imported before batch_training"
    return (
        f"CUDA does not work: {heard}. If this names a library, the extra `gpu` is not whole: "
        f"{install}. If it names the driver or a device, `nvidia-smi` must show a GPU and a driver "
        f"for CUDA 13 (R580 or newer)"
    )


def too_much(users: int, items: int, stored: int, factors: int, free: int) -> str:
    """Say what of a fit is beyond `implicit` on a GPU; empty if nothing is.

    Parameters
    ----------
    users, items, stored
        Shape of the matrix, and its number of stored values.
    free
        Free memory of the GPU, in bytes.
    """
    if factors % _WARP or factors > _MOST_FACTORS:
        return (
            f"factors = {factors}: on a GPU it must be a multiple of {_WARP}, at most "
            f"{_MOST_FACTORS}, or implicit's sums come out wrong"
        )
    if stored > _MOST or max(users, items) * factors > _MOST:
        return (
            f"{users:,} users, {items:,} videos and {stored:,} pairs at {factors} factors are too "
            f"many for implicit on a GPU: the pairs, and users or videos times factors, must stay "
            f"below 2^31"
        )
    need = memory_needed(users, items, stored, factors)
    if need > free:
        return (
            f"it would need about {need / _GIB:.1f} GiB of the GPU's memory, and "
            f"{free / _GIB:.1f} GiB are free; take fewer factors, or a larger GPU"
        )
    return ""


def memory_needed(users: int, items: int, stored: int, factors: int) -> int:
    """Estimate the GPU memory of a fit, in bytes: factors, a copy as they are drawn, the matrix.

    The matrix is held twice, by user and by video: 8 bytes a stored value, 4 a row.
    """
    drawn = users + items + max(users, items)
    return 4 * drawn * factors + 2 * 8 * stored + 4 * (users + items)
