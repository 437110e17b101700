"""All settings, each with its default: from flags, then UPNEXT_* variables, then upnext.toml."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from batch_training.train_settings import TrainSettings
from data.confidence import ConfidenceParameters
from data.defaults import DEFAULT_LENGTH, DEFAULT_TTL_S
from data.interaction import EventLimits
from data.user_history import DEFAULT_LIMIT
from deploy.settings_sources import SettingsError, refuse_unknown_variables, settings_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_training import night
    from batch_training.load import LoadSettings
    from stream_inference.faust_worker.settings import WorkerSettings

_DAY_S: Final = 86_400
_CONFIDENCE: Final = ConfidenceParameters()
_TRAIN: Final = TrainSettings()
_LIMITS: Final = EventLimits()


class RedisSettings(BaseModel):
    """Where models, histories and lists are kept."""

    redis_url: Annotated[str, Field(description="Redis or Valkey to use")] = (
        "redis://127.0.0.1:6379/0"
    )
    redis_prefix: Annotated[str, Field(min_length=1, description="First part of every key")] = (
        "upnext"
    )
    ttl_days: Annotated[
        float, Field(gt=0, le=36_500, description="Days a user is kept after the last event")
    ] = DEFAULT_TTL_S / _DAY_S


class ListSettings(BaseModel):
    """What a list looks like, whoever writes it."""

    list_length: Annotated[int, Field(gt=0, description="Videos in an up-next list")] = (
        DEFAULT_LENGTH
    )


class KafkaSettings(BaseModel):
    """Where events come from."""

    kafka: Annotated[str, Field(description="Kafka's bootstrap servers, host:port[,host:port]")] = (
        "127.0.0.1:9092"
    )
    events_topic: Annotated[str, Field(description="Topic of live events")] = "upnext.events"
    dead_letters_topic: Annotated[
        str, Field(description="Topic of events that could not be used")
    ] = "upnext.dead-letters"


class EventSettings(BaseModel):
    """Bounds beyond which an event is refused."""

    max_event_bytes: Annotated[int, Field(gt=0, description="Largest event, in bytes")] = (
        _LIMITS.max_bytes
    )
    earliest_ms: Annotated[int, Field(gt=0, description="Earliest event time, in ms UTC")] = (
        _LIMITS.earliest_ms
    )
    ahead_ms: Annotated[
        int, Field(ge=0, description="How far in the future an event may lie, in ms")
    ] = _LIMITS.ahead_ms

    def limits(self) -> EventLimits:
        """Hand the bounds to the ground floor."""
        return EventLimits(
            max_bytes=self.max_event_bytes, earliest_ms=self.earliest_ms, ahead_ms=self.ahead_ms
        )


class TrainingSettings(BaseModel):
    """How a model is trained."""

    factors: Annotated[int, Field(gt=0, description="Latent factors of a video")] = _TRAIN.factors
    iterations: Annotated[int, Field(gt=0, description="Rounds of alternating least squares")] = (
        _TRAIN.iterations
    )
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

    def night(self) -> night.NightSettings:
        """Hand the settings to the night."""
        from batch_training.night import NightSettings  # noqa: PLC0415 - takes its time to import

        train = TrainSettings(
            factors=self.factors,
            iterations=self.iterations,
            regularization=self.regularization,
            confidence=ConfidenceParameters(alpha=self.alpha, half_life=self.half_life or None),
            seed=self.seed,
            threads=self.threads,
        )
        return NightSettings(train=train, history_limit=self.history_limit)


class NightSettings(TrainingSettings, EventSettings):
    """How the night reads and trains."""

    max_bad_share: Annotated[
        float, Field(ge=0, le=1, description="Share of bad rows above which nothing is published")
    ] = 0.05

    def load(self) -> LoadSettings:
        """Hand the settings to the reader of interactions."""
        from batch_training.load import LoadSettings  # noqa: PLC0415 - takes its time to import

        return LoadSettings(limits=self.limits(), max_bad_share=self.max_bad_share, seed=self.seed)


class DaySettings(EventSettings, ListSettings):
    """How a worker serves."""

    group: Annotated[str, Field(description="Consumer group; its workers share the partitions")] = (
        "upnext"
    )
    instance: Annotated[
        str | None, Field(description="Static member id, for a fixed fleet of workers")
    ] = None
    max_batch: Annotated[int, Field(gt=0, description="Most events in one micro-batch")] = 256
    fetch_wait_ms: Annotated[
        int, Field(gt=0, description="How long the broker may hold a fetch, in ms")
    ] = 1500
    session_timeout_s: Annotated[
        float,
        Field(
            gt=0, lt=math.inf, description="Silence after which a worker loses its partitions, in s"
        ),
    ] = 10.0
    poll_s: Annotated[
        float, Field(gt=0, lt=math.inf, description="Seconds between looks at the model pointer")
    ] = 1.0


class Settings(RedisSettings, KafkaSettings, NightSettings, DaySettings, BaseSettings):
    """Everything; a command shows the groups that it uses."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="UPNEXT_", extra="forbid"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Ask the flags first, then the environment, then the file."""
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, settings_file()),
        )

    def worker(self) -> WorkerSettings:
        """Hand the settings to the worker."""
        from stream_inference.faust_worker.settings import (  # noqa: PLC0415 - as above
            WorkerSettings,
        )

        return WorkerSettings(
            kafka=self.kafka,
            events_topic=self.events_topic,
            dead_letters_topic=self.dead_letters_topic,
            group=self.group,
            instance=self.instance,
            redis_url=self.redis_url,
            redis_prefix=self.redis_prefix,
            ttl_s=self.ttl_s,
            list_length=self.list_length,
            max_batch=self.max_batch,
            fetch_wait_ms=self.fetch_wait_ms,
            session_timeout_s=self.session_timeout_s,
            poll_s=self.poll_s,
            limits=self.limits(),
        )

    @property
    def ttl_s(self) -> int:
        """How long a user is kept, in seconds."""
        return max(1, round(self.ttl_days * _DAY_S))


def load_settings(flags: Mapping[str, Any]) -> Settings:
    """Put the settings together; flags that are None were not given.

    Raises
    ------
    SettingsError
        If a value can't be used, or a name is unknown.
    """
    refuse_unknown_variables(Settings.model_fields)
    given = {name: value for name, value in flags.items() if value is not None}
    file = settings_file()
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        places = f"a flag, a UPNEXT_* variable or {file}"
        msg = f"Settings that can't be used (from {places}):\n  " + "\n  ".join(lines)
        raise SettingsError(msg) from error
    except (ValueError, OSError) as error:
        msg = f"Can't read {file}: {error}"
        raise SettingsError(msg) from error
