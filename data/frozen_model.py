"""FrozenModel: everything that the day needs to apply what the night has learnt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NewType

import msgspec
import numpy as np

from data import tensors
from data.confidence import ConfidenceParameters
from data.follow_ups import FollowUps
from data.user_history import DEFAULT_LIMIT
from data.vocabulary import Vocabulary
from data.watch_scale import WatchScale
from data.whitened import whiten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from data.whitened import Whitened

ModelVersion = NewType("ModelVersion", str)

_FORMAT: Final = 2
_READABLE: Final = (1, 2)  # 1 had no follow-ups, and knew neither skips nor durations
_ARRAYS: Final = {
    "item_factors": np.float32,
    "gram": np.float64,
    "prior": np.float32,
    "popularity": np.float32,
    "blocked": np.bool_,
}


class InvalidModelError(ValueError):
    """A model whose bytes, shapes or numbers can't be served."""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """What travels as JSON beside the arrays."""

    format: int
    confidence: ConfidenceParameters
    history_limit: int
    metadata: dict[str, Any]
    follow_half_life: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class FrozenModel:
    """A trained model that nobody changes any more.

    Attributes
    ----------
    item_factors
        ``Y``, float32, shape (n_items, k).
    gram
        ``YᵀY + λI``, float64, shape (k, k): what unobserved videos and the regularisation
        contribute to every fold-in (Hu, Koren and Volinsky 2008, section 4).
    prior
        Added to every score, float32, shape (n_items,); zeros when there is none.
    popularity
        How many users took to each video, float32, shape (n_items,); serves cold users.
    blocked
        Videos that were taken down and are never listed, bool, shape (n_items,).
    follow_ups
        What people watch soon after each video; None for a model without.
    vocabulary
        External video id of each row.
    confidence
        The mapping that the model was trained with.
    watch_scale
        How a watch ratio ranks among those of like duration, its videos numbered by row; None
        where that doesn't count.
    history_limit
        How many videos of a user are kept.
    metadata
        Facts for people: settings, sizes, quality. JSON types only.
    """

    item_factors: NDArray[np.float32]
    gram: NDArray[np.float64]
    prior: NDArray[np.float32]
    popularity: NDArray[np.float32]
    blocked: NDArray[np.bool_]
    vocabulary: Vocabulary
    follow_ups: FollowUps | None = None
    confidence: ConfidenceParameters = field(default_factory=ConfidenceParameters)
    watch_scale: WatchScale | None = None
    history_limit: int = DEFAULT_LIMIT
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check types, shapes and numbers, so that a bad model is never served."""
        n, k = np.atleast_2d(self.item_factors).shape
        shapes = {"item_factors": (n, k), "gram": (k, k), "blocked": (n,)}
        shapes |= {"prior": (n,), "popularity": (n,)}
        if n == 0 or k == 0 or len(self.vocabulary) != n:
            msg = f"item_factors of {self.item_factors.shape} for {len(self.vocabulary)} videos"
            raise InvalidModelError(msg)
        self._check_arrays(shapes)
        if not _is_positive_definite(self.gram):
            msg = "gram is not symmetric and positive definite, so nobody can be folded in"
            raise InvalidModelError(msg)
        if self.follow_ups and (wrong := self.follow_ups.wrong(n)):
            raise InvalidModelError(wrong)
        if self.watch_scale and (wrong := self.watch_scale.wrong(n)):
            raise InvalidModelError(wrong)
        if self.history_limit < 1:
            msg = f"history_limit = {self.history_limit} keeps no video"
            raise InvalidModelError(msg)

    def _check_arrays(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        for name, dtype in _ARRAYS.items():
            array: NDArray[np.generic] = getattr(self, name)
            if array.shape != shapes[name] or array.dtype != dtype:
                msg = f"{name} is {array.dtype}{array.shape}, not {dtype.__name__}{shapes[name]}"
                raise InvalidModelError(msg)
            if not np.isfinite([array.min(), array.max()]).all():  # both are nan if one is
                msg = f"{name} holds a number that is not finite"
                raise InvalidModelError(msg)

    @property
    def n_items(self) -> int:
        """Number of videos."""
        return len(self.item_factors)

    @property
    def n_factors(self) -> int:
        """Number of latent factors, k."""
        return len(self.gram)

    @property
    def offsets(self) -> NDArray[np.float32]:
        """What is added to every user's scores: the prior, and -inf for a blocked video."""
        return np.where(self.blocked, np.float32(-np.inf), self.prior)

    @cached_property
    def whitened(self) -> Whitened:
        """The factors as users are folded in and videos are ranked with; derived once."""
        return whiten(self.item_factors, self.gram, self.offsets)

    @cached_property
    def cold_scores(self) -> NDArray[np.float32]:
        """Scores for a user of whom nothing is known: popularity, -inf where blocked."""
        return np.where(self.blocked, np.float32(-np.inf), self.popularity)

    @cached_property
    def flat(self) -> FrozenModel:
        """The same model without a half-life and follow-ups, for what knows no order in time."""
        flat = msgspec.structs.replace(self.confidence, half_life=None)
        return replace(self, confidence=flat, follow_ups=None)

    def to_bytes(self) -> bytes:
        """Pack as safetensors; the JSON header travels as an array of bytes."""
        header = _Header(
            format=_FORMAT,
            confidence=self.confidence,
            history_limit=self.history_limit,
            metadata=self.metadata,
            follow_half_life=self.follow_ups.half_life if self.follow_ups else None,
        )
        text, offsets = self.vocabulary.to_arrays()
        arrays: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {"vocabulary_text": text, "vocabulary_offsets": offsets}
        if self.follow_ups:
            arrays |= {"follow_rows": self.follow_ups.rows, "follow_scores": self.follow_ups.scores}
        arrays |= self.watch_scale.to_arrays() if self.watch_scale else {}
        arrays["header"] = np.frombuffer(msgspec.json.encode(header), np.uint8)
        return tensors.pack(arrays)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> FrozenModel:
        """Unpack what `to_bytes` wrote.

        Raises
        ------
        InvalidModelError
            If the bytes, the shapes or the numbers are not those of a model.
        """
        try:
            arrays = tensors.unpack(data)
            header = msgspec.json.decode(arrays.pop("header").tobytes(), type=_Header)
            vocabulary = Vocabulary.from_arrays(
                arrays.pop("vocabulary_text"), arrays.pop("vocabulary_offsets")
            )
            if header.format not in _READABLE:
                msg = f"model format {header.format}; this release reads {_READABLE}"
                raise InvalidModelError(msg)
            return cls(
                **{name: arrays[name] for name in _ARRAYS},
                vocabulary=vocabulary,
                follow_ups=_follow_ups(arrays, header.follow_half_life),
                confidence=_as_trained(header),
                watch_scale=WatchScale.from_arrays(arrays),
                history_limit=header.history_limit,
                metadata=header.metadata,
            )
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            msg = f"not a model: {error}"
            raise InvalidModelError(msg) from error


def _as_trained(header: _Header) -> ConfidenceParameters:
    """Give the mapping of the model, and not today's defaults for what it didn't know."""
    given = header.confidence
    if header.format > 1:
        return given
    silent = {"watch_floor": 0.0, "skip_weight": 0.0, "duration_share": 0.0}
    return msgspec.structs.replace(given, **silent, hide_weight=given.dislike_weight)


def _follow_ups(arrays: dict[str, NDArray[Any]], half_life: float | None) -> FollowUps | None:
    if half_life is None:
        return None
    return FollowUps(arrays["follow_rows"], arrays["follow_scores"], half_life)


def _is_positive_definite(matrix: NDArray[np.float64]) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return np.allclose(matrix, matrix.T)


def new_version(content: bytes, built_at: datetime) -> ModelVersion:
    """Name a model by its build time in UTC and the first 12 hex digits of its SHA-256."""
    stamp = built_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return ModelVersion(f"{stamp}-{hashlib.sha256(content).hexdigest()[:12]}")
