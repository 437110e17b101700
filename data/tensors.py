"""Arrays as one file in the format safetensors, without a copy on the way in.

A model is hundreds of MiB, and the library copies it three times. The tests hold both together:
the bytes are the library's to the last one. Format: the length of a header in 8 bytes, the header
as JSON padded with spaces to 8 bytes, and the arrays one after another, the widest type first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# In the order in which the library puts arrays of these types.
_TYPES: Final[dict[str, np.dtype[Any]]] = {
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES: Final = {dtype: name for name, dtype in _TYPES.items()}
_ALIGNMENT: Final = 8

_Size = Annotated[int, msgspec.Meta(ge=0)]


class _Entry(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[_Size, ...]
    data_offsets: tuple[_Size, _Size]


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Put arrays into one file.

    Parameters
    ----------
    arrays
        By name; int64, float64, float32, int32, uint8 or bool, of any shape.
    """
    order = sorted(arrays, key=lambda name: ([*_NAMES].index(arrays[name].dtype), name))
    entries, end = {}, 0
    for name in order:
        array, start = arrays[name], end
        end += array.nbytes
        entries[name] = _Entry(_NAMES[array.dtype], array.shape, (start, end))
    header = msgspec.json.encode(entries)
    header += b" " * (-len(header) % _ALIGNMENT)
    # An array of several dimensions, or of none, has to be flat for join; that is no copy.
    bodies = [np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data for name in order]
    return b"".join([len(header).to_bytes(8, "little"), header, *bodies])


def unpack(data: bytes | memoryview) -> dict[str, NDArray[Any]]:
    """Take the arrays out of a file; they are views of it, read-only if it is.

    Raises
    ------
    ValueError
        If it is no such file, is cut off, or holds arrays of another type.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    if start > len(data):
        msg = f"a header of {start - 8} bytes in a file of {len(data)}"
        raise ValueError(msg)
    entries = msgspec.json.decode(data[8:start], type=dict[str, _Entry])
    return {name: _view(data, start, name, entry) for name, entry in entries.items()}


def _view(data: bytes | memoryview, start: int, name: str, entry: _Entry) -> NDArray[Any]:
    dtype, (first, end) = _TYPES.get(entry.dtype), entry.data_offsets
    if dtype is None or math.prod(entry.shape) * dtype.itemsize != end - first:
        msg = f"array {name} of type {entry.dtype} and shape {entry.shape} has {end - first} bytes"
        raise ValueError(msg)
    count = math.prod(entry.shape)
    if start + end > len(data):
        msg = f"array {name} is cut off"
        raise ValueError(msg)
    return np.frombuffer(data, dtype, count, start + first).reshape(entry.shape)
