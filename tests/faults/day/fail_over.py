"""Redis as it is run where it must not stop: a primary, a replica, one address in front of both."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from data.redis_connection import connect
from deploy.embedded.redis_server import EmbeddedRedis
from tests.faults.day.proxy import Proxy
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

_HOST = "127.0.0.1"


def port_of(server: EmbeddedRedis) -> int:
    """Give the port that a server listens on."""
    port = urlsplit(server.url).port
    assert port is not None
    return port


class FailOver:
    """A primary and its replica, up from construction until `close`.

    Attributes
    ----------
    primary, replica
        The servers; the replica follows through a proxy, so that it can be made to lag.
    front
        What clients talk to; it leads to the primary until `promote`.
    url
        The address of the front.
    """

    def __init__(self) -> None:
        with ExitStack() as opened:
            self.primary = opened.enter_context(EmbeddedRedis())
            self.replica = opened.enter_context(EmbeddedRedis())
            for server in (self.primary, self.replica):
                with connect(server.url) as client:
                    client.config_set("repl-diskless-sync-delay", 0)  # by default it waits 5 s
            self.link = opened.enter_context(Proxy(port_of(self.primary)))
            self.front = opened.enter_context(Proxy(port_of(self.primary)))
            self.url = f"redis://{_HOST}:{self.front.port}/0"
            follow(self.replica, self.link.port)
            wait_until(self.in_step, what="the replica to be in step")
            self._opened = opened.pop_all()

    def in_step(self) -> bool:
        """Whether the replica has all that the primary has."""
        with connect(self.replica.url) as there, connect(self.primary.url) as here:
            replica, primary = there.info("replication"), here.info("replication")
        return bool(
            replica["master_link_status"] == "up"
            and replica["slave_repl_offset"] == primary["master_repl_offset"]
        )

    def lag(self) -> None:
        """Let the replica get nothing more, while the primary goes on acknowledging."""
        self.link.stall()

    def promote(self, *, cut: bool) -> None:
        """Make the replica the primary, with what it has; the old one follows it.

        Parameters
        ----------
        cut
            Whether clients lose their connections. Else those that are open stay with the old
            primary, which refuses their writes from now on.
        """
        self.link.refuse()
        with connect(self.replica.url) as client:
            client.replicaof("NO", "ONE")
        self.front.lead_to(port_of(self.replica))
        follow(self.primary, port_of(self.replica))
        if cut:
            self.front.cut()

    def close(self) -> None:
        """End everything."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def follow(server: EmbeddedRedis, port: int) -> None:
    """Make a server the replica of the one that listens on a port."""
    with connect(server.url) as client:
        client.replicaof(_HOST, port)


class OlderCopy:
    """What the folder of a Redis held at a moment, to be put back after a crash.

    A power cut may take what was appended last and had not reached the disk; a killed process
    loses none of that, as the kernel still writes it. So the folder itself is put back.

    Parameters
    ----------
    server
        It keeps its writes in ``folder``.
    """

    def __init__(self, server: EmbeddedRedis, folder: Path) -> None:
        self._server, self._folder = server, folder
        self._copy = folder.with_name(f"{folder.name}-copy")

    def take(self) -> None:
        """Copy the folder as it is now."""
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._folder, self._copy)

    def put_back(self) -> None:
        """Kill the server and start it with the copy."""
        self._server.kill()
        shutil.rmtree(self._folder)
        shutil.copytree(self._copy, self._folder)
        self._server.start()
