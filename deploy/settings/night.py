"""Settings of the night: how it trains, judges and publishes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from batch_training.training.flat import NAMES
from batch_training.training.settings import TrainSettings
from data.user_history import DEFAULT_LIMIT
from deploy.settings.shared import TimeSettings

if TYPE_CHECKING:
    from batch_training import night_settings
    from batch_training.reading.load import LoadSettings
    from batch_training.training.flat import Value

_TRAIN: Final = TrainSettings()


def _numbers(value: object) -> object:
    """Read numbers that a flag or a variable gives with commas between them."""
    return value.split(",") if isinstance(value, str) else value


Weight = Annotated[float, Field(ge=0, lt=math.inf)]
AddedWeight = Annotated[float, Field(ge=0, le=1_000)]
"""Where a video that a user surely wants scores 1: beside 1,000, the factors have no say."""


class ModelSettings(BaseModel):
    """What decides the model; the data decide what is not given here."""

    factors: Annotated[int | None, Field(gt=0, description="Latent factors of a video")] = None
    iterations: Annotated[
        int | None, Field(gt=0, description="Most rounds of alternating least squares")
    ] = None
    regularization: Annotated[
        float | None, Field(gt=0, lt=math.inf, description="Lambda of the factorisation")
    ] = None
    alpha: Annotated[
        float | None, Field(ge=0, lt=math.inf, description="Scale of all confidences")
    ] = None
    half_life: Annotated[
        float | None,
        Field(
            ge=0,
            lt=math.inf,
            description="Newer videos after which an older one counts half; 0 for never",
        ),
    ] = None


class SignalSettings(BaseModel):
    """What each thing that a user did says; the data decide what is not given here."""

    rating_weights: Annotated[
        tuple[Weight, Weight, Weight, Weight, Weight] | None,
        BeforeValidator(_numbers),
        NoDecode,
        Field(description="Weights of 1 to 5 stars, such as 0.2,0.4,0.7,1,1.3"),
    ] = None
    watch_weight: Annotated[Weight | None, Field(description="Weight of a whole watch")] = None
    watch_floor: Annotated[
        Weight | None, Field(description="Watch ratio below which a watch is a skip")
    ] = None
    watch_knee: Annotated[
        Weight | None, Field(description="Watch ratio from which more says no more")
    ] = None
    complete_weight: Annotated[Weight | None, Field(description="What a watch to the end adds")] = (
        None
    )
    duration_share: Annotated[
        float | None,
        Field(ge=0, le=1, description="How much a watch is compared with those of like duration"),
    ] = None
    like_weight: Annotated[Weight | None, Field(description="What a like adds")] = None
    share_weight: Annotated[Weight | None, Field(description="What a share adds")] = None
    dislike_weight: Annotated[
        Weight | None, Field(description="Weight of a dislike, against the video")
    ] = None
    hide_weight: Annotated[
        Weight | None, Field(description="Weight of a hide, against the video")
    ] = None
    skip_weight: Annotated[
        Weight | None, Field(description="Weight of a skip, against the video; 0 for none")
    ] = None


class AddedSettings(BaseModel):
    """What is added to the factors' scores; the data decide what is not given here."""

    prior_weight: Annotated[
        AddedWeight | None,
        Field(description="Of recent popularity, for the most viewed; 0 for none, at most 1,000"),
    ] = None
    prior_half_life_days: Annotated[
        Weight | None,
        Field(description="Days after which a view counts half; 0: as long as the newest tenth"),
    ] = None
    follow_weight: Annotated[
        AddedWeight | None,
        Field(description="Of what people watch soon after; 0 for none, at most 1,000"),
    ] = None
    follow_half_life: Annotated[
        float | None,
        Field(gt=0, lt=math.inf, description="Newer videos after which follow-ups count half"),
    ] = None
    follow_window: Annotated[
        int | None, Field(gt=0, description="Places after a video that count as soon")
    ] = None
    follow_width: Annotated[
        int | None, Field(gt=0, le=50, description="Follow-ups kept of a video, at most 50")
    ] = None
    follow_shrinkage: Annotated[
        Weight | None, Field(description="Added to how often a video was followed")
    ] = None
    follow_discount: Annotated[
        Weight | None, Field(description="Power of popularity by which follow-ups are divided")
    ] = None


class TrainingSettings(AddedSettings, SignalSettings, ModelSettings):
    """How a model is trained."""

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
    min_support: Annotated[
        int, Field(gt=0, description="Users who must have wanted a video for it to be learnt")
    ] = 1

    def given(self) -> dict[str, Value]:
        """Give what decides the training and was given, by flat name."""
        known = {name: getattr(self, name, None) for name in NAMES}
        return {name: value for name, value in known.items() if value is not None}

    def night(self) -> night_settings.NightSettings:
        """Hand the settings to the night."""
        from batch_training.night_settings import (  # noqa: PLC0415 - takes its time to import
            NightSettings,
        )

        return NightSettings(
            given=self.given(),
            min_support=self.min_support,
            history_limit=self.history_limit,
            seed=self.seed,
        )


class LookSettings(BaseModel):
    """How closely a fit is watched; a search looks in a way of its own."""

    check_every: Annotated[
        int,
        Field(ge=0, description="Iterations between looks at loss and quality; 0 for no look"),
    ] = _TRAIN.check_every


class StateSettings(BaseModel):
    """What nights leave behind on this machine."""

    state_folder: Annotated[
        str | None,
        Field(description="Folder for reports and exported models; ~/.local/state/upnext"),
    ] = None


class ReadSettings(TimeSettings):
    """How interactions are read."""

    max_bad_share: Annotated[
        float, Field(ge=0, le=1, description="Share of bad rows above which nothing is published")
    ] = 0.05

    def load(self) -> LoadSettings:
        """Hand the settings to the reader of interactions."""
        from batch_training.reading.load import LoadSettings  # noqa: PLC0415 - takes its time to import

        return LoadSettings(limits=self.limits(), max_bad_share=self.max_bad_share)


class SearchSettings(TrainingSettings, ReadSettings, StateSettings):
    """How a search reads, trains and judges."""

    max_events_a_day: Annotated[
        int, Field(ge=0, description="Users with more are left out as bots; 0 for no bound")
    ] = 0
    judged_share: Annotated[
        float, Field(gt=0, lt=1, description="Oldest share of events, not used for judging")
    ] = 0.9


class RefreshSettings(BaseModel):
    """Who gets a new list."""

    refresh_days: Annotated[
        float, Field(gt=0, description="Users seen so many days before the newest event get a list")
    ] = 30.0


class NightSettings(SearchSettings, LookSettings, RefreshSettings):
    """How the night reads, trains, judges and publishes."""

    max_fall: Annotated[
        float,
        Field(
            ge=0, le=1, description="Share by which data or quality may fall short of last night's"
        ),
    ] = 0.5
    window_events: Annotated[
        int, Field(gt=0, description="New events that suffice to judge the serving model itself")
    ] = 1_000
    gate_margin: Annotated[
        float, Field(ge=0, le=1, description="Share of the hit rate that a new model may lose")
    ] = 0.02
    max_lost: Annotated[
        float, Field(ge=0, le=1, description="Share of the served videos that may be lost")
    ] = 0.2
    keep_versions: Annotated[
        int, Field(gt=0, description="Versions kept in Redis and on disk beside those in use")
    ] = 5

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
