"""From a history to bytes and back: one block of LZ4, so that a user takes little room in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cramjam
import msgspec
import numpy as np

from data.video_state import STATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FORMAT: Final = b"\x02"
_COLUMNS_FORMAT: Final = 1  # of earlier releases: MessagePack, a column for each field
_MOST_DENSE: Final = 255  # LZ4 can't make anything smaller than this share
_SIZE_BYTES: Final = 4
_DECODER: Final = msgspec.msgpack.Decoder(tuple[int, str, list[str], bytes])
_COLUMNS_DECODER: Final = msgspec.msgpack.Decoder(tuple[int, int, str, list[str], list[bytes]])


class Unpacked(NamedTuple):
    """What a history consists of; see `data.user_history`."""

    at: int
    video: str
    videos: list[str]
    states: NDArray[np.void]


def pack(history: Unpacked) -> bytes:
    """Put a history into bytes; the same one always has the same bytes."""
    at, video, videos, states = history
    plain = msgspec.msgpack.encode((at, video, videos, states.tobytes()))
    return _FORMAT + bytes(cramjam.lz4.compress_block(plain))


def unpack(data: bytes) -> Unpacked:
    """Take a history out of bytes, those of earlier releases too.

    Raises
    ------
    ValueError
        If the bytes are not a history of a format that this release reads.
    """
    try:
        if data[:1] != _FORMAT:
            return _unpack_columns(data)
        if int.from_bytes(data[1 : 1 + _SIZE_BYTES], "little") > _MOST_DENSE * len(data):
            msg = "its size can't be true"
            raise ValueError(msg)
        plain = memoryview(cramjam.lz4.decompress_block(memoryview(data)[1:]))
        at, video, videos, packed = _DECODER.decode(plain)
        return Unpacked(at, video, videos, np.frombuffer(packed, STATE, len(videos)))
    except (msgspec.MsgspecError, cramjam.DecompressionError) as error:
        msg = f"not a user history: {error}"
        raise ValueError(msg) from error


def _unpack_columns(data: bytes) -> Unpacked:
    form, at, video, videos, packed = _COLUMNS_DECODER.decode(data)
    if form != _COLUMNS_FORMAT:
        msg = f"format {form} of a user history, which this release can't read"
        raise ValueError(msg)
    return Unpacked(at, video, videos, _from_columns(packed, len(videos)))


def _from_columns(packed: list[bytes], n: int) -> NDArray[np.void]:
    """Put columns together; ``earliest`` and ``latest`` are told relative to ``seen``."""
    states = np.zeros(n, STATE)
    columns = {name: states[name] for name in STATE.names or ()}  # views: to write is to fill
    for column, data in zip(columns.values(), packed, strict=True):
        if data:
            column[:] = np.frombuffer(data, column.dtype).reshape(n)
    np.subtract(columns["seen"], columns["earliest"], out=columns["earliest"])
    columns["latest"] += columns["seen"]
    return states
