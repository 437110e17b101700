"""Our safetensors are the library's to the last byte, and a bad file is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from safetensors.numpy import load, save

from data import tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = (np.int64, np.float64, np.float32, np.int32, np.uint8, np.bool_)
ARRAYS = st.dictionaries(
    st.text('abé😀_"\\', min_size=1),
    st.sampled_from(TYPES).flatmap(
        lambda dtype: nps.arrays(dtype, nps.array_shapes(min_dims=0, max_dims=3, min_side=0))
    ),
    max_size=6,
)


@given(ARRAYS)
def test_packed_as_the_library_does(arrays: dict[str, NDArray[Any]]) -> None:
    """Any arrays give the library's bytes."""
    assert tensors.pack(arrays) == save(arrays)


@given(ARRAYS)
def test_unpacked_as_the_library_does(arrays: dict[str, NDArray[Any]]) -> None:
    """What was packed comes out the same, bit by bit, as the library would give it."""
    data = save(arrays)
    found, expected = tensors.unpack(data), load(data)
    assert found.keys() == expected.keys() == arrays.keys()
    for name, array in found.items():
        assert (array.dtype, array.shape) == (expected[name].dtype, expected[name].shape)
        assert array.tobytes() == expected[name].tobytes()


def test_views_are_not_copies() -> None:
    """An unpacked array lies in the file itself, and can't be written to."""
    data = tensors.pack({"a": np.arange(5)})
    array = tensors.unpack(data)["a"]
    assert np.shares_memory(array, np.frombuffer(data, np.uint8))
    assert not array.flags.writeable


def test_arrays_that_are_not_contiguous_are_packed() -> None:
    """A transposed or strided array is packed by its values."""
    wide = np.arange(12.0).reshape(3, 4)
    found = tensors.unpack(tensors.pack({"t": wide.T, "s": wide[:, ::2]}))
    np.testing.assert_array_equal(found["t"], wide.T)
    np.testing.assert_array_equal(found["s"], wide[:, ::2])


def _with_header(header: str, body: bytes = bytes(16)) -> bytes:
    return len(header).to_bytes(8, "little") + header.encode() + body


BAD = {
    "nothing": b"",
    "no length": b"123",
    "length beyond the end": (10**6).to_bytes(8, "little") + b"{}",
    "greatest length": b"\xff" * 8 + b"{}",
    "no JSON": _with_header("{"),
    "a list": _with_header("[]"),
    "no offsets": _with_header('{"a":{"dtype":"F32","shape":[1]}}'),
    "unknown type": _with_header('{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}'),
    "too few bytes": _with_header('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}'),
    "backwards": _with_header('{"a":{"dtype":"U8","shape":[0],"data_offsets":[4,0]}}'),
    "negative shape": _with_header('{"a":{"dtype":"U8","shape":[-1,-4],"data_offsets":[0,4]}}'),
    "negative offset": _with_header('{"a":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}'),
    "cut off": _with_header('{"a":{"dtype":"U8","shape":[17],"data_offsets":[0,17]}}'),
    "far away": _with_header('{"a":{"dtype":"U8","shape":[1],"data_offsets":[99,100]}}'),
    "huge": _with_header(
        '{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'
    ),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_bad_files_are_refused(data: bytes) -> None:
    """Whatever is wrong, the error is a ValueError (that of msgspec is one)."""
    with pytest.raises(ValueError):  # noqa: PT011 - in many words
        tensors.unpack(data)


def test_a_file_that_is_cut_off_is_refused() -> None:
    """Cut anywhere, the file is an error."""
    data = tensors.pack({"a": np.arange(5), "b": np.ones(3, np.float32)})
    for length in range(len(data)):
        with pytest.raises(ValueError):  # noqa: PT011 - in many words
            tensors.unpack(data[:length])
