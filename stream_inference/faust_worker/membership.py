"""A worker's place in its group: what Kafka refuses for good, and who else has taken it.

The client would try again for ever, and say so in no words that name a setting.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn

from aiokafka import errors
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import HeartbeatRequest

from stream_inference.stopping import EXIT_GAVE_UP, EXIT_REFUSED

if TYPE_CHECKING:
    import faust

    from stream_inference.faust_worker.settings import WorkerSettings
    from stream_inference.stopping import End

_LOOK_S: Final = 1.0
_UNKNOWN: Final = errors.UnknownMemberIdError.errno


class Membership:
    """Ends a worker that can't be part of its group.

    Parameters
    ----------
    app
        Whose consumer is meant.
    settings
        What Kafka was told.
    end
        Ends the process.
    """

    def __init__(self, app: faust.App, settings: WorkerSettings, end: End) -> None:
        self._app = app
        self._settings = settings
        self._end = end
        self._heard: Any = None  # the coordinator whose answers are heard
        self._heard_at = self._known_at = 0.0  # the last answer, and the last that knew us
        app.on_partitions_assigned.connect(self._joined)

    async def watch(self) -> NoReturn:
        """End the process when Kafka refuses for good; the client only keeps the error."""
        while True:
            if coordinator := self._coordinator():
                self._check(coordinator)
            await asyncio.sleep(_LOOK_S)

    def _check(self, coordinator: Any) -> None:  # noqa: ANN401 - aiokafka has no types
        task = coordinator._coordination_task  # noqa: SLF001 - there is no public way
        error = coordinator._pending_exception  # noqa: SLF001 - as above
        if error is None and task.done() and not task.cancelled():
            error = task.exception()
        if error is not None and (why := self._refusal(error)):
            self._end(why, EXIT_REFUSED)
        elif error is not None:
            self._end(f"no part in group {self._settings.group}: {error!r}", EXIT_GAVE_UP)

    def silent_s(self) -> float:
        """Tell for how long Kafka has not answered; it should to each heartbeat."""
        return time.monotonic() - self._heard_at if self._heard else 0.0

    def _coordinator(self) -> Any:  # noqa: ANN401 - aiokafka has no types
        """Give the client's side of the group; None before it is there."""
        consumer: Any = self._app.consumer
        thread = consumer._thread  # noqa: SLF001 - Faust has no public way
        client = thread and thread._consumer  # noqa: SLF001 - as above
        return client and client._coordinator  # noqa: SLF001 - nor has aiokafka

    def _refusal(self, error: BaseException) -> str:
        """Say what to set against an error that stays; empty for one that may pass."""
        told = self._settings
        if isinstance(error, errors.InvalidSessionTimeoutError):
            return (
                f"Kafka refuses session_timeout_s = {told.session_timeout_s:g}: it must lie "
                "between the broker's group.min.session.timeout.ms (6 s by default) and "
                "group.max.session.timeout.ms (30 min by default). Set --session-timeout-s, "
                "UPNEXT_SESSION_TIMEOUT_S, or session_timeout_s in upnext.toml"
            )
        if isinstance(error, errors.InconsistentGroupProtocolError):
            return (
                f"group {told.group} is used by consumers of another kind: name another one, with "
                "--group, UPNEXT_GROUP, or group in upnext.toml"
            )
        if isinstance(error, errors.GroupAuthorizationFailedError):
            return f"Kafka does not let this user into group {told.group}: give it Read on that"
        return ""

    async def _joined(self, *_: Any, **_more: Any) -> None:  # noqa: ANN401 - so says Faust
        """Hear from now on what the group's coordinator answers."""
        coordinator = self._coordinator()
        self._heard_at = self._known_at = time.monotonic()
        if coordinator is None or coordinator is self._heard:
            return
        self._heard, send = coordinator, coordinator._send_req  # noqa: SLF001 - no public way

        async def heard(request: Any) -> Any:  # noqa: ANN401 - aiokafka has no types
            answer = await send(request)
            self._heard_at = time.monotonic()
            self._hear(request, answer)
            return answer

        coordinator._send_req = heard  # noqa: SLF001 - as above

    def _hear(self, request: object, answer: Any) -> None:  # noqa: ANN401 - aiokafka has no types
        """End the process when another has this worker's place, before it takes that back."""
        if isinstance(request, HeartbeatRequest):
            known = answer.error_code != _UNKNOWN
        elif isinstance(request, OffsetCommitRequest):
            known = all(code != _UNKNOWN for _, places in answer.topics for _, code in places)
        else:
            return
        if known:
            self._known_at = self._heard_at
            return
        # With a heartbeat every third of the session timeout, a longer silence was ours.
        unknown_s = self._heard_at - self._known_at
        if self._settings.instance and unknown_s < self._settings.session_timeout_s / 2:
            self._end(
                "Kafka gave the place of this worker to another one: two workers have --instance "
                f"{self._settings.instance}. Give each one of its own (--instance, "
                "UPNEXT_INSTANCE, or instance in upnext.toml), or none",
                EXIT_REFUSED,
            )
