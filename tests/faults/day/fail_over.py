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
AT_ONCE = {"repl-diskless-sync-delay": 0}  # by default a primary lets a replica wait for 5 s
_PATIENCE_S = 60.0


class FailOver:
    """A replica beside a primary, and one address in front of the two, until `close`.

    Parameters
    ----------
    primary
        A server that runs.
    keep_in
        Where the replica keeps its writes, if it does.

    Attributes
    ----------
    front
        What clients talk to; it leads to the primary of the moment.
    leader
        The primary of the moment.
    """

    def __init__(self, primary: EmbeddedRedis, keep_in: Path | None = None) -> None:
        with ExitStack() as opened:
            if keep_in:
                keep_in.mkdir()
            replica = opened.enter_context(EmbeddedRedis(keep_in=keep_in, options=AT_ONCE))
            # The replica follows through a proxy, so that it can be made to lag.
            self._link = opened.enter_context(Proxy(primary.port))
            self.front = opened.enter_context(Proxy(primary.port))
            self.leader, self._follower = primary, replica
            with connect(primary.url) as client:
                for name, value in AT_ONCE.items():
                    client.config_set(name, value)
            follow(replica, self._link.port)
            wait_until(self.in_step, what="the replica to be in step")
            self._opened = opened.pop_all()

    def in_step(self) -> bool:
        """Whether who follows has all that the leader has, in its file too where it has one."""
        with connect(self._follower.url) as there, connect(self.leader.url) as here:
            behind, ahead = there.info(), here.info("replication")
        return bool(
            behind["master_link_status"] == "up"
            and behind["slave_repl_offset"] == ahead["master_repl_offset"]
            and not behind["aof_rewrite_in_progress"]
            and not behind["aof_rewrite_scheduled"]
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
        self.leader, self._follower = self._follower, self.leader
        with connect(self.leader.url) as client:
            client.replicaof("NO", "ONE")
        self.front.lead_to(self.leader.port)
        follow(self._follower, self.leader.port)
        if cut:
            self.front.cut()

    def hand_over(self) -> None:
        """Make the replica the primary once it has everything, as for maintenance."""
        wait_until(self.in_step, _PATIENCE_S, what="the replica to be in step")
        with connect(self.leader.url) as client:
            client.execute_command("FAILOVER")
        self.leader, self._follower = self._follower, self.leader
        wait_until(lambda: leads(self.leader), _PATIENCE_S, what="the replica to lead")
        self.front.lead_to(self.leader.port)

    def close(self) -> None:
        """End everything."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def leads(server: EmbeddedRedis) -> bool:
    """Whether a server is a primary."""
    return server.says("ROLE", "master")


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
