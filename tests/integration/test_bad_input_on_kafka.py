"""Whatever a sender may put into a real Kafka: it is read, or refused with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import confluent_kafka
import pytest

from data.interaction import encode
from deploy.embedded.stack import EmbeddedStack
from stream_inference.dead_letters import MAX_PAYLOAD_BYTES
from tests.builders import interaction
from tests.integration.test_bad_events import like, read_dead_letters
from tests.integration.world import (
    NOW_MS,
    PATIENCE_S,
    Stores,
    beat_of,
    expect,
    traffic,
    wait_until_reflected,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.embedded.kafka import EmbeddedKafka

    Sent = dict[str, Any]  # what confluent_kafka's produce takes

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
MEGABYTE: Final = 1_000_000


@pytest.fixture(scope="module")
def stack(kafka: EmbeddedKafka) -> Iterator[EmbeddedStack]:
    """Give a worker on a real Kafka; each test has users of its own."""
    with EmbeddedStack(partitions=2, kafka=kafka) as stack:
        stack.start_worker()
        yield stack


@pytest.fixture
def stores(stack: EmbeddedStack) -> Iterator[Stores]:
    """Give what is in Redis."""
    opened = Stores.at(stack.redis_url)
    yield opened
    opened.client.close()


def produce(stack: EmbeddedStack, messages: list[Sent], **options: str | int) -> None:
    """Send messages as they are, all in one batch where that is possible."""
    settings: dict[str, str | int] = {"bootstrap.servers": stack.kafka, "log_level": 0}
    settings |= {"linger.ms": 50, "message.max.bytes": 2 * MEGABYTE}
    producer = confluent_kafka.Producer(settings | options)
    failed: list[object] = []
    for message in messages:
        producer.produce(
            stack.events_topic,
            on_delivery=lambda error, _: failed.append(error) if error else None,
            **message,
        )
    assert producer.flush(PATIENCE_S) == 0
    assert failed == []


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_read(stack: EmbeddedStack, stores: Stores, codec: str) -> None:
    """Batches of every compression that Kafka knows are read, with whatever headers they have."""
    events = traffic([f"{codec}{number}" for number in range(5)], 100, seed=len(codec))
    headers = [("sent_at", b"never"), ("sent_at", b"\xff\xfe"), ("", b""), ("null", None)]
    messages = [{"value": encode(interaction(event)), "headers": headers} for event in events]
    produce(stack, messages, **{"compression.type": codec})
    wait_until_reflected(stores, expect(events), stack)


def test_payload_rules_over_the_key(stack: EmbeddedStack, stores: Stores) -> None:
    """An event belongs to the user in its payload, whatever its key is; other keys are counted."""
    events = traffic(["keyed1", "keyed2"], 40, seed=9)
    keys = [None, b"keyed1", b"", b"\xff\xfe", b"somebody else"]
    first = wait_until(lambda: beat_of(stores, stack), PATIENCE_S)
    keyed = [(keys[number % len(keys)], event) for number, event in enumerate(events)]
    others = sum(key not in (None, event["user"].encode()) for key, event in keyed)
    produce(stack, [{"value": encode(interaction(event)), "key": key} for key, event in keyed])
    wait_until_reflected(stores, expect(events), stack)
    assert first is not None
    wait_until(
        lambda: (beat := beat_of(stores, stack)) and beat.other_keys - first.other_keys == others,
        PATIENCE_S,
    )


def test_what_is_refused_and_what_is_not(stack: EmbeddedStack, stores: Stores) -> None:
    """A tombstone, a megabyte, another version and a number for a user are parked; more is not."""
    bad: list[tuple[bytes | None, str, str]] = [
        (None, "empty", "null"),
        (like(video="v" * MEGABYTE), "too_large", "at most 65536"),
        (b" " * MEGABYTE, "too_large", f"{MEGABYTE} bytes"),
        (like(v=2), "unknown_version", "version 2"),
        (like(user=4711), "invalid", "`$.user`"),
    ]
    event = {"user": "more", "video": "v1", "kind": "like", "at": NOW_MS}
    more = like(user="more", v=1, colour="red", nested={"user": "x", "deep": [[]] * 99})
    produce(stack, [{"value": payload, "key": b"bad"} for payload, *_ in bad])
    produce(stack, [{"value": more, "key": b"more"}])
    wait_until_reflected(stores, expect([event]), stack)
    letters = read_dead_letters(stack, len(bad))
    assert len(letters) == len(bad)
    by_offset = sorted(letters, key=lambda letter: letter["offset"])
    for letter, (payload, reason, detail) in zip(by_offset, bad, strict=True):
        assert letter["reason"] == reason
        assert detail in letter["detail"]
        assert letter["length"] == len(payload or b"")
        assert len(letter["payload"] or "") <= 4 * MAX_PAYLOAD_BYTES / 3 + 4
