"""A user's history and up-next list in Redis: read many, compare and set many.

A history stands behind a header of 32 characters, which is what the script compares:
16 hex digits of the BLAKE2b digest of the bytes behind it; "=", or "<" if the list lags behind the
history; and the number of the activation under which the list was made, as 15 decimal digits.
"""

from __future__ import annotations

import hashlib
import logging
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from redis import RedisCluster
from redis.exceptions import NoScriptError

from data.defaults import DEFAULT_TTL_S
from data.up_next import UpNext
from data.user_history import UserHistory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

USERS_PER_CALL: Final = 64  # keeps each command under a millisecond or so
_TAG: Final = 16
_HEADER: Final = 32
_LAGS: Final = b"<"
_LOG: Final = logging.getLogger(__name__)

# For each user KEYS holds history and list, ARGV the tag that was read ('' for none), the new
# history behind its header (the header alone where the history stays), and the new list; the last
# of ARGV is the TTL in seconds.
# Answers 0 (somebody else wrote: read again), 1 (both written), or 2 (a list of a later
# activation was left in place; the history was written, keeps that activation, and is marked
# with "<": its list lags behind it, whoever reads this next has to write it again).
_COMPARE_AND_SET: Final = """
local answers, ttl = {}, ARGV[#ARGV]
local function write(history, state)
  if #state == 32 then
    redis.call('SETRANGE', history, 0, state)
    redis.call('EXPIRE', history, ttl)
  else
    redis.call('SET', history, state, 'EX', ttl)
  end
end
for user = 0, #KEYS / 2 - 1 do
  local history, list = KEYS[2 * user + 1], KEYS[2 * user + 2]
  local tag, state, shown = ARGV[3 * user + 1], ARGV[3 * user + 2], ARGV[3 * user + 3]
  local header = redis.call('GETRANGE', history, 0, 31)
  if string.sub(header, 1, 16) ~= tag then
    answers[user + 1] = 0
  elseif (tonumber(string.sub(header, 18, 32)) or 0) > tonumber(string.sub(state, 18, 32)) then
    state = string.sub(state, 1, 16) .. '<' .. string.sub(header, 18, 32) .. string.sub(state, 33)
    write(history, state)
    redis.call('EXPIRE', list, ttl)
    answers[user + 1] = 2
  else
    write(history, state)
    redis.call('SET', list, shown, 'EX', ttl)
    answers[user + 1] = 1
  end
end
return answers
"""


class Answer(IntEnum):
    """What became of one user's write."""

    LOST_RACE = 0
    WRITTEN = 1
    LIST_IS_NEWER = 2


class StoredUser(NamedTuple):
    """A user as read from Redis.

    Attributes
    ----------
    history
        Empty when there is none, or when what stood there could not be read.
    tag
        What a later write is compared with.
    activation
        Number of the activation that the stored list was made under; 0 when there is none.
    lags
        Whether the history knows more than the list does.
    """

    history: UserHistory
    tag: bytes
    activation: int
    lags: bool = False


class UserWrite(NamedTuple):
    """A user's new history and list, computed from the state that carried ``tag``.

    Attributes
    ----------
    history
        None if it stays as it was read, which is quicker; it must have held something then.
    """

    tag: bytes
    history: UserHistory | None
    up_next: UpNext


class UserStore:
    """Histories and lists of all users.

    Parameters
    ----------
    client
        Connection that returns bytes.
    keys
        The key schema.
    ttl_s
        How long a user is kept after the last write, in seconds.
    users_per_call
        How many users one command may touch; on a Redis Cluster it is 1, whatever is asked for.
    """

    def __init__(
        self,
        client: Client,
        keys: RedisKeys,
        *,
        ttl_s: int = DEFAULT_TTL_S,
        users_per_call: int = USERS_PER_CALL,
    ) -> None:
        self._redis = client
        self._keys = keys
        self._ttl_s = ttl_s
        self._users_per_call = 1 if isinstance(client, RedisCluster) else users_per_call
        self._sha = hashlib.sha1(_COMPARE_AND_SET.encode(), usedforsecurity=False).hexdigest()

    def read_many(self, users: Sequence[str]) -> list[StoredUser]:
        """Read histories in one round trip, to each node of a cluster.

        A history that can't be read is copied aside for a look, reported in the log, and
        treated as empty, so that it never stops a worker.
        """
        values = self._get([self._keys.history(user) for user in users])
        return [self._stored(u, value) for u, value in zip(users, values, strict=True)]

    def read_lists(self, users: Sequence[str]) -> list[UpNext | None]:
        """Read up-next lists in one round trip; None where there is none that can be read."""
        values = self._get([self._keys.up_next(user) for user in users])
        return [_list(user, value) for user, value in zip(users, values, strict=True)]

    def without_list(self, users: Sequence[str]) -> set[str]:
        """Name those who have no list, in one round trip: a full Redis may drop it alone."""
        with self._redis.pipeline(transaction=False) as pipe:
            for user in users:
                pipe.exists(self._keys.up_next(user))
            there: list[int] = pipe.execute()
        return {user for user, found in zip(users, there, strict=True) if not found}

    def compare_and_set_many(self, writes: Sequence[UserWrite]) -> list[Answer]:
        """Write histories and lists together, each only if nobody wrote since it was read."""
        calls = []
        for first in range(0, len(writes), self._users_per_call):
            part = writes[first : first + self._users_per_call]
            names = [write.up_next.user for write in part]
            keys = [k for u in names for k in (self._keys.history(u), self._keys.up_next(u))]
            values = [value for write in part for value in _arguments(write)]
            calls.append((len(keys), *keys, *values, self._ttl_s))
        try:
            answers = self._run(calls)
        except NoScriptError:  # a fresh or flushed Redis
            self._redis.script_load(_COMPARE_AND_SET)
            answers = self._run(calls)
        return [Answer(answer) for part in answers for answer in part]

    def _get(self, keys: Sequence[str]) -> list[bytes | None]:
        """Read keys in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for first in range(0, len(keys), self._users_per_call):
                # Not `mget`, nor `evalsha` below: on a cluster the client knows neither by name.
                pipe.execute_command("MGET", *keys[first : first + self._users_per_call])
            parts: list[list[bytes | None]] = pipe.execute()
        return [value for part in parts for value in part]

    def _run(self, calls: list[tuple[object, ...]]) -> list[list[int]]:
        """Run the script once per call, all in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for call in calls:
                pipe.execute_command("EVALSHA", self._sha, *call)
            answers: list[list[int]] = pipe.execute()
        return answers

    def _stored(self, user: str, value: bytes | None) -> StoredUser:
        if value is None:
            return StoredUser(UserHistory.empty(), b"", 0)
        tag, mark, body = value[:_TAG], value[_TAG : _TAG + 1], value[_HEADER:]
        try:
            if tag != _digest(body):
                msg = "its digest is wrong"
                raise ValueError(msg)  # noqa: TRY301 - handled with the other ways to be damaged
            activation = int(value[_TAG + 1 : _HEADER])
            return StoredUser(UserHistory.from_bytes(body), tag, activation, mark == _LAGS)
        except ValueError as error:
            aside = self._keys.damaged(user)
            self._redis.set(aside, value, ex=self._ttl_s)
            _LOG.error("the history of user %r can't be read (%s); kept as %s", user, error, aside)
            return StoredUser(UserHistory.empty(), tag, 0)


def _list(user: str, value: bytes | None) -> UpNext | None:
    try:
        return None if value is None else msgspec.json.decode(value, type=UpNext)
    except msgspec.MsgspecError as error:
        _LOG.error("the list of user %r can't be read (%s); the next event mends it", user, error)
        return None


def _arguments(write: UserWrite) -> tuple[bytes, bytes, bytes]:
    """Tag, history behind its header, and list, as the script takes them."""
    body = b"" if write.history is None else write.history.to_bytes()
    tag = _digest(body) if body else write.tag
    state = b"%b=%015d%b" % (tag, write.up_next.activation, body)
    return write.tag, state, msgspec.json.encode(write.up_next)


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_TAG // 2).hexdigest().encode()
