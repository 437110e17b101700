"""What the tests of a whole night share: its settings, and a way to run it on given events."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from batch_training.night import Given, Night, run_night
from batch_training.night_report import NightReport
from batch_training.night_settings import NightSettings
from batch_training.progress import Stages
from batch_training.reading.spool import Spool
from batch_training.training.settings import TrainSettings
from data.catalogue import Catalogue
from data.confidence import ConfidenceParameters
from tests.builders import NOW_MS
from tests.unit.nights import Silent

if TYPE_CHECKING:
    from batch_training.events import Events

SETTINGS = NightSettings(
    train=TrainSettings(
        factors=8,
        iterations=4,
        regularization=5.0,
        threads=1,
        device="cpu",
        confidence=ConfidenceParameters(alpha=10.0),
    ),
    window_events=50,
)


class Heard(Silent):
    """A progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.steps: dict[str, tuple[int, int]] = {}

    def stage(self, name: str) -> None:
        """Note the name."""
        self.stages.append(name)

    def step(self, done: int, total: int) -> None:
        """Note the last step of each stage."""
        self.steps[self.stages[-1]] = (done, total)


def changed(**train: Any) -> NightSettings:  # noqa: ANN401 - any setting
    """Change settings of the training."""
    return msgspec.structs.replace(SETTINGS, train=msgspec.structs.replace(SETTINGS.train, **train))


def run(
    events: Events,
    settings: NightSettings = SETTINGS,
    stages: Stages | None = None,
    **more: Any,  # noqa: ANN401 - any field of Given
) -> tuple[Night, NightReport]:
    """Run a night on events; what it is given beside can be named."""
    report = NightReport(started_at=NOW_MS)
    with TemporaryDirectory() as folder:
        given = Given(Spool.of(events, Path(folder)), **({"catalogue": Catalogue()} | more))
        return run_night(given, settings, report, stages or Stages(Silent())), report
