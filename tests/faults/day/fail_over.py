"""Redis as it is run where it must not stop: a primary, a replica, one address in front of both."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from data.redis_connection import connect
from deploy.embedded.redis_server import EmbeddedRedis
from tests.faults.day.proxy import Proxy
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

_HOST = "127.0.0.1"


class FailOver:
    """A replica beside a primary, and one address in front of the two, until `close`.

    Parameters
    ----------
    primary
        A server that runs.

    Attributes
    ----------
    url
        What clients talk to; it leads to the primary until `promote`.
    """

    def __init__(self, primary: EmbeddedRedis) -> None:
        with ExitStack() as opened:
            replica = opened.enter_context(EmbeddedRedis())
            # The replica follows through a proxy, so that it can be made to lag.
            self._link = opened.enter_context(Proxy(primary.port))
            self._front = opened.enter_context(Proxy(primary.port))
            self.url = self._front.url
            self._leader, self._follower = primary, replica
            for server in (primary, replica):
                with connect(server.url) as client:
                    client.config_set("repl-diskless-sync-delay", 0)  # by default it waits 5 s
            follow(replica, self._link.port)
            wait_until(self.in_step, what="the replica to be in step")
            self._opened = opened.pop_all()

    def in_step(self) -> bool:
        """Whether who follows has all that the leader has."""
        with connect(self._follower.url) as there, connect(self._leader.url) as here:
            behind, ahead = there.info("replication"), here.info("replication")
        return bool(
            behind["master_link_status"] == "up"
            and behind["slave_repl_offset"] == ahead["master_repl_offset"]
        )

    def lag(self) -> None:
        """Let the replica get nothing more, while the primary goes on acknowledging."""
        self._link.stall()

    def promote(self, *, cut: bool) -> None:
        """Make the replica the primary, with what it has; the old one follows it.

        Parameters
        ----------
        cut
            Whether clients lose their connections. Else those that are open stay with the old
            primary, which refuses their writes from now on.
        """
        self._link.refuse()
        self._leader, self._follower = self._follower, self._leader
        with connect(self._leader.url) as client:
            client.replicaof("NO", "ONE")
        self._front.lead_to(self._leader.port)
        follow(self._follower, self._leader.port)
        if cut:
            self._front.cut()

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
