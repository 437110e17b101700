"""Settings of Kafka: where it is, its topics, and how it is reached."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from deploy.settings.sources import readable_file
from stream_inference.kafka_security import NO_SECURITY, KafkaSecurity, Mechanism, Protocol

_TLS: Final = ("kafka_ca", "kafka_certificate", "kafka_key")
_SERVERS: Final = r"^[^\s,]+( *, *[^\s,]+)*$"
_TOPIC: Final = r"^[a-zA-Z0-9._-]+$"  # what Kafka takes
_SASL: Final = ("kafka_username", "kafka_password")


class KafkaSettings(BaseModel):
    """Where events come from."""

    kafka: Annotated[
        str,
        Field(pattern=_SERVERS, description="Kafka's bootstrap servers, host:port[,host:port]"),
    ] = "127.0.0.1:9092"
    events_topic: Annotated[
        str, Field(pattern=_TOPIC, max_length=249, description="Topic of live events")
    ] = "upnext.events"
    kafka_security: Annotated[
        Protocol, Field(description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    ] = NO_SECURITY.protocol
    kafka_ca: Annotated[
        str | None, Field(description="PEM file of certificates to trust; else the system's")
    ] = None
    kafka_certificate: Annotated[
        str | None, Field(description="PEM file of the client's own certificate")
    ] = None
    kafka_key: Annotated[
        str | None, Field(description="PEM file of its key; else the certificate's file has both")
    ] = None
    kafka_sasl_mechanism: Annotated[
        Mechanism, Field(description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
    ] = NO_SECURITY.mechanism
    kafka_username: Annotated[str | None, Field(description="User name, with SASL")] = None
    kafka_password: Annotated[
        SecretStr | None, Field(description="Password, with SASL; a secret, so there is no flag")
    ] = None

    @model_validator(mode="after")
    def _security_is_whole(self) -> Self:
        """Refuse what would not be used: whoever gives it believes in a safety that isn't there."""
        given = [name for name in (*_TLS, *_SASL) if getattr(self, name) is not None]
        security = KafkaSecurity(protocol=self.kafka_security)
        unused = [n for n in given if not (security.tls if n in _TLS else security.sasl)]
        if unused:
            msg = f"kafka_security = {self.kafka_security} does not use {', '.join(unused)}"
            raise ValueError(msg)
        lacking = [name for name in _SASL if security.sasl and name not in given]
        if lacking:
            msg = f"kafka_security = {self.kafka_security} needs {' and '.join(lacking)}"
            raise ValueError(msg)
        if self.kafka_key and not self.kafka_certificate:
            raise ValueError("kafka_key needs kafka_certificate")
        return self

    def security(self) -> KafkaSecurity:
        """Hand on how Kafka is reached.

        Raises
        ------
        SettingsError
            If a file that is named can't be read.
        """
        ca, certificate, key = (readable_file(name, getattr(self, name)) for name in _TLS)
        return KafkaSecurity(
            protocol=self.kafka_security,
            ca=ca,
            certificate=certificate,
            key=key or certificate,
            mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_username,
            password=self.kafka_password.get_secret_value() if self.kafka_password else None,
        )


class TopicSettings(KafkaSettings):
    """Kafka, and where the events go that can't be used."""

    dead_letters_topic: Annotated[
        str,
        Field(pattern=_TOPIC, max_length=249, description="Topic of events that can't be used"),
    ] = "upnext.dead-letters"

    @model_validator(mode="after")
    def _topics_differ(self) -> Self:
        """Refuse dead letters among the events, which would come back for ever."""
        if self.events_topic == self.dead_letters_topic:
            raise ValueError("events_topic and dead_letters_topic must be two topics")
        return self
