"""Clients of Kafka that say nothing by themselves, and the one error that tells what to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confluent_kafka.admin._metadata import ClusterMetadata

    from stream_inference.kafka_security import KafkaSecurity

_PATIENCE_S: Final = 5.0
_ASK_S: Final = 1.0
_POLL_S: Final = 0.02
_SIGN_IN: Final = KafkaError._AUTHENTICATION  # noqa: SLF001 - so confluent-kafka names it
_ALL_DOWN: Final = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - the same
_HOPELESS: Final = {_SIGN_IN, KafkaError._SSL}  # noqa: SLF001 - the same
"""Asking again does not help against these."""


class KafkaUnavailableError(RuntimeError):
    """Kafka can't be reached, or lacks a topic; the message says what to do."""


class KafkaSetupError(RuntimeError):
    """Kafka is set up so that we can't use it; the message says what to change."""


class Cluster(NamedTuple):
    """A Kafka that answers.

    Attributes
    ----------
    bootstrap
        Where it was asked.
    client
        For administration.
    brokers
        How many there are.
    partitions
        How many each topic has.
    manageable
        Whether it answers questions beyond that; the mock broker of the demo does not.
    """

    bootstrap: str
    client: AdminClient
    brokers: int
    partitions: dict[str, int]
    manageable: bool


def client_settings(bootstrap: str, security: KafkaSecurity) -> dict[str, Any]:
    """Put the address and the security into librdkafka's words, and switch its own log off."""
    named = {
        "security.protocol": security.protocol,
        "ssl.ca.location": security.ca,
        "ssl.certificate.location": security.certificate,
        "ssl.key.location": security.key,
        "sasl.mechanism": security.mechanism if security.sasl else None,
        "sasl.username": security.username,
        "sasl.password": security.password,
    }
    given = {name: str(value) for name, value in named.items() if value is not None}
    return {"bootstrap.servers": bootstrap, "log_level": 0, **given}


def connect(bootstrap: str, security: KafkaSecurity) -> Cluster:
    """Reach a broker, and ask it which topics there are.

    Raises
    ------
    KafkaUnavailableError
        If nobody answers.
    KafkaSetupError
        If the broker refuses us, or we refuse it, or a file is no certificate; with the settings
        to look at.
    """
    told: list[KafkaError] = []
    try:
        client = AdminClient(client_settings(bootstrap, security) | {"error_cb": told.append})
    except KafkaException as error:
        raise KafkaSetupError(
            f"Kafka's settings can't be used: {error.args[0].str()}. Look at kafka, kafka_ca, "
            "kafka_certificate and kafka_key."
        ) from error
    try:
        there = _ask(client, told)
    except KafkaException as error:
        told.append(error.args[0])
        raise _explained(bootstrap, told) from error
    partitions = {name: len(topic.partitions) for name, topic in there.topics.items()}
    manageable = there.controller_id in there.brokers
    return Cluster(bootstrap, client, len(there.brokers), partitions, manageable)


def _ask(client: AdminClient, told: list[KafkaError]) -> ClusterMetadata:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return client.list_topics(timeout=_ASK_S)
        except KafkaException:
            client.poll(0)  # which calls told.append
            hopeless = any(error.code() in _HOPELESS for error in told)
            if hopeless or time.monotonic() > deadline:
                raise


def wait_until_seen(client: AdminClient, topics: Iterable[str]) -> None:
    """Wait until the broker knows new topics: it answers that they are made before it does.

    Raises
    ------
    KafkaUnavailableError
        If that takes more than some seconds.
    """
    deadline, new = time.monotonic() + _PATIENCE_S, set(topics)
    while left := new - client.list_topics(timeout=_PATIENCE_S).topics.keys():
        if time.monotonic() > deadline:
            raise KafkaUnavailableError(f"Kafka took, and does not show: {', '.join(sorted(left))}")
        time.sleep(_POLL_S)


def _explained(bootstrap: str, told: list[KafkaError]) -> RuntimeError:
    # That all brokers are down is told as well, and never says why.
    why = min(told, key=lambda error: (error.code() not in _HOPELESS, error.code() == _ALL_DOWN))
    says = f"Kafka at {bootstrap} does not answer: {why.str()}."
    if why.code() == _SIGN_IN:
        return KafkaSetupError(
            f"{says} Look at kafka_username, kafka_password and kafka_sasl_mechanism, and at "
            "kafka_security: this listener may not ask for a password."
        )
    if "ssl" in why.str().lower():
        kind = KafkaSetupError if why.code() in _HOPELESS else KafkaUnavailableError
        return kind(
            f"{says} Look at kafka_ca if we do not trust the broker's certificate, at "
            "kafka_certificate and kafka_key if the broker does not trust ours, and at "
            "kafka_security if only one side speaks TLS."
        )
    return KafkaUnavailableError(
        f"{says} Start one there, or name another one with --kafka, UPNEXT_KAFKA, or kafka in "
        "upnext.toml. If it asks for TLS or SASL, look at kafka_security."
    )
