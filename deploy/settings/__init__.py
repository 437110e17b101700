"""All settings, each with its default.

They come from flags, then UPNEXT_* variables, then upnext.toml, then what a search has found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from batch_training.training.flat import with_values
from batch_training.training.settings import TrainSettings
from deploy.settings.day import DaySettings
from deploy.settings.kafka import KafkaSettings, TopicSettings
from deploy.settings.night import (
    AddedSettings,
    LookSettings,
    ModelSettings,
    NightSettings,
    ReadSettings,
    RefreshSettings,
    SearchSettings,
    SignalSettings,
    StateSettings,
    TrainingSettings,
)
from deploy.settings.shared import EventSettings, ListSettings, RedisSettings, SizeSettings
from deploy.settings.sources import (
    SettingsError,
    places_of,
    refuse_unknown_variables,
    settings_file,
    tuned,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_inference.faust_worker.settings import WorkerSettings

__all__ = [
    "DaySettings",
    "EventSettings",
    "KafkaSettings",
    "ListSettings",
    "LookSettings",
    "NightSettings",
    "ReadSettings",
    "RedisSettings",
    "RefreshSettings",
    "SearchSettings",
    "Settings",
    "SizeSettings",
    "StateSettings",
    "TopicSettings",
    "TrainingSettings",
    "TunedSettings",
    "load_settings",
]
_WEEK_DAYS: Final = 7
_M = TypeVar("_M", bound=BaseModel)


class TunedSettings(ModelSettings, SignalSettings, AddedSettings):
    """What a search finds; it stands in tuned.toml."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class Settings(RedisSettings, TopicSettings, NightSettings, DaySettings, BaseSettings):
    """Everything; a command shows the groups that it uses."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="UPNEXT_", extra="forbid"
    )

    @model_validator(mode="after")
    def _returning_users_are_known(self) -> Self:
        """Refuse a history that would end before the refresh has done with its user."""
        if self.ttl_days < self.refresh_days + _WEEK_DAYS:
            msg = (
                f"ttl_days = {self.ttl_days:g} must be at least a week more than refresh_days = "
                f"{self.refresh_days:g}, so that nobody who gets a list is half forgotten"
            )
            raise ValueError(msg)
        return self

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
        from stream_inference.faust_worker.settings import (  # noqa: PLC0415 - takes its time
            WorkerSettings,
        )

        return WorkerSettings(
            kafka=self.kafka,
            security=self.security(),
            events_topic=self.events_topic,
            dead_letters_topic=self.dead_letters_topic,
            group=self.group,
            instance=self.instance,
            redis_url=self.redis_url,
            redis_prefix=self.redis_prefix,
            ttl_s=self.ttl_s,
            list_length=self.list_length,
            max_batch=self.max_batch,
            max_batch_ms=self.max_batch_ms,
            fetch_wait_ms=self.fetch_wait_ms,
            session_timeout_s=self.session_timeout_s,
            poll_s=self.poll_s,
            limits=self.limits(),
            metrics_host=self.metrics_host,
            metrics_port=self.metrics_port,
        )


def load_settings(flags: Mapping[str, Any], *, with_tuned: bool = True) -> Settings:
    """Put the settings together; flags that are None were not given.

    Parameters
    ----------
    with_tuned
        Whether what a search has found counts where nothing else is given.

    Raises
    ------
    SettingsError
        If a value can't be used, or a name is unknown.
    """
    refuse_unknown_variables(Settings.model_fields)
    given = {name: value for name, value in flags.items() if value is not None}
    settings = _made(Settings, given, f"a flag, a UPNEXT_* variable or {settings_file()}")
    places = places_of(given, settings.model_fields_set)
    if with_tuned:
        file, values = tuned()
        found = _made(TunedSettings, values, str(file)).model_dump(include=set(values))
        lacking = {name: found[name] for name in found.keys() - settings.model_fields_set}
        settings = settings.model_copy(update=lacking)
        places |= dict.fromkeys(lacking, f"from {file}")
    try:
        with_values(TrainSettings(), settings.given())
    except ValueError as error:
        named = [
            name for name in TunedSettings.model_fields if re.search(rf"\b{name}\b", str(error))
        ]
        where = ", ".join(f"{name} is {places.get(name, 'the default')}" for name in named)
        msg = f"Settings that don't go together:\n  {error} ({where})"
        raise SettingsError(msg) from error
    return settings


def _made(kind: type[_M], values: Mapping[str, Any], places: str) -> _M:
    """Check values, and say of bad ones where they may come from."""
    try:
        return kind(**values)
    except ValidationError as error:
        named = ((".".join(map(str, e["loc"])) or "together", e["msg"]) for e in error.errors())
        lines = [f"{name}: {what}" for name, what in named]
        msg = f"Settings that can't be used (from {places}):\n  " + "\n  ".join(lines)
        raise SettingsError(msg) from error
    except (ValueError, OSError) as error:
        msg = f"Can't read {settings_file()}: {error}"
        raise SettingsError(msg) from error
