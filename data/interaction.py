"""Interaction: what one event says, decoded and validated in one go."""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal

import msgspec

Kind = Literal["watch", "like", "dislike", "neutral", "share", "hide", "rating"]
KINDS: Final[tuple[Kind, ...]] = (
    "watch",
    "like",
    "dislike",
    "neutral",
    "share",
    "hide",
    "rating",
)
Reason = Literal[
    "empty", "too_large", "not_json", "invalid", "unknown_version", "time_out_of_bounds"
]

SCHEMA_VERSION: Final = 1
MAX_ID_BYTES: Final = 256
_DAY_MS: Final = 86_400_000

Id = Annotated[str, msgspec.Meta(min_length=1)]


class BadEventError(ValueError):
    """An event that can't be used; it belongs in the dead-letter topic, never in a history.

    Attributes
    ----------
    reason
        One of a few fixed words, to count by.
    detail
        What was wrong and where, for the person who mends the sender.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class EventLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds beyond which an event is refused.

    Attributes
    ----------
    max_bytes
        Largest payload in bytes.
    earliest_ms
        Earliest event time in ms UTC; 1990-01-01 by default.
    ahead_ms
        How far in the future an event may lie, in ms; one day by default.
    """

    max_bytes: int = 64 * 1024
    earliest_ms: int = 631_152_000_000
    ahead_ms: int = _DAY_MS


class Interaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one user did with one video at one moment.

    Attributes
    ----------
    user, video
        External ids: non-empty strings of at most 256 bytes in UTF-8.
    kind
        ``watch`` (with ``watch_ratio``), ``rating`` (with ``rating``), ``like``, ``dislike``,
        ``neutral`` (takes a like or dislike back), ``share``, ``hide`` (never show this again).
    at
        When it happened, in integer ms UTC.
    watch_ratio
        Watched time over duration, at least 0; above 1 when watched again. Only for ``watch``.
    rating
        Stars from 0.5 to 5. Only for ``rating``.
    v
        Version of this schema.
    """

    user: Id
    video: Id
    kind: Kind
    at: int
    watch_ratio: Annotated[float, msgspec.Meta(ge=0)] | None = None
    rating: Annotated[float, msgspec.Meta(ge=0.5, le=5)] | None = None
    v: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        """Check what the types can't say; msgspec calls it after decoding as well."""
        for name, value in (("user", self.user), ("video", self.video)):
            if len(value.encode()) > MAX_ID_BYTES:
                msg = f"{name} is longer than {MAX_ID_BYTES} bytes"
                raise ValueError(msg)
        if self.kind == "watch" and (
            self.watch_ratio is None or not math.isfinite(self.watch_ratio)
        ):
            msg = "a watch needs a finite watch_ratio"
            raise ValueError(msg)
        if self.kind == "rating" and self.rating is None:
            msg = "a rating needs its stars in the field rating"
            raise ValueError(msg)


_DECODER: Final = msgspec.json.Decoder(Interaction)
_ENCODER: Final = msgspec.json.Encoder()


def decode(payload: bytes | None, limits: EventLimits, now_ms: int) -> Interaction:
    """Turn the bytes of one event into an `Interaction`.

    Parameters
    ----------
    payload
        One JSON object in UTF-8; fields that the schema doesn't know are ignored.
    limits
        Bounds on size and time.
    now_ms
        The present, in ms UTC; events too far after it are refused.

    Raises
    ------
    BadEventError
        Whatever is wrong with the payload; nothing else is raised for bad input.
    """
    if not payload:
        reason = "the payload is null" if payload is None else "the payload has no bytes"
        raise BadEventError("empty", reason)
    if len(payload) > limits.max_bytes:
        detail = f"{len(payload)} bytes, at most {limits.max_bytes} are taken"
        raise BadEventError("too_large", detail)
    try:
        interaction = _DECODER.decode(payload)
    except msgspec.ValidationError as error:
        raise BadEventError("invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadEventError("not_json", str(error)) from error
    check(interaction, limits, now_ms)
    return interaction


def check(interaction: Interaction, limits: EventLimits, now_ms: int) -> None:
    """Refuse an unknown schema version and a time out of bounds.

    Raises
    ------
    BadEventError
        With the reason ``unknown_version`` or ``time_out_of_bounds``.
    """
    if interaction.v != SCHEMA_VERSION:
        detail = f"version {interaction.v}; this release reads version {SCHEMA_VERSION}"
        raise BadEventError("unknown_version", detail)
    if not limits.earliest_ms <= interaction.at <= now_ms + limits.ahead_ms:
        detail = (
            f"at = {interaction.at} is not between {limits.earliest_ms} and "
            f"{now_ms + limits.ahead_ms}; it counts milliseconds UTC"
        )
        raise BadEventError("time_out_of_bounds", detail)


def encode(interaction: Interaction) -> bytes:
    """Turn an interaction into the JSON that `decode` reads, without fields left at default."""
    return _ENCODER.encode(interaction)
