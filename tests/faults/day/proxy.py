"""A TCP proxy on loopback between clients and a server: slow, silent, cut, or led elsewhere."""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from deploy.embedded.redis_server import free_port

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

_HOST: Final = "127.0.0.1"
_CHUNK: Final = 64 * 1024
_IN_FLIGHT: Final = 64  # chunks that may wait for their time; then the sender has to
_PATIENCE_S: Final = 10.0


class Proxy:
    """A proxy that serves in a thread of its own from construction until `close`.

    Parameters
    ----------
    target
        Port of the server on loopback.
    port
        Where it listens itself; a free one by default.

    Attributes
    ----------
    port, url
        What clients are told; the URL is for those of a Redis.
    delay_s
        The least and the most that a chunk is held before it is passed on; each way, so that a
        trip takes twice as long.
    connections, delayed, delayed_s, held_back
        Connections taken, chunks that were passed on late, by how many seconds together, and
        chunks that found the way closed: the proof that a fault took effect.
    """

    def __init__(self, target: int, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"redis://{_HOST}:{self.port}/0"
        self.delay_s = (0.0, 0.0)
        self.connections = self.delayed = self.held_back = 0
        self.delayed_s = 0.0
        self._target = target
        self._random = random.Random(1)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.listen()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_PATIENCE_S)

    def lead_to(self, target: int) -> None:
        """Lead new connections to another port; those that are open stay where they are."""
        self._target = target

    def stall(self) -> None:
        """Pass nothing on; connections stay, new ones are taken, and nobody is ever answered."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def pass_on(self) -> None:
        """End what `stall` began; what was sent meanwhile arrives now."""
        self._loop.call_soon_threadsafe(self._passing.set)

    def cut(self) -> int:
        """Reset every open connection, and tell how many; new ones are taken."""
        return self._run(self._abort())

    def refuse(self) -> None:
        """Cut, and refuse new connections until `listen`."""
        self._run(self._stop_listening())
        self.cut()

    def listen(self) -> None:
        """Take connections, as from the start."""
        self._server = self._run(asyncio.start_server(self._serve, _HOST, self.port))

    def close(self) -> None:
        """Refuse, and end the thread; closing twice does no harm."""
        if self._thread.is_alive():
            self.refuse()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE_S)
            self._loop.close()

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _abort(self) -> int:
        for writer in self._writers:
            writer.transport.abort()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._connect(reader, writer)
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(_HOST, self._target)
        self._writers.add(back)
        pumps = [
            self._loop.create_task(self._pump(*ends)) for ends in ((reader, back), (there, writer))
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers.discard(back)
            back.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read at once and write in time, so that what is sent together is late together."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_IN_FLIGHT)
        late = self._loop.create_task(self._write_in_time(waiting, writer))
        try:
            while chunk := await reader.read(_CHUNK):
                held = self._random.uniform(*self.delay_s)
                self.delayed += held > 0
                self.delayed_s += held
                await waiting.put((self._loop.time() + held, chunk))
            await waiting.put((0.0, b""))
            await late
        finally:
            late.cancel()

    async def _write_in_time(
        self, waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due, chunk = await waiting.get()
            if not chunk:
                writer.write_eof()
                return
            if (left := due - self._loop.time()) > 0:
                await asyncio.sleep(left)
            self.held_back += not self._passing.is_set()
            await self._passing.wait()
            writer.write(chunk)
            await writer.drain()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
