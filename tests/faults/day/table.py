"""Rows of the fault table: how each is described, run, and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from deploy.embedded.kafka.server import EmbeddedKafka
from tests.faults.day.checker import with_steps_back
from tests.faults.day.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.day.checker import Counts
    from tests.integration.world import World

    Play = Callable[[Stage], "Outcome"]


class NoEffectError(AssertionError):
    """The fault did not take effect, so the run proves nothing."""


class Outcome(NamedTuple):
    """What one run of a row came to.

    Attributes
    ----------
    counts
        By the checker.
    proof
        What shows that the fault took effect, with figures; see `took_effect`.
    """

    counts: Counts
    proof: str


class Row(NamedTuple):
    """One row of the table.

    Attributes
    ----------
    name, promise
        What is broken, and what is promised nevertheless.
    how
        How it is injected.
    play
        Breaks it on a stage.
    runs
        How often `make faults` runs it.
    partitions
        Of its topic of events.
    quick
        Whether `make test` runs it too, once.
    own_broker
        Whether it needs a broker for itself, because it breaks it.
    control
        For a worker without a safeguard, the count by which the checker must complain:
        ``lost``, ``doubled`` or ``differing``. Otherwise it can't see.
    """

    name: str
    promise: str
    how: str
    play: Play
    runs: int = 3
    partitions: int = 4
    quick: bool = False
    own_broker: bool = False
    control: str = ""

    def run(self, kafka: EmbeddedKafka | None, world: World, folder: Path) -> Outcome:
        """Set a stage, break it, and count.

        Parameters
        ----------
        kafka
            A shared broker; None for one of its own.
        """
        if kafka is None:
            with EmbeddedKafka(keep_in=folder / "kafka") as own:
                return self.run(own, world, folder / "stage")
        folder.mkdir(parents=True, exist_ok=True)
        with Stage(kafka, world, folder, self.partitions) as stage:
            outcome = self.play(stage)
            return outcome._replace(counts=with_steps_back(stage, outcome.counts))

    def is_held(self, outcome: Outcome) -> bool:
        """Whether a run went as the row promises."""
        if self.control:
            return bool(getattr(outcome.counts, self.control))
        return outcome.counts.is_exact


ROWS: Final[list[Row]] = []


def row(
    name: str,
    *,
    promise: str,
    how: str,
    **more: Any,  # noqa: ANN401 - checked by `Row` itself
) -> Callable[[Play], Play]:
    """Enter a function into the table; `more` are fields of `Row`."""

    def entered(play: Play) -> Play:
        ROWS.append(Row(name, promise, how, play, **more))
        return play

    return entered


def took_effect(proof: str, *, happened: bool) -> str:
    """Give the proof, if the fault did happen.

    Raises
    ------
    NoEffectError
        If it didn't.
    """
    if not happened:
        raise NoEffectError(f"the fault took no effect: {proof}")
    return proof
