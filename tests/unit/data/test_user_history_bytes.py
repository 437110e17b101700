"""A history survives its bytes, and what is damaged is told from what is not."""

from __future__ import annotations

import struct
from typing import Any

import cramjam
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.interaction import MAX_ID_BYTES
from data.user_history import UserHistory
from tests.builders import NOW_MS, VIDEOS, event, events, history, interaction

Events = list[dict[str, Any]]
BOUND = 3


@given(st.lists(events(), max_size=30), st.sampled_from([2, BOUND, 1_000]))
def test_bytes_round_trip(given_events: Events, limit: int) -> None:
    """A history survives its bytes, and the same history always has the same bytes."""
    original = history(given_events, limit)
    packed = original.to_bytes()
    assert UserHistory.from_bytes(packed) == original
    assert UserHistory.from_bytes(packed).to_bytes() == packed


def test_unpacked_history_can_be_added_to() -> None:
    """A history read from bytes takes further events."""
    unpacked = UserHistory.from_bytes(history([event("a", at=1)]).to_bytes())
    assert unpacked.add(interaction(event("a", "like", 2))) == history(
        [event("a", at=1), event("a", "like", 2)]
    )


PACKED = history([event(v, kind, NOW_MS) for v in VIDEOS for kind in ("watch", "like")]).to_bytes()


@given(st.binary(max_size=80))
def test_garbage_raises_value_error(data: bytes) -> None:
    """Arbitrary bytes are refused with ValueError and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011 - the message differs with the garbage
        UserHistory.from_bytes(data)


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_flipped_byte_raises_at_most_value_error(place: int, flip: int) -> None:
    """A history with a wrong byte is read, or refused with ValueError."""
    damaged = bytearray(PACKED)
    damaged[place] ^= flip
    try:
        UserHistory.from_bytes(bytes(damaged))
    except ValueError:
        return


@given(st.integers(0, len(PACKED) - 1))
def test_cut_bytes_raise_value_error(end: int) -> None:
    """A history that was cut off is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - the message differs with the place
        UserHistory.from_bytes(PACKED[:end])


@pytest.mark.parametrize(
    "content",
    [
        (3, 0, "", [], [b""] * 10),
        (1, 0, "", [], [b""] * 9),
        (1, 0, "", [], [b""] * 11),
        (1, 0, "", [], [b"\x01" * 8] + [b""] * 9),
        (1, 0, "", ["a", "b"], [b"\x01" * 8] + [b""] * 9),
        (1, 0, "", ["a", "b"], [b"\x01" * 24] + [b""] * 9),
        (1, 0, "", ["a", "b"], [b"\x01" * 15] + [b""] * 9),
    ],
    ids=["format", "few", "many", "of none", "one for all", "long", "odd"],
)
def test_columns_that_do_not_fit_raise_value_error(content: tuple[object, ...]) -> None:
    """Another format than the first, and columns of a wrong number or length, are refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - the message differs with the content
        UserHistory.from_bytes(msgspec.msgpack.encode(content))


def test_first_format_is_read() -> None:
    """What an earlier release wrote, a column for each field, is the same history."""
    first = history([event("a", "watch", 5), event("a", "like", 7), event("b", "share", 9)])
    words = struct.Struct("<2q").pack
    columns = [words(5, 0), words(0, -9), words(2, 9), struct.pack("<2d", 1, 0), b"", b""]
    columns += [bytes([1, 0]), words(7, 0), bytes([0, 1]), b""]
    packed = msgspec.msgpack.encode((1, 0, "", ["a", "b"], columns))
    assert UserHistory.from_bytes(packed) == first


@pytest.mark.parametrize(
    "content", [(0, "", ["a"], bytes(58)), (0, "", ["a"], b""), (0, "", [1], bytes(59))]
)
def test_rows_that_do_not_fit_raise_value_error(content: tuple[object, ...]) -> None:
    """States that are too short for the videos, and ids that are none, are refused."""
    plain = msgspec.msgpack.encode(content)
    with pytest.raises(ValueError):  # noqa: PT011 - the message differs with the content
        UserHistory.from_bytes(b"\x02" + bytes(cramjam.lz4.compress_block(plain)))


def test_a_thousand_videos_stay_small() -> None:
    """A full history of watches takes under 32 KB, and under 300 KB with the longest ids."""
    common = history([event(f"video{n:06}", at=NOW_MS + n) for n in range(1_000)])
    assert len(common.to_bytes()) < 32_000
    longest = UserHistory.of([f"{n:0{MAX_ID_BYTES}}" for n in range(1_000)], common.states)
    assert len(longest.to_bytes()) < 300_000
