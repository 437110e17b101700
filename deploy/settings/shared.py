"""Settings that night and day share: Redis, the lists, and which events are taken."""

from __future__ import annotations

from typing import Annotated, Final, Self
from urllib.parse import urlencode

from pydantic import BaseModel, Field, model_validator

from data.defaults import DEFAULT_LENGTH, DEFAULT_TTL_S
from data.interaction import EventLimits
from deploy.settings.sources import readable_file

DAY_S: Final = 86_400
_LIMITS: Final = EventLimits()


class RedisSettings(BaseModel):
    """Where models, histories and lists are kept."""

    redis_url: Annotated[str, Field(description="Redis or Valkey to use")] = (
        "redis://127.0.0.1:6379/0"
    )
    redis_ca: Annotated[
        str | None, Field(description="File of the CA that Redis's certificate is from (rediss://)")
    ] = None
    redis_certificate: Annotated[
        str | None, Field(description="File of the certificate that is shown to Redis")
    ] = None
    redis_key: Annotated[str | None, Field(description="File of that certificate's key")] = None
    redis_prefix: Annotated[str, Field(min_length=1, description="First part of every key")] = (
        "upnext"
    )

    @model_validator(mode="after")
    def _files_stand_in_the_url(self) -> Self:
        """Put the files of TLS into the URL, so that whoever connects needs to know no more."""
        files = {
            "ssl_ca_certs": readable_file("redis_ca", self.redis_ca),
            "ssl_certfile": readable_file("redis_certificate", self.redis_certificate),
            "ssl_keyfile": readable_file("redis_key", self.redis_key),
        }
        given = {
            name: str(file) for name, file in files.items() if file and name not in self.redis_url
        }
        if given and not self.redis_url.startswith("rediss://"):
            msg = "redis_ca, redis_certificate and redis_key are for a redis_url of rediss://..."
            raise ValueError(msg)
        if given:
            self.redis_url += ("&" if "?" in self.redis_url else "?") + urlencode(given)
        return self


class ListSettings(BaseModel):
    """What a list looks like, and how long it is kept, whoever writes it."""

    list_length: Annotated[int, Field(gt=0, description="Videos in an up-next list")] = (
        DEFAULT_LENGTH
    )
    ttl_days: Annotated[
        float, Field(gt=0, le=36_500, description="Days a user is kept after the last event")
    ] = DEFAULT_TTL_S / DAY_S

    @property
    def ttl_s(self) -> int:
        """How long a user is kept, in seconds."""
        return max(1, round(self.ttl_days * DAY_S))


class SizeSettings(BaseModel):
    """How large an event may be."""

    max_event_bytes: Annotated[int, Field(gt=0, description="Largest event, in bytes")] = (
        _LIMITS.max_bytes
    )


class TimeSettings(BaseModel):
    """Bounds of time beyond which an event is refused, live or in a file."""

    earliest_ms: Annotated[int, Field(gt=0, description="Earliest event time, in ms UTC")] = (
        _LIMITS.earliest_ms
    )
    ahead_ms: Annotated[
        int, Field(ge=0, description="How far in the future an event may lie, in ms")
    ] = _LIMITS.ahead_ms

    def limits(self) -> EventLimits:
        """Hand the bounds to the ground floor."""
        return EventLimits(earliest_ms=self.earliest_ms, ahead_ms=self.ahead_ms)


class EventSettings(SizeSettings, TimeSettings):
    """Bounds beyond which a live event is refused."""

    def limits(self) -> EventLimits:
        """Hand the bounds to the ground floor."""
        return EventLimits(
            max_bytes=self.max_event_bytes, earliest_ms=self.earliest_ms, ahead_ms=self.ahead_ms
        )
