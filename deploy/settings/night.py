"""Settings of the night: how it trains, judges and publishes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, Field

from batch_training.training.settings import TrainSettings
from data.confidence import ConfidenceParameters
from data.user_history import DEFAULT_LIMIT
from deploy.settings.shared import EventSettings

if TYPE_CHECKING:
    from batch_training import night_settings
    from batch_training.reading.load import LoadSettings

_CONFIDENCE: Final = ConfidenceParameters()
_TRAIN: Final = TrainSettings()


class TrainingSettings(BaseModel):
    """How a model is trained."""

    factors: Annotated[int, Field(gt=0, description="Latent factors of a video")] = _TRAIN.factors
    iterations: Annotated[
        int, Field(gt=0, description="Most rounds of alternating least squares")
    ] = _TRAIN.iterations
    regularization: Annotated[
        float, Field(gt=0, lt=math.inf, description="Lambda of the factorisation")
    ] = _TRAIN.regularization
    alpha: Annotated[float, Field(ge=0, lt=math.inf, description="Scale of all confidences")] = (
        _CONFIDENCE.alpha
    )
    half_life: Annotated[
        float,
        Field(
            ge=0,
            lt=math.inf,
            description="Newer videos after which an older one counts half; 0 for never",
        ),
    ] = _CONFIDENCE.half_life or 0.0
    history_limit: Annotated[int, Field(gt=0, description="Videos kept of each user")] = (
        DEFAULT_LIMIT
    )
    seed: Annotated[int, Field(ge=0, description="Seed of everything random")] = _TRAIN.seed
    threads: Annotated[int, Field(ge=0, description="Training threads; 0 takes all cores")] = (
        _TRAIN.threads
    )
    device: Annotated[
        Literal["auto", "cpu", "gpu"], Field(description="Where to train: auto, cpu or gpu")
    ] = _TRAIN.device
    check_every: Annotated[
        int,
        Field(ge=0, description="Iterations between looks at loss and quality; 0 for no look"),
    ] = _TRAIN.check_every
    min_support: Annotated[
        int, Field(gt=0, description="Users who must have wanted a video for it to be learnt")
    ] = 1

    def night(self) -> night_settings.NightSettings:
        """Hand the settings to the night."""
        from batch_training.night_settings import (  # noqa: PLC0415 - takes its time to import
            NightSettings,
        )

        train = TrainSettings(
            factors=self.factors,
            iterations=self.iterations,
            regularization=self.regularization,
            confidence=ConfidenceParameters(alpha=self.alpha, half_life=self.half_life or None),
            seed=self.seed,
            threads=self.threads,
            device=self.device,
            check_every=self.check_every,
        )
        return NightSettings(
            train=train,
            min_support=self.min_support,
            history_limit=self.history_limit,
            seed=self.seed,
        )


class StateSettings(BaseModel):
    """What nights leave behind on this machine."""

    state_folder: Annotated[
        str | None,
        Field(description="Folder for reports and exported models; ~/.local/state/upnext"),
    ] = None


class NightSettings(TrainingSettings, EventSettings, StateSettings):
    """How the night reads, judges and publishes."""

    max_bad_share: Annotated[
        float, Field(ge=0, le=1, description="Share of bad rows above which nothing is published")
    ] = 0.05
    max_fall: Annotated[
        float,
        Field(
            ge=0, le=1, description="Share by which data or quality may fall short of last night's"
        ),
    ] = 0.5
    max_events_a_day: Annotated[
        int, Field(ge=0, description="Users with more are left out as bots; 0 for no bound")
    ] = 0
    judged_share: Annotated[
        float, Field(gt=0, lt=1, description="Oldest share of events, not used for judging")
    ] = 0.9
    window_events: Annotated[
        int, Field(gt=0, description="New events that suffice to judge the serving model itself")
    ] = 1_000
    gate_margin: Annotated[
        float, Field(ge=0, le=1, description="Share of the hit rate that a new model may lose")
    ] = 0.02
    max_lost: Annotated[
        float, Field(ge=0, le=1, description="Share of the served videos that may be lost")
    ] = 0.2
    refresh_days: Annotated[
        float, Field(gt=0, description="Users seen so many days before the newest event get a list")
    ] = 30.0
    keep_versions: Annotated[
        int, Field(gt=0, description="Versions kept in Redis and on disk beside those in use")
    ] = 5

    def load(self) -> LoadSettings:
        """Hand the settings to the reader of interactions."""
        from batch_training.reading.load import LoadSettings  # noqa: PLC0415 - takes its time to import

        return LoadSettings(limits=self.limits(), max_bad_share=self.max_bad_share)

    def night(self) -> night_settings.NightSettings:
        """Hand the settings to the night."""
        import msgspec  # noqa: PLC0415 - as the import below

        from batch_training.judging.gate import GateSettings  # noqa: PLC0415 - takes its time to import

        return msgspec.structs.replace(
            super().night(),
            judged_share=self.judged_share,
            window_events=self.window_events,
            gate=GateSettings(
                margin=self.gate_margin, max_lost=self.max_lost, max_fall=self.max_fall
            ),
        )
