"""Events that can't be used: each becomes a dead letter, and the worker goes on."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import confluent_kafka

from deploy.embedded.stack import EVENTS
from stream_inference.dead_letters import MAX_PAYLOAD_BYTES
from tests.integration.world import (
    NOW_MS,
    PATIENCE_S,
    Stores,
    beat_of,
    expect,
    send,
    traffic,
    wait_until_reflected,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.embedded.stack import EmbeddedStack

DAY_MS = 86_400_000


def like(**more: object) -> bytes:
    """Give an event that is right but for what is said here; None leaves a field out."""
    event: dict[str, object] = {"user": "bad", "video": "v1", "kind": "like", "at": NOW_MS}
    present = {name: value for name, value in (event | more).items() if value is not None}
    return json.dumps(present).encode()


def bad_payloads() -> list[tuple[bytes | None, str]]:
    """Give everything that the worker must refuse, and the reason that it must name."""
    nested = b'{"user":"bad","video":"v1","kind":"like","at":1,"x":' + b"[" * 30_000
    return [
        (b"\xff\xfe\x00{", "not_json"),
        (b'{"user":"\xed\xa0\x80","video":"v1","kind":"like","at":1}', "not_json"),
        (like(user=7), "invalid"),
        (like(at="today"), "invalid"),
        (like(at=NOW_MS + 0.5), "invalid"),
        (like(at=True), "invalid"),
        (like(kind="adore"), "invalid"),
        (b"[]", "invalid"),
        (like(user=None), "invalid"),
        (like(video=None), "invalid"),
        (like(user=""), "invalid"),
        (like(video=""), "invalid"),
        (like(video="v" * 257), "invalid"),
        (like(kind="watch"), "invalid"),
        (like(kind="watch", watch_ratio=float("nan")), "not_json"),
        (like(kind="watch", watch_ratio=-0.1), "invalid"),
        (like(kind="watch", watch_ratio=float("inf")), "not_json"),
        (like(kind="watch").replace(b"}", b', "watch_ratio": 1e999}'), "invalid"),
        (like(kind="rating", rating=6), "invalid"),
        (like(at=int("9" * 40)), "time_out_of_bounds"),
        (like(at=-int("9" * 40)), "time_out_of_bounds"),
        (like(user=int("9" * 40)), "invalid"),
        (nested + b"]" * 30_000 + b"}", "not_json"),
        (like(at=time.time_ns() // 1_000_000 + 2 * DAY_MS), "time_out_of_bounds"),
        (like(at=631_151_999_999), "time_out_of_bounds"),
        (like(v=2), "unknown_version"),
        (like(user="u" * 70_000), "too_large"),
        (None, "empty"),
        (b"", "empty"),
    ]


def produce(stack: EmbeddedStack, payloads: list[bytes | None]) -> list[tuple[int, int]]:
    """Send payloads as they are; gives partition and offset of each."""
    producer = confluent_kafka.Producer({"bootstrap.servers": stack.kafka, "log_level": 0})
    places: dict[int, tuple[int, int]] = {}

    def delivered(number: int, error: object, message: confluent_kafka.Message) -> None:
        assert error is None
        places[number] = (message.partition() or 0, message.offset() or 0)

    for number, payload in enumerate(payloads):
        producer.produce(
            EVENTS,
            payload,
            partition=number % 4,
            on_delivery=partial(delivered, number),
        )
    assert producer.flush(PATIENCE_S) == 0
    return [places[number] for number in range(len(payloads))]


def read_dead_letters(stack: EmbeddedStack, count: int) -> list[dict[str, Any]]:
    """Read the dead-letter topic from its start, with a real consumer, until so many are there."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": stack.kafka,
            "group.id": "reader of dead letters",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.assign([confluent_kafka.TopicPartition(stack.dead_letters_topic, 0, 0)])
    letters: list[dict[str, Any]] = []

    def all_there() -> bool:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            letters.append(json.loads(message.value() or b""))
        return len(letters) >= count

    try:
        wait_until(all_there, PATIENCE_S, poll=0)
    finally:
        consumer.close()
    return letters


def test_every_bad_event_becomes_a_dead_letter(stack: EmbeddedStack, stores: Stores) -> None:
    """What can't be used is parked with reason and origin and counted, and good events go on."""
    bad = bad_payloads()
    first_beat = wait_until(lambda: beat_of(stores, stack), PATIENCE_S)
    assert first_beat is not None
    good = traffic([f"good{number}" for number in range(9)], 90, seed=5)
    send(stack, good[:45])
    places = produce(stack, [payload for payload, _ in bad])
    send(stack, good[45:])
    wait_until_reflected(stores, expect(good), stack)
    letters = read_dead_letters(stack, first_beat.dead_letters + len(bad))
    found = {(letter["partition"], letter["offset"]): letter for letter in letters}
    for (payload, reason), place in zip(bad, places, strict=True):
        check_letter(found[place], payload, reason)
    wait_until(
        lambda: (
            (beat := beat_of(stores, stack))
            and beat.dead_letters == first_beat.dead_letters + len(bad)
            # A worker that has just started may be given events of the test before once more.
            and beat.events >= first_beat.events + len(good)
        ),
        PATIENCE_S,
        what="the counts of the heartbeat",
    )


def check_letter(letter: Mapping[str, Any], payload: bytes | None, reason: str) -> None:
    """Compare a dead letter with what was sent."""
    sent = payload or b""
    kept = None if payload is None else base64.b64encode(sent[:MAX_PAYLOAD_BYTES]).decode()
    assert (letter["reason"], letter["topic"], letter["payload"]) == (reason, EVENTS, kept), letter
    assert letter["length"] == len(sent)
    assert letter["sha256"] == hashlib.sha256(sent).hexdigest()
    assert letter["detail"]
