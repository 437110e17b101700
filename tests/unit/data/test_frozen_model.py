"""A frozen model survives its bytes, and nothing damaged is ever taken for a model."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from data.confidence import ConfidenceParameters, training_confidence
from data.frozen_model import FrozenModel, InvalidModelError, new_version
from data.vocabulary import Vocabulary
from tests.builders import confidence_parameters, event, history, model

if TYPE_CHECKING:
    from collections.abc import Callable

ARRAYS = ("item_factors", "gram", "prior", "popularity", "blocked")
PACKED = model(7, 3, metadata={"factors": 3}).to_bytes()
HEADER_END = 8 + int.from_bytes(PACKED[:8], "little")


def assert_same(a: FrozenModel, b: FrozenModel) -> None:
    """Compare two models to the bit."""
    for name in ARRAYS:
        left, right = getattr(a, name), getattr(b, name)
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        assert left.tobytes() == right.tobytes()
    for name in ("vocabulary", "confidence", "history_limit", "metadata"):
        assert getattr(a, name) == getattr(b, name)
    assert (a.follow_ups is None) == (b.follow_ups is None)
    if a.follow_ups and b.follow_ups:
        assert a.follow_ups.rows.tobytes() == b.follow_ups.rows.tobytes()
        assert a.follow_ups.scores.tobytes() == b.follow_ups.scores.tobytes()
        assert a.follow_ups.half_life == b.follow_ups.half_life
    assert (a.watch_scale is None) == (b.watch_scale is None)
    if a.watch_scale and b.watch_scale:
        assert a.watch_scale.bucket.tobytes() == b.watch_scale.bucket.tobytes()
        assert a.watch_scale.knots.tobytes() == b.watch_scale.knots.tobytes()


@given(
    n_items=st.integers(1, 20),
    n_factors=st.integers(1, 8),
    seed=st.integers(0, 1000),
    confidence=confidence_parameters(),
    history_limit=st.integers(1, 10**6),
    metadata=st.dictionaries(st.text(max_size=5), st.none() | st.integers(-9, 9) | st.text()),
)
def test_bytes_round_trip(n_items: int, n_factors: int, seed: int, **more: Any) -> None:  # noqa: ANN401 - drawn fields
    """A model is the same to the bit after its bytes, and so are its bytes."""
    original = model(n_items, n_factors, seed, **more)
    packed = original.to_bytes()
    assert_same(FrozenModel.from_bytes(packed), original)
    assert FrozenModel.from_bytes(packed).to_bytes() == packed


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20, unique=True))
def test_any_ids_round_trip(ids: list[str]) -> None:
    """Ids of any letters and lengths come back in their rows."""
    original = model(len(ids), 2, vocabulary=Vocabulary(ids))
    assert FrozenModel.from_bytes(original.to_bytes()).vocabulary.ids == tuple(ids)


def test_strided_arrays_are_packed_as_they_read() -> None:
    """A model of transposed and strided arrays packs to the same bytes as one of plain arrays."""
    plain = model(9, 4)
    wide = np.zeros((9, 8), np.float32)
    wide[:, ::2] = plain.item_factors
    strided = model(9, 4, item_factors=wide[:, ::2], gram=np.asfortranarray(plain.gram))
    assert strided.to_bytes() == plain.to_bytes()


@given(st.integers(0, len(PACKED) - 1))
def test_truncated_bytes_are_refused(end: int) -> None:
    """A model that was cut off is refused wherever the cut is."""
    with pytest.raises(InvalidModelError):
        FrozenModel.from_bytes(PACKED[:end])


@pytest.mark.parametrize("flip", [0x01, 0x0F, 0x80])
def test_flipped_header_byte_raises_nothing_else(flip: int) -> None:
    """Each byte of the safetensors header in turn may be wrong: InvalidModelError or nothing."""
    for place in range(HEADER_END):
        damaged = bytearray(PACKED)
        damaged[place] ^= flip
        try:
            FrozenModel.from_bytes(bytes(damaged))
        except InvalidModelError:
            continue


@given(st.integers(HEADER_END, len(PACKED) - 1), st.integers(1, 255))
def test_flipped_body_byte_raises_nothing_else(place: int, flip: int) -> None:
    """A wrong byte in arrays or JSON gives InvalidModelError, or a model whose checksum differs."""
    damaged = bytearray(PACKED)
    damaged[place] ^= flip
    try:
        FrozenModel.from_bytes(bytes(damaged))
    except InvalidModelError:
        return


@given(st.binary(max_size=200))
def test_garbage_is_refused(data: bytes) -> None:
    """Arbitrary bytes are no model."""
    with pytest.raises(InvalidModelError):
        FrozenModel.from_bytes(data)


def _repacked(change: Callable[[dict[str, Any]], object], packed: bytes = PACKED) -> bytes:
    """Give the bytes of a good model after a change to its arrays."""
    arrays = load(packed)
    change(arrays)
    return save(arrays)


def _header(**changes: object) -> Callable[[dict[str, Any]], object]:
    """Change fields of the JSON header."""

    def change(arrays: dict[str, Any]) -> None:
        fields = json.loads(arrays["header"].tobytes()) | changes
        arrays["header"] = np.frombuffer(json.dumps(fields).encode(), np.uint8)

    return change


def _drop(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda arrays: arrays.pop(name)


def _change(name: str, how: Callable[[Any], Any]) -> Callable[[dict[str, Any]], object]:
    return lambda arrays: arrays.update({name: how(arrays[name])})


def _put(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    """Put another array under a name."""
    return lambda arrays: arrays.update({name: value})


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    **{f"no {name}": _drop(name) for name in sorted(load(PACKED))},
    **{f"{name} in float16": _change(name, lambda a: a.astype("f2")) for name in ARRAYS},
    **{f"short {name}": _change(name, lambda a: a[:-1]) for name in ARRAYS},
    **{f"flat {name}": _change(name, np.ravel) for name in ARRAYS[:2]},
    "NaN in factors": lambda a: a["item_factors"].__setitem__((0, 0), np.nan),
    "infinity in gram": lambda a: a["gram"].__setitem__((1, 1), np.inf),
    "NaN in prior": lambda a: a["prior"].__setitem__(0, np.nan),
    "minus infinity in popularity": lambda a: a["popularity"].__setitem__(0, -np.inf),
    "gram of zeros": _put("gram", np.zeros((3, 3))),
    "gram that is not definite": _put("gram", np.diag([1.0, -1.0, 1.0])),
    "gram that is not symmetric": _put("gram", np.array([[2.0, 1, 0], [0, 2, 0], [0, 0, 2]])),
    "offsets in float64": _change("vocabulary_offsets", lambda a: a.astype("f8")),
    "offsets as one number": _put("vocabulary_offsets", np.array(0)),
    "offsets as a table": _put("vocabulary_offsets", np.zeros((2, 2), np.int64)),
    "offsets that go back": _put("vocabulary_offsets", np.array([0, 4, 2, 6, 8, 10, 12, 14])),
    "offsets below zero": _put("vocabulary_offsets", np.array([-2, 2, 4, 6, 8, 10, 12, 14])),
    "no offsets": _put("vocabulary_offsets", np.zeros(0, np.int64)),
    "text as one number": _put("vocabulary_text", np.array(0, np.uint8)),
    "text that is not UTF-8": _put("vocabulary_text", np.full(14, 0xFF, np.uint8)),
    "the same id twice": _put("vocabulary_text", np.full(14, ord("v"), np.uint8)),
    "header that is no JSON": _put("header", np.zeros(4, np.uint8)),
    "header in float64": _put("header", np.full(4, np.nan)),
    "durations of fewer videos": _change("watch_bucket", lambda a: a[:-1]),
    "a bucket too many": _put("watch_bucket", np.full(7, 4, np.uint8)),
    "flat quantiles": _change("watch_knots", np.ravel),
    "quantiles that fall": _change("watch_knots", lambda a: a[:, ::-1] - np.arange(4)),
    "NaN in quantiles": lambda a: a["watch_knots"].__setitem__((0, 0), np.nan),
    "format of tomorrow": _header(format=3),
    "history of no video": _header(history_limit=0),
    "history of half a video": _header(history_limit=0.5),
    "metadata that is a list": _header(metadata=[]),
    "no confidence": _header(confidence=None),
    "negative alpha": _header(confidence={"alpha": -1}),
    "four weights of stars": _header(confidence={"rating_weights": [1, 1, 1, 1]}),
}


def test_first_format_keeps_its_mapping() -> None:
    """A model from before skips and durations weighs a watch as it was trained to."""
    plain = model(7, 3, follow_ups=None, watch_scale=None).to_bytes()
    before = {"alpha": 7.0, "half_life": 3.0, "watch_cap": 1.0, "dislike_weight": 0.4}
    first = FrozenModel.from_bytes(_repacked(_header(format=1, confidence=before), plain))
    stored = [
        float(training_confidence(history([each]).states, first.confidence)[0])
        for each in (event(watch_ratio=0.1), event(watch_ratio=5.0), event(kind="hide"))
    ]
    assert stored == pytest.approx([1.7, 8.0, -3.8])
    assert first.watch_scale is None


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_part_is_refused(damage: Callable[[dict[str, Any]], object]) -> None:
    """Whatever part is missing, misshapen or holds bad numbers, the error is InvalidModelError."""
    damaged = _repacked(damage)
    with pytest.raises(InvalidModelError):
        FrozenModel.from_bytes(damaged)


@pytest.mark.parametrize(
    "more",
    [
        {"item_factors": np.zeros((0, 3), np.float32)},
        {"item_factors": np.zeros((7, 0), np.float32)},
        {"item_factors": np.zeros(7, np.float32)},
        {"vocabulary": Vocabulary(["a"])},
        {"gram": np.eye(4)},
        {"gram": np.zeros((3, 3))},
        {"blocked": np.zeros(7, np.uint8)},
        {"history_limit": 0},
    ],
)
def test_bad_model_is_never_made(more: dict[str, Any]) -> None:
    """The constructor checks what `from_bytes` checks, so a bad model is never published."""
    with pytest.raises(InvalidModelError):
        model(7, 3, **more)


def test_blocked_videos_are_never_popular() -> None:
    """A blocked video gets -inf among the scores of a cold user, and others their popularity."""
    blocked = np.array([True, False, False, True, False])
    small = model(5, 3, blocked=blocked)
    assert np.isneginf(small.cold_scores[blocked]).all()
    assert (small.cold_scores[~blocked] == small.popularity[~blocked]).all()
    assert small.cold_scores.dtype == np.float32


def test_version_names_time_and_content() -> None:
    """A version is its build time in UTC and the beginning of its content's SHA-256."""
    built = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    east = built.astimezone(timezone(timedelta(hours=5)))
    assert new_version(b"", built) == "20240506T070809Z-e3b0c44298fc"
    assert new_version(b"", east) == new_version(b"", built)
    assert new_version(b"x", built) != new_version(b"", built)


def test_default_confidence_is_the_documented_one() -> None:
    """A model made without parameters carries the defaults of the mapping."""
    assert model(2, 2).confidence == ConfidenceParameters()
