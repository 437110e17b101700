"""The GPU as its own libraries see it; without the extra ``gpu`` there is none.

`implicit`'s CUDA part says which libraries it needs and not where they lie: the wheels of the extra
put them into folders of their own, where the system's loader doesn't look. A library that the
process has loaded already is taken whatever its folder, so they are loaded by hand.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

RMM: Final = "rmm-cu13"
RMM_RELEASE: Final = "26.4"  # later ones import, and leave implicit's CUDA part without symbols
_LIBRARIES: Final = ("cudart", "cublas", "curand")  # cublas brings cublasLt


def preload() -> None:
    """Load CUDA's libraries, before `implicit` is first imported; do nothing without them."""
    try:
        from cuda import pathfinder  # noqa: PLC0415 - comes with the extra
    except ImportError:
        return
    for name in _LIBRARIES:
        try:
            pathfinder.load_nvidia_dynamic_lib(name)
        except pathfinder.DynamicLibNotFoundError:
            return  # implicit will name what it misses


def rmm_version() -> str | None:
    """Tell the version of RMM, CUDA's memory manager, which stands for the whole extra."""
    try:
        return version(RMM)
    except PackageNotFoundError:
        return None


def gpu_name() -> str:
    """Name the GPU, such as ``NVIDIA H100 80GB HBM3``; only where CUDA works."""
    from cuda.core import Device  # noqa: PLC0415 - comes with the extra

    return str(Device().name)


def free_memory() -> int:
    """Tell how many bytes of the GPU are free; only where CUDA works."""
    from rmm.mr import available_device_memory  # noqa: PLC0415 - comes with the extra

    return int(available_device_memory()[0])
