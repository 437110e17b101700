"""What a group's coordinator answers, in words that the client knows.

aiokafka ends a consumer on errors that the broker means to pass: it knows the answers of brokers of
years ago. And it reads an answer without any offsets as "nothing is committed", where today's
brokers mean "ask me later": the worker would take up every partition from its beginning.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from aiokafka import errors
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest

_LOG: Final = logging.getLogger(__name__)
_FINE: Final = errors.NoError.errno
_LATE: Final = errors.RequestTimedOutError.errno
_LOADS: Final = errors.GroupLoadInProgressError.errno
_AWAY: Final = errors.GroupCoordinatorNotAvailableError.errno
_MOVED: Final = errors.NotCoordinatorForGroupError.errno
_AGAIN: Final = errors.RebalanceInProgressError.errno

# By request: what the client would misunderstand, and what it is told instead.
_WORDS: Final[dict[type, dict[int, int]]] = {
    JoinGroupRequest: {_LATE: _LOADS, _AGAIN: _LOADS},  # it waits, and joins again
    SyncGroupRequest: {_LATE: _AGAIN, _LOADS: _AGAIN},  # it joins again
    HeartbeatRequest: {_LATE: _AWAY, _LOADS: _FINE},  # it looks for the coordinator; it goes on
    OffsetFetchRequest: {_LATE: _MOVED, _AWAY: _MOVED, _MOVED: _MOVED, _LOADS: _LOADS},
}


def translate(coordinator: Any) -> None:  # noqa: ANN401 - aiokafka has no types
    """Let the client's side of a group hear answers in words that it knows."""
    send = coordinator._send_req  # noqa: SLF001 - there is no public way

    async def translated(request: Any) -> Any:  # noqa: ANN401 - as above
        answer = await send(request)
        told = getattr(answer, "error_code", _FINE)
        words = _WORDS.get(type(request), {})
        if isinstance(request, OffsetFetchRequest):
            _by_partition(request, answer, words)
        elif told in words:
            answer.error_code = words[told]
        if told in words:
            name = errors.for_code(told).__name__
            _LOG.warning("Kafka can't serve the group yet (%s); asking again", name)
        return answer

    coordinator._send_req = translated  # noqa: SLF001 - as above


def _by_partition(request: Any, answer: Any, words: dict[int, int]) -> None:  # noqa: ANN401 - as above
    """Put what is said of the whole group to each partition, where the client looks for it."""
    whole = getattr(answer, "error_code", _FINE)
    if whole:
        asked = request._partitions  # noqa: SLF001 - as above
        answer.topics = [(topic, [(p, -1, "", whole) for p in places]) for topic, places in asked]
    answer.topics = [
        (topic, [(p, offset, note, words.get(code, code)) for p, offset, note, code in places])
        for topic, places in answer.topics
    ]
