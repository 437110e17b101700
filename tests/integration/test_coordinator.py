"""A group's coordinator that asks for patience: the worker has it, and goes on where it was."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import pytest

from deploy.embedded.leash import Leashed
from deploy.embedded.stack import EmbeddedStack
from tests.integration.world import NOW_MS, PATIENCE_S, Stores, progress, send
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.embedded.kafka import EmbeddedKafka

SENT: Final = 50

# A worker whose coordinator answers the first requests of a kind as a broker does that can't
# serve the group yet. Of offsets it says so for the whole group, as brokers do since version 2.
ASKS_FOR_PATIENCE: Final = """
import sys
from aiokafka.consumer.group_coordinator import GroupCoordinator
from deploy import cli
kind, code = sys.argv.pop(1), int(sys.argv.pop(1))
plain, answers = GroupCoordinator._send_req, iter(range(5))
async def asks_for_patience(self, request):
    answer = await plain(self, request)
    if type(request).__name__ == kind and next(answers, None) is not None:
        print("asks for patience", file=sys.stderr, flush=True)
        answer.error_code = code
        if kind == "OffsetFetchRequest":
            answer.topics = []
    return answer
GroupCoordinator._send_req = asks_for_patience
cli.main()
"""


@pytest.fixture(scope="module")
def stack(kafka: EmbeddedKafka) -> Iterator[EmbeddedStack]:
    """Give a stack on a real Kafka, whose worker has seen some events and was stopped."""
    with EmbeddedStack(partitions=1, kafka=kafka) as stack:
        stack.start_worker()
        wait_until(lambda: "partition 0: " in stack.worker_log.read_text(), 8, poll=0.1)
        like(stack, [f"u{number}" for number in range(SENT)])
        wait_until(lambda: progress(stack).acknowledged == SENT, PATIENCE_S, poll=0.2)
        stack.stop_worker()
        yield stack


def like(stack: EmbeddedStack, users: list[str]) -> None:
    """Let each of these users like a video."""
    send(stack, [{"user": user, "video": "v1", "kind": "like", "at": NOW_MS} for user in users])


@pytest.mark.waits
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("JoinGroupRequest", 27),  # rebalance in progress
        ("SyncGroupRequest", 14),  # loading
        ("HeartbeatRequest", 7),  # request timed out
        ("OffsetFetchRequest", 14),
        ("OffsetFetchRequest", 15),  # not available
        ("OffsetFetchRequest", 16),  # has moved
    ],
)
def test_worker_is_patient(stack: EmbeddedStack, kind: str, code: int) -> None:
    """A worker that is told to ask again does so, and takes no event a second time."""
    words = ["-c", ASKS_FOR_PATIENCE, kind, str(code), *stack.worker_words()]
    stack.worker_log.unlink(missing_ok=True)
    stores, user = Stores.at(stack.redis_url), f"{kind}{code}"
    environment = stack.worker_environment()
    with Leashed([sys.executable, *words], log=stack.worker_log, env=environment) as worker:

        def done() -> bool:
            assert worker.poll() is None, worker.log_tail()
            (stored,) = stores.users.read_many([user])
            told = stack.worker_log.read_text().count("asks for patience")
            return told > 0 and len(stored.history) == 1

        like(stack, [user])
        wait_until(done, PATIENCE_S, poll=0.1)
        wait_until(lambda: events(stores) > 0, PATIENCE_S, what="a heartbeat")
        assert events(stores) < SENT, "it took events that were acknowledged"
    stores.client.close()


def events(stores: Stores) -> int:
    """Count what the worker has taken since it started, as it says itself."""
    return sum(beat.events for beat in stores.heartbeats.alive())
