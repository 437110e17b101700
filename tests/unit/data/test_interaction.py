"""What one event says, and every way in which it can be unusable."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.interaction import BadEventError, EventLimits, Interaction, check, decode, encode
from tests.builders import KINDS, NOW_MS, event, interaction

LIMITS = EventLimits()
_DAY_MS = 86_400_000
_1990_MS = 631_152_000_000
_DROP = object()


def payload(**changes: Any) -> bytes:  # noqa: ANN401 - any value of JSON
    """Give the bytes of a good watch with some fields changed or dropped."""
    fields = event() | changes
    return json.dumps({k: v for k, v in fields.items() if v is not _DROP}).encode()


def raw(field: str, literal: str) -> bytes:
    """Give the bytes of a good watch in which one field is this literal text."""
    return payload(**{field: "@"}).replace(b'"@"', literal.encode())


def reason_of(data: bytes | None, limits: EventLimits = LIMITS) -> str:
    """Decode bad bytes and give the reason."""
    with pytest.raises(BadEventError) as caught:
        decode(data, limits, NOW_MS)
    assert caught.value.detail
    return caught.value.reason


BAD: dict[str, tuple[bytes | None, str]] = {
    "null value": (None, "empty"),
    "no bytes": (b"", "empty"),
    "over 64 KiB": (payload(note="x" * 65_536), "too_large"),
    "not UTF-8": (b"\xff\xfe", "not_json"),
    "not UTF-8 within an id": (payload(user="@").replace(b"@", b"\xff"), "not_json"),
    "half a surrogate pair": (raw("user", r'"\ud800"'), "not_json"),
    "cut off": (payload()[:-1], "not_json"),
    "two objects": (payload() * 2, "not_json"),
    "byte order mark": (b"\xef\xbb\xbf" + payload(), "not_json"),
    "NaN": (raw("watch_ratio", "NaN"), "not_json"),
    "Infinity": (raw("watch_ratio", "Infinity"), "not_json"),
    "beyond a double": (raw("watch_ratio", "1e999"), "invalid"),
    "beyond a double, in digits": (raw("watch_ratio", "9" * 5000), "invalid"),
    "forty digits": (raw("at", "9" * 40), "time_out_of_bounds"),
    "minus forty digits": (raw("at", "-" + "9" * 40), "time_out_of_bounds"),
    "more digits than Python turns into text": (raw("at", "9" * 60_000), "invalid"),
    "forty digits as version": (raw("v", "9" * 40), "unknown_version"),
    "deep arrays": (raw("note", "[" * 60_000), "not_json"),
    "deep arrays, closed": (raw("note", "[" * 30_000 + "]" * 30_000), "not_json"),
    "deep objects": (raw("note", '{"":' * 12_000), "not_json"),
    "an array": (b"[]", "invalid"),
    "deep arrays from the first byte": (b"[" * 60_000, "invalid"),
    "a string": (b'"watch"', "invalid"),
    "null in JSON": (b"null", "invalid"),
    "an object of nothing": (b"{}", "invalid"),
    "no user": (payload(user=_DROP), "invalid"),
    "no video": (payload(video=_DROP), "invalid"),
    "no kind": (payload(kind=_DROP), "invalid"),
    "no time": (payload(at=_DROP), "invalid"),
    "empty user": (payload(user=""), "invalid"),
    "empty video": (payload(video=""), "invalid"),
    "null user": (payload(user=None), "invalid"),
    "number as user": (payload(user=5), "invalid"),
    "list as video": (payload(video=["v"]), "invalid"),
    "user of 257 bytes": (payload(user="x" * 257), "invalid"),
    "video of 129 letters, 258 bytes": (payload(video="é" * 129), "invalid"),
    "unknown kind": (payload(kind="view"), "invalid"),
    "kind in capitals": (payload(kind="Watch"), "invalid"),
    "time as text": (payload(at=str(NOW_MS)), "invalid"),
    "time with a fraction": (payload(at=NOW_MS + 0.5), "invalid"),
    "time as true": (payload(at=True), "invalid"),
    "watch without ratio": (payload(watch_ratio=_DROP), "invalid"),
    "watch with null ratio": (payload(watch_ratio=None), "invalid"),
    "negative ratio": (payload(watch_ratio=-0.01), "invalid"),
    "negative ratio beside a like": (payload(kind="like", watch_ratio=-1), "invalid"),
    "ratio as text": (payload(watch_ratio="1"), "invalid"),
    "rating without stars": (payload(kind="rating"), "invalid"),
    "too few stars": (payload(kind="rating", rating=0.4), "invalid"),
    "too many stars": (payload(kind="rating", rating=5.1), "invalid"),
    "version of tomorrow": (payload(v=2), "unknown_version"),
    "before 1990": (payload(at=_1990_MS - 1), "time_out_of_bounds"),
    "seconds for milliseconds": (payload(at=NOW_MS // 1000), "time_out_of_bounds"),
    "negative time": (payload(at=-1), "time_out_of_bounds"),
    "far future": (payload(at=NOW_MS + _DAY_MS + 1), "time_out_of_bounds"),
}


@pytest.mark.parametrize(("data", "reason"), BAD.values(), ids=BAD.keys())
def test_bad_payload_has_its_reason(data: bytes | None, reason: str) -> None:
    """Each kind of bad input is refused, with the one reason that it is counted by."""
    assert reason_of(data) == reason


@pytest.mark.parametrize(
    "data",
    [
        payload(),
        payload(at=_1990_MS),
        payload(at=NOW_MS + _DAY_MS),
        payload(user="x" * 256, video="é" * 128),
        payload(user=" ", video="\x00\n}{😀"),
        payload(watch_ratio=0),
        payload(watch_ratio=12.5),
        payload(v=1),
        payload(kind="rating", rating=0.5),
        payload(kind="rating", rating=5),
        payload(kind="hide", watch_ratio=_DROP),
        payload(unknown={"nested": [1, None]}),
        payload(note="x" * 65_000),
    ],
)
def test_good_payload_is_taken(data: bytes) -> None:
    """What lies at a bound but not beyond it is a good event, and unknown fields are ignored."""
    plain = json.loads(data)
    got = decode(data, LIMITS, NOW_MS)
    assert (got.user, got.video, got.kind, got.at) == tuple(
        plain[name] for name in ("user", "video", "kind", "at")
    )


def test_size_is_measured_in_bytes_and_can_be_set() -> None:
    """A payload of exactly the limit is taken, and one byte more is not."""
    data = payload(user="é")
    assert decode(data, EventLimits(max_bytes=len(data)), NOW_MS).user == "é"
    assert reason_of(data, EventLimits(max_bytes=len(data) - 1)) == "too_large"


def test_time_bounds_can_be_set() -> None:
    """The earliest time and the leeway into the future are settings, both inclusive."""
    limits = EventLimits(earliest_ms=NOW_MS - 5, ahead_ms=5)
    for at in (NOW_MS - 5, NOW_MS + 5):
        check(interaction(event(at=at)), limits, NOW_MS)
    for at in (NOW_MS - 6, NOW_MS + 6):
        assert reason_of(payload(at=at), limits) == "time_out_of_bounds"


def test_error_says_where() -> None:
    """The detail names the field that is wrong, for the person who mends the sender."""
    with pytest.raises(BadEventError, match=r"invalid: .*watch_ratio"):
        decode(payload(watch_ratio=-1), LIMITS, NOW_MS)


@pytest.mark.parametrize("ratio", [float("nan"), float("inf")])
def test_ratio_must_be_finite_however_it_is_made(ratio: float) -> None:
    """A ratio that is no finite number is refused by the type itself, without any JSON."""
    with pytest.raises(ValueError, match="finite"):
        Interaction(user="u", video="v", kind="watch", at=1, watch_ratio=ratio)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_FIELDS = ("user", "video", "kind", "at", "watch_ratio", "rating", "v")


@given(st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_any_bytes_raise_nothing_else(data: bytes) -> None:
    """Arbitrary bytes are refused with BadEventError and nothing else."""
    with pytest.raises(BadEventError):
        decode(data, LIMITS, NOW_MS)


@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON))
def test_any_values_raise_nothing_else(changes: dict[str, Any]) -> None:
    """An event with arbitrary values in any fields is taken or refused with BadEventError."""
    data = json.dumps(event() | changes).encode()
    try:
        got = decode(data, LIMITS, NOW_MS)
    except BadEventError:
        return
    assert got.kind in KINDS
    assert got.user
    assert got.video


_IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)


@given(
    user=_IDS,
    video=_IDS,
    kind=st.sampled_from(KINDS),
    at=st.integers(_1990_MS, NOW_MS),
    watch_ratio=st.floats(0, allow_infinity=False),
    rating=st.floats(0.5, 5),
)
def test_encode_then_decode(**fields: Any) -> None:  # noqa: ANN401 - drawn fields
    """What is encoded is decoded to the same interaction."""
    original = msgspec.convert(fields, Interaction)
    assert decode(encode(original), LIMITS, NOW_MS) == original
