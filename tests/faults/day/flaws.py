"""What the launcher can put wrong in a worker: bugs, stalls, and safeguards taken away."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from data import model_parts, user_history, user_store
from data.user_history import UserHistory
from stream_inference import micro_batch, write_back
from stream_inference.dead_letters import Message, Origin
from stream_inference.faust_worker import transport
from stream_inference.faust_worker.worker import Worker
from stream_inference.micro_batch import MicroBatches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from data.up_next import UpNext
    from stream_inference.recommend import Serving

POISON: Final = "poison"  # a user with whom `poisonous` workers fail
ORDER: Final = "order to {}"  # a file in the folder for scratch, for a flaw that waits for it
STALLED: Final = "flaw: stalled for"
READ: Final = "flaw: users are read"
CLOCK: Final = "flaw: the clock is off by"
_PIPE_BYTES: Final = 4096


class FlawError(Exception):
    """A bug that a test put in."""


def slow(seconds: str) -> None:
    """Take so long over each batch, outside the event loop."""
    work: Callable[..., Any] = vars(micro_batch)["write_back"]

    def slowly(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - handed on
        time.sleep(float(seconds))
        return work(*args, **kwargs)

    vars(micro_batch)["write_back"] = slowly


def slow_write(seconds: str) -> None:
    """Let so much time pass between reading users and writing them."""
    write = user_store.UserStore.compare_and_set_many

    def slowly(
        self: user_store.UserStore, writes: Sequence[user_store.UserWrite]
    ) -> list[user_store.Answer]:
        print(READ, file=sys.stderr, flush=True)  # noqa: T201 - for whoever waits for this moment
        time.sleep(float(seconds))
        return write(self, writes)

    user_store.UserStore.compare_and_set_many = slowly  # type: ignore[method-assign]  # a flaw


def bug(_: str) -> None:
    """Raise out of the worker's own code when it is ordered."""

    def fail() -> None:
        raise FlawError("as ordered")

    _when_ordered("bug", fail)


def blocks_loop(seconds: str) -> None:
    """Block the event loop for so long when it is ordered."""
    _when_ordered("blocks_loop", lambda: _stall(time.sleep, int(seconds)))


def holds_gil(seconds: str) -> None:
    """Block every thread for so long when it is ordered."""
    _when_ordered("holds_gil", lambda: _stall(ctypes.PyDLL(None).sleep, int(seconds)))


def _stall(sleep: Callable[[int], object], seconds: int) -> None:
    sleep(seconds)
    print(f"{STALLED} {seconds} s", file=sys.stderr, flush=True)  # noqa: T201 - proof


def _when_ordered(flaw: str, act: Callable[[], None]) -> None:
    """Act at the first batch after `Stage.order`, in the one worker that takes the order."""
    handle, order = MicroBatches.handle, Path(tempfile.gettempdir(), ORDER.format(flaw))

    async def flawed(self: MicroBatches, messages: Sequence[Message]) -> None:
        with contextlib.suppress(FileNotFoundError):
            order.unlink()  # noqa: ASYNC240 - it takes no time
            act()
        await handle(self, messages)

    MicroBatches.handle = flawed  # type: ignore[method-assign]  # a flaw


def poisonous(_: str) -> None:
    """Fail whenever the user `POISON` is in a batch."""
    work: Callable[..., Any] = vars(micro_batch)["write_back"]

    def fails(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - handed on
        if POISON in args[2]:
            raise FlawError(POISON)
        return work(*args, **kwargs)

    vars(micro_batch)["write_back"] = fails


def blocked_log(_: str) -> None:
    """Write the log to a pipe that is full and that nobody reads."""
    read_end, write_end = os.pipe()
    os.set_inheritable(read_end, True)  # noqa: FBT003 - it stays open, as a hung collector's would
    os.set_blocking(write_end, False)  # until it is full
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_end, b"." * _PIPE_BYTES)
    os.set_blocking(write_end, True)  # as pipes are
    os.dup2(write_end, 1)
    os.dup2(write_end, 2)


def naive(_: str) -> None:
    """Be the agent of Faust's examples, on Faust's transport, and raise at the user `POISON`."""
    vars(transport)["SCHEME"] = "kafka"

    async def consume(self: Worker, stream: Any) -> None:  # noqa: ANN401 - Faust has no types
        async for event in stream.events():
            message = event.message
            if POISON.encode() in message.value:
                raise FlawError(POISON)
            origin = Origin(message.topic, message.partition, message.offset)
            await self._batches.handle([Message(origin, message.value)])

    Worker._consume = consume  # type: ignore[method-assign]  # a flaw


def no_compare(_: str) -> None:
    """Write users without comparing what was read."""
    script = vars(user_store)["_COMPARE_AND_SET"]
    compared = "if string.sub(header, 1, 16) ~= tag then"
    assert compared in script, "the script compares in another way now: mend this flaw"
    vars(user_store)["_COMPARE_AND_SET"] = script.replace(compared, "if false then")


def adds_up(_: str) -> None:
    """Add watch ratios up instead of keeping the greatest, so that a replay counts twice."""
    merge = vars(user_history)["merge_pair"]
    ratio = 3

    def summed(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
        merged = list(merge(a, b))
        merged[ratio] = a[ratio] + b[ratio]
        return tuple(merged)

    vars(user_history)["merge_pair"] = summed


def stale_lists(_: str) -> None:
    """Make each list without the newest video of its history, and date it as if it had that."""
    lists_for = vars(write_back)["lists_for"]

    def stale(
        serving: Serving | None, users: list[str], histories: list[UserHistory], length: int
    ) -> list[UpNext]:
        older = [UserHistory(h.videos[:-1], h.states[:-1], h.mark) for h in histories]
        lists = lists_for(serving, users, older, length)
        return [
            msgspec.structs.replace(shown, at=history.newest_at)
            for shown, history in zip(lists, histories, strict=True)
        ]

    vars(write_back)["lists_for"] = stale


def no_checksum(_: str) -> None:
    """Find every chunk of a model right."""

    class Right(str):
        """A digest that is never another one."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __ne__(self, other: object) -> bool:
            return False

    assert "digest" in vars(model_parts), "chunks are checked in another way now: mend this flaw"
    vars(model_parts)["digest"] = lambda _chunk: Right()


def clock(file: str) -> None:
    """Go by a clock that is off by the seconds that stand in a file, whatever they are now.

    What measures durations goes on as it was, as on a machine whose clock is set.
    """
    now, path, said = time.time_ns, Path(file), {0}

    def shifted() -> int:
        off = int(path.read_text())
        if off not in said:
            said.add(off)
            print(f"{CLOCK} {off} s", file=sys.stderr, flush=True)  # noqa: T201 - proof
        return now() + off * 10**9

    time.time_ns = shifted
    time.time = lambda: shifted() / 10**9


FLAWS: Final[dict[str, Callable[[str], None]]] = {
    flaw.__name__: flaw
    for flaw in (
        slow,
        slow_write,
        bug,
        blocks_loop,
        holds_gil,
        poisonous,
        blocked_log,
        naive,
        no_compare,
        adds_up,
        stale_lists,
        no_checksum,
        clock,
    )
}
