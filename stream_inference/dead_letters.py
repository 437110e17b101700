"""Dead letters: events that can't be used, with why, and where they came from."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from data.interaction import BadEventError, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from data.interaction import EventLimits, Interaction

MAX_PAYLOAD_BYTES: Final = 64 * 1024  # of the payload that is kept; a dead letter must always fit
MAX_LETTER_BYTES: Final = 96 * 1024  # of a dead letter: payload in base64, detail, and the rest


class Origin(NamedTuple):
    """Where a message stood in Kafka."""

    topic: str
    partition: int
    offset: int


class Message(NamedTuple):
    """One message as it came from Kafka.

    Attributes
    ----------
    sent_s
        Kafka's timestamp, in seconds UTC; None if there is none.
    """

    origin: Origin
    payload: bytes | None
    key: bytes | None = None
    sent_s: float | None = None

    def is_keyed_by(self, user: str) -> bool:
        """Whether the key, if there is one, is this user: all of a user in one partition."""
        return self.key is None or self.key == user.encode()


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """What is written to the dead-letter topic, in JSON.

    Attributes
    ----------
    reason
        One of the words of `data.interaction.Reason`, or ``failed`` for an event with which
        the worker itself failed three times.
    detail
        What was wrong, for a person.
    topic, partition, offset
        Where the message stood.
    payload
        Its bytes in base64, cut to the first 64 KiB; None for a null value.
    length, sha256
        Of the whole payload.
    """

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    payload: str | None
    length: int
    sha256: str

    @classmethod
    def of(cls, message: Message, reason: str, detail: str) -> DeadLetter:
        """Describe a message that can't be used."""
        payload = message.payload or b""
        kept = base64.b64encode(payload[:MAX_PAYLOAD_BYTES]).decode()
        return cls(
            reason=reason,
            detail=detail[:1000],
            topic=message.origin.topic,
            partition=message.origin.partition,
            offset=message.origin.offset,
            payload=None if message.payload is None else kept,
            length=len(payload),
            sha256=hashlib.sha256(payload).hexdigest(),
        )

    def to_bytes(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)


def sort_out(
    messages: Iterable[Message], limits: EventLimits, now_ms: int
) -> tuple[list[tuple[Message, Interaction]], list[DeadLetter]]:
    """Part messages into those that say something and dead letters, each in order of arrival."""
    good, dead = [], []
    for message in messages:
        try:
            good.append((message, decode(message.payload, limits, now_ms)))
        except BadEventError as error:
            dead.append(DeadLetter.of(message, error.reason, error.detail))
    return good, dead
