"""The public key schema of Redis, in one place.

The keys of one user share a hash tag, and so do the keys of all models, so that one script can
touch them together on a Redis Cluster.
"""

from __future__ import annotations

from typing import NamedTuple


class RedisKeys(NamedTuple):
    """Names of all keys under one prefix.

    Attributes
    ----------
    prefix
        First part of every key; several installations can share one Redis.
    """

    prefix: str = "upnext"

    def history(self, user: str) -> str:
        """Name a user's history: header and MessagePack, see `data.user_store`."""
        return f"{self.prefix}:{{u:{user}}}:history"

    def up_next(self, user: str) -> str:
        """Name a user's up-next list: JSON, see `data.up_next.UpNext`."""
        return f"{self.prefix}:{{u:{user}}}:list"

    def damaged(self, user: str) -> str:
        """Name the place where a history that could not be read is kept for a look."""
        return f"{self.prefix}:{{u:{user}}}:damaged"

    @property
    def current(self) -> str:
        """The pointer: ``<activation> <version>`` of the model that is served."""
        return f"{self.prefix}:{{model}}:current"

    @property
    def popular(self) -> str:
        """The popular videos of the model that is served: JSON, see `data.popular.Popular`."""
        return f"{self.prefix}:{{model}}:popular"

    @property
    def versions(self) -> str:
        """Sorted set of published versions, by publishing time in ms UTC."""
        return f"{self.prefix}:{{model}}:versions"

    @property
    def activations(self) -> str:
        """List of what a roll back goes through, newest first: as the pointer, at most 100."""
        return f"{self.prefix}:{{model}}:activations"

    @property
    def unfinished(self) -> str:
        """Hash of versions that are being written: JSON, the number of chunks of each part."""
        return f"{self.prefix}:{{model}}:unfinished"

    @property
    def lock(self) -> str:
        """The lock of whoever may change models: ``<number> <JSON of who it is>``, for seconds."""
        return f"{self.prefix}:{{model}}:lock"

    @property
    def fence(self) -> str:
        """Who took the lock last: the same value, for ever."""
        return f"{self.prefix}:{{model}}:fence"

    def manifest(self, version: str) -> str:
        """Name the list of what a version consists of: JSON, written last."""
        return f"{self.prefix}:{{model}}:{version}:manifest"

    def chunk(self, version: str, part: str, number: int) -> str:
        """Name the key of at most 4 MiB of one part of a version."""
        return f"{self.prefix}:{{model}}:{version}:{part}:{number}"

    @property
    def workers(self) -> str:
        """Sorted set of worker ids, by the time of their last heartbeat in ms UTC."""
        return f"{self.prefix}:{{workers}}"

    def worker(self, worker: str) -> str:
        """Name the heartbeat of one worker: JSON, gone when the worker is."""
        return f"{self.prefix}:{{workers}}:{worker}"
