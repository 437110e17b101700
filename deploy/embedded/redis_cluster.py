"""A Redis Cluster of this process's own, on loopback: for development and tests.

The nodes find what `CLUSTER MEET` and `CLUSTER ADDSLOTS` would have told them in the file where
each keeps its view of the cluster, so that they know each other from the start.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, Self

from deploy.embedded.redis_server import EmbeddedRedis, free_port

PRIMARIES: Final = 3  # fewer could not agree on a fail-over
_SLOTS: Final = 16_384
_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02


class EmbeddedCluster:
    """Three primaries, each with as many replicas as wished, up from construction until `stop`.

    Parameters
    ----------
    prefer
        A name out of `available_servers`; the first of them by default.
    replicas
        How many each primary has. With one, the cluster outlives the death of a primary.
    node_timeout_ms
        Silence after which a node counts as dead.

    Attributes
    ----------
    nodes
        The servers: the primaries, then the replicas of the first, of the second ...
    url
        That of the first node, which knows the others.

    Raises
    ------
    RuntimeError
        If there is no such server, or the cluster does not come up.
    """

    def __init__(
        self, *, prefer: str | None = None, replicas: int = 0, node_timeout_ms: int = 2_000
    ) -> None:
        plan = _plan(replicas)
        with ExitStack() as stack:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="upnext-cluster-"))
            )
            self.nodes: list[EmbeddedRedis] = []
            for me in plan:
                view = Path(folder, f"{me.port}.conf")
                view.write_text(_view(plan, me))
                options = {
                    "cluster-enabled": "yes",
                    "cluster-config-file": view,
                    "cluster-port": me.bus,
                    "cluster-node-timeout": node_timeout_ms,
                    "repl-diskless-sync-delay": 0,
                }
                server = EmbeddedRedis(prefer=prefer, port=me.port, options=options)
                self.nodes.append(stack.enter_context(server))
            self._wait_until_it_is_up()
            self._stack = stack.pop_all()
        self.url = self.nodes[0].url

    def _wait_until_it_is_up(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not all(node.says("CLUSTER INFO", "cluster_state:ok") for node in self.nodes):
            if time.monotonic() > deadline:
                msg = f"The cluster of {len(self.nodes)} nodes is not up in {_START_SECONDS:g} s."
                raise RuntimeError(msg)
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End all nodes; stopping twice does no harm."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Node(NamedTuple):
    """Where a node listens, and which primary it follows, by number; itself if it is one."""

    number: int
    primary: int
    port: int
    bus: int

    @property
    def name(self) -> str:
        return f"{self.number + 1:040x}"


def _plan(replicas: int) -> list[_Node]:
    followed = [*range(PRIMARIES), *sorted([*range(PRIMARIES)] * replicas)]
    return [_Node(n, primary, free_port(), free_port()) for n, primary in enumerate(followed)]


def _view(plan: list[_Node], me: _Node) -> str:
    """Give the cluster as one node sees it, in the form of `CLUSTER NODES`."""
    lines = [_line(node, "myself," if node == me else "", plan) for node in plan]
    return "".join([*lines, f"vars currentEpoch {PRIMARIES} lastVoteEpoch 0\n"])


def _line(node: _Node, myself: str, plan: list[_Node]) -> str:
    address, epoch = f"{_HOST}:{node.port}@{node.bus}", node.primary + 1
    if node.primary != node.number:
        primary = plan[node.primary].name
        return f"{node.name} {address} {myself}slave {primary} 0 0 {epoch} connected\n"
    first, end = (_SLOTS * n // PRIMARIES for n in (node.number, node.number + 1))
    return f"{node.name} {address} {myself}master - 0 0 {epoch} connected {first}-{end - 1}\n"
