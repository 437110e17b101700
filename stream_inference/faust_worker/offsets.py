"""Where a group goes on: its committed offsets, read and written at the right moment only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.consumer.fetcher import OffsetResetStrategy
from aiokafka.errors import IllegalGenerationError, IllegalStateError

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer


def commit_as_a_member(coordinator: Any, app: Any) -> None:  # noqa: ANN401 - neither has types
    """Let a consumer commit only what it has by its present place in the group.

    aiokafka tries a commit again for as long as it takes, also after the group has dropped this
    member. Kafka takes one without a member where the group is empty, and any one of a member:
    what another worker has committed meanwhile would be undone.
    """
    commit = coordinator._do_commit_offsets  # noqa: SLF001 - there is no public way

    async def guarded(assignment: Any, offsets: Any) -> None:  # noqa: ANN401 - as above
        if not assignment.active or coordinator.generation != app.consumer_generation_id:
            raise IllegalGenerationError(coordinator.group_id)
        await commit(assignment, offsets)

    coordinator._do_commit_offsets = guarded  # noqa: SLF001 - as above


async def go_back(consumer: AIOKafkaConsumer) -> dict[Any, int | None]:
    """Go back to what is committed, and where nothing is to the beginning; gives the former.

    aiokafka's own way leaves a partition where it is as long as nothing is committed, so its
    first events would be lost. And it goes back with one partition after the other, while a fetch
    may take what comes of the first.

    Raises
    ------
    IllegalStateError
        If the next rebalance has given other partitions meanwhile: it goes back by itself.
    """
    assignment = consumer._subscription.subscription.assignment  # noqa: SLF001 - there is no public way
    committed = {tp: await consumer.committed(tp) for tp in assignment.tps}
    if not assignment.active:  # Faust takes this for what it is
        raise IllegalStateError("another rebalance is over")
    for tp, offset in committed.items():  # from here on nothing comes between
        if offset:
            consumer.seek(tp, offset)
        else:  # asked for beside fetching: its leader may be away, which is nobody else's matter
            consumer._fetcher.request_offset_reset([tp], OffsetResetStrategy.EARLIEST)  # noqa: SLF001 - as above
    return committed
