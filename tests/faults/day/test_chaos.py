"""A chaos that breaks nothing proves nothing, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import pytest

from tests.faults.day.chaos import Chaos, complaints
from tests.faults.day.chaos_ground import attempt
from tests.faults.day.checker import Counts
from tests.faults.day.commits import StepBack
from tests.faults.day.table import took_effect
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.faults.day.chaos_ground import Fault, Ground

GROUND: Final = cast("Ground", None)  # these faults don't look at it
RIGHT: Final = Counts(100, 0, 0, 0, 0, 3, 0, 1.5, 2.5)


def breaks(_: Ground) -> str:
    """Break something."""
    return took_effect("a proof", happened=True)


def misses(_: Ground) -> str:
    """Hit nothing."""
    return took_effect("no proof", happened=False)


def waits(_: Ground) -> str:
    """Wait for an effect that never comes."""
    return str(wait_until(lambda: "", 0.05, what="an effect"))


@pytest.mark.parametrize(
    ("play", "told", "happened"),
    [
        (breaks, "a proof", True),
        (misses, "NO EFFECT, misses: the fault took no effect: no proof", False),
        (waits, "NO EFFECT, waits: Waited 0.05 s in vain for: an effect", False),
    ],
)
def test_a_fault_without_effect_is_told(play: Fault, told: str, *, happened: bool) -> None:
    """Whether a fault misses, or waits in vain for its proof, the chaos goes on and says so."""
    assert attempt(play, GROUND) == (told, happened)


@pytest.mark.parametrize(
    ("played", "counts", "said"),
    [
        ([("breaks", True)], RIGHT, []),
        ([("breaks", True)], RIGHT._replace(lost=1), ["not exact"]),
        ([("breaks", True)], RIGHT._replace(steps_back=[StepBack(0, 9, 8)]), ["not exact"]),
        ([("breaks", True), ("misses", False)], RIGHT, ["without effect: misses"]),
    ],
)
def test_a_run_has_to_be_exact_and_its_faults_real(
    played: list[tuple[str, bool]], counts: Counts, said: list[str]
) -> None:
    """A run is complained of for what it counted, and for each fault that took no effect."""
    chaos = Chaos(GROUND, [])
    chaos.played = played
    assert complaints(chaos, counts) == said
