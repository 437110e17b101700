"""Dead letters: what is sorted out, and what stands in a letter."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data.interaction import EventLimits, encode
from stream_inference.dead_letters import (
    MAX_LETTER_BYTES,
    MAX_PAYLOAD_BYTES,
    DeadLetter,
    Message,
    Origin,
    sort_out,
)
from stream_inference.recommend import news_of
from tests.builders import NOW_MS, event, interaction

RECORD_BYTES = 200  # more than Kafka adds to a message
LIMITS = EventLimits()
ORIGIN = Origin("events", 3, 41)
GOOD = encode(interaction(event("a")))


def test_good_and_bad_are_parted_in_order() -> None:
    """Messages are parted into interactions and dead letters, each in order of arrival."""
    payloads = [GOOD, b"{", encode(interaction(event("b"))), None]
    messages = [Message(Origin("t", 0, n), payload) for n, payload in enumerate(payloads)]
    good, dead = sort_out(messages, LIMITS, NOW_MS)
    assert [(message.origin.offset, said.video) for message, said in good] == [(0, "a"), (2, "b")]
    assert [(letter.offset, letter.reason) for letter in dead] == [(1, "not_json"), (3, "empty")]


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)), b"x" * (MAX_PAYLOAD_BYTES + 1)])
def test_letter_tells_all(payload: bytes) -> None:
    """A letter is JSON with reason, origin, the payload's start, its length and its digest."""
    letter = DeadLetter.of(Message(ORIGIN, payload), "too_large", "why")
    assert json.loads(letter.to_bytes()) == {
        "reason": "too_large",
        "detail": "why",
        "topic": "events",
        "partition": 3,
        "offset": 41,
        "payload": base64.b64encode(payload[:MAX_PAYLOAD_BYTES]).decode(),
        "length": len(payload),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }


def test_null_is_not_empty() -> None:
    """A null value has no payload; an empty one has an empty payload."""
    null = DeadLetter.of(Message(ORIGIN, None), "empty", "")
    empty = DeadLetter.of(Message(ORIGIN, b""), "empty", "")
    assert (null.payload, null.length) == (None, 0)
    assert (empty.payload, empty.length) == ("", 0)


def test_letter_always_fits() -> None:
    """Whatever the payload and the detail, a letter stays under what its topic must take."""
    origin = Origin("t" * 249, 2**31, 2**63)  # the longest that Kafka has
    letter = DeadLetter.of(Message(origin, bytes(50_000_000)), "too_large", "\x00" * 1_000_000)
    assert len(letter.to_bytes()) < MAX_LETTER_BYTES - RECORD_BYTES


@example(b'{"user":"u","video":"v","kind":"\\ud800","at":1}')
@example(b'{"user":"u","video":"v","kind":"like","at":' + b"9" * 4_400 + b"}")
@example(GOOD[:-1] + b',"deep":' + b"[" * 30_000 + b"]" * 30_000 + b"}")
@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["user", "video", "kind", "at", "watch_ratio", "rating", "v"]),
                inner,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_payload_gets_through_or_raises(payload: bytes) -> None:
    """Any bytes whatever end as an event that can be merged or as a letter that can be sent."""
    good, dead = sort_out([Message(ORIGIN, payload)], LIMITS, NOW_MS)
    assert len(good) + len(dead) == 1
    assert len(news_of([said for _, said in good])) == len(good)
    assert all(json.loads(letter.to_bytes())["reason"] for letter in dead)
