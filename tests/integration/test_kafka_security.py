"""A Kafka that asks who we are: worker and sender get in, and what is wrong is named."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from pydantic import SecretStr

from deploy.embedded.leash import Leashed
from deploy.embedded.redis_server import EmbeddedRedis
from deploy.kafka import EventSender, KafkaSetupError, KafkaUnavailableError, check_topics, client
from deploy.settings.kafka import TopicSettings
from stream_inference.kafka_security import NO_SECURITY, KafkaSecurity
from tests.builders import interaction
from tests.integration.guarded_kafka import PASSWORD, USER, GuardedKafka
from tests.integration.world import NOW_MS, PATIENCE_S, Stores
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.embedded.kafka import EmbeddedKafka
    from stream_inference.kafka_security import Mechanism


@pytest.fixture(scope="module")
def guarded(
    kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuardedKafka]:
    """Give the broker, where there can be one."""
    running = GuardedKafka.start(tmp_path_factory.mktemp("guarded"))
    with running.plain:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    """Give a Redis for the workers."""
    with EmbeddedRedis() as running:
        yield running


def tls(guarded: GuardedKafka) -> KafkaSecurity:
    """Trust the broker, and no more."""
    return KafkaSecurity(protocol="SSL", ca=guarded.folder / "ca.pem")


def mutual(guarded: GuardedKafka) -> KafkaSecurity:
    """Show a certificate, too."""
    own = guarded.folder / "client.pem"
    return replace(tls(guarded), certificate=own, key=own)


def signed(guarded: GuardedKafka, mechanism: Mechanism = "PLAIN") -> KafkaSecurity:
    """Give a name and a password through TLS."""
    named = replace(tls(guarded), protocol="SASL_SSL", username=USER, password=PASSWORD)
    return replace(named, mechanism=mechanism)


OPEN = KafkaSecurity(protocol="SASL_PLAINTEXT", username=USER, password=PASSWORD)


def test_every_way_in(guarded: GuardedKafka) -> None:
    """With the right settings each listener lets us in."""
    scram = signed(guarded, "SCRAM-SHA-512")
    ways = [("TLS", tls(guarded)), ("MUTUAL", mutual(guarded)), ("OPEN", OPEN)]
    for listener, security in [*ways, ("SIGNED", signed(guarded)), ("SIGNED", scram)]:
        client.connect(guarded.at[listener], security)


def test_what_is_wrong_is_named(guarded: GuardedKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal by either side ends soon, names the setting to look at, and keeps the password."""
    wrong = replace(signed(guarded), password="guess")  # noqa: S106 - it opens nothing
    stranger = replace(tls(guarded), ca=guarded.folder / "other-ca.pem")
    nothing = replace(tls(guarded), ca=guarded.folder / "nothing.pem")
    cases = [
        ("SIGNED", wrong, KafkaSetupError, "kafka_password"),
        ("SIGNED", replace(wrong, mechanism="SCRAM-SHA-512"), KafkaSetupError, "kafka_password"),
        ("SIGNED", signed(guarded, "SCRAM-SHA-256"), KafkaSetupError, "kafka_sasl_mechanism"),
        ("TLS", signed(guarded), KafkaSetupError, "kafka_security"),
        ("TLS", stranger, KafkaSetupError, "kafka_ca"),
        ("TLS", nothing, KafkaSetupError, "kafka_ca"),
        ("MUTUAL", tls(guarded), KafkaUnavailableError, "kafka_certificate"),
        ("TLS", NO_SECURITY, KafkaUnavailableError, "kafka_security"),
        ("OPEN", NO_SECURITY, KafkaUnavailableError, "kafka_security"),
    ]
    for listener, security, kind, named in cases:
        if kind is KafkaUnavailableError:  # nothing is told, so patience runs out
            monkeypatch.setattr(client, "_PATIENCE_S", 0.2)
        with pytest.raises(kind, match=named) as caught:
            client.connect(guarded.at[listener], security)
        assert "guess" not in str(caught.value)
        assert PASSWORD not in str(caught.value)


def variables(security: KafkaSecurity) -> dict[str, str]:
    """Put a security into the words of the settings; ours, if any, are left out."""
    named = {
        "security": security.protocol,
        "ca": security.ca,
        "certificate": security.certificate,
        "sasl_mechanism": security.mechanism,
        "username": security.username,
        "password": security.password,
    }
    given = {f"UPNEXT_KAFKA_{k.upper()}": str(v) for k, v in named.items() if v is not None}
    return {k: v for k, v in os.environ.items() if not k.startswith("UPNEXT_")} | given


@pytest.mark.slow
@pytest.mark.parametrize("listener", ["MUTUAL", "SIGNED"])
def test_worker_gets_in(
    guarded: GuardedKafka, server: EmbeddedRedis, tmp_path: Path, listener: str
) -> None:
    """What is sent through a guarded listener is consumed, what is no event is a dead letter."""
    security = mutual(guarded) if listener == "MUTUAL" else signed(guarded, "SCRAM-SHA-512")
    events, dead, user = f"events.{listener}", f"dead.{listener}", f"user-{listener}"
    guarded.plain.create_topics({events: 1, dead: 1})
    if listener == "SIGNED":  # what a worker needs, and not more; WRITE on the events is for us
        allow_only(guarded, ResourceType.TOPIC, events, "READ", "WRITE")
        allow_only(guarded, ResourceType.TOPIC, dead, "WRITE")
        allow_only(guarded, ResourceType.GROUP, f"group.{listener}", "READ")
    environment = variables(security) | {
        "UPNEXT_KAFKA": guarded.at[listener],
        "UPNEXT_EVENTS_TOPIC": events,
        "UPNEXT_DEAD_LETTERS_TOPIC": dead,
        "UPNEXT_REDIS_URL": server.url,
        "UPNEXT_GROUP": f"group.{listener}",
    }
    event = {"user": user, "video": "v1", "kind": "like", "at": NOW_MS}
    with EventSender(guarded.at[listener], events, security) as sender:
        sender.send(interaction(event))
        sender.send_bytes(b"no event")
    stores = Stores.at(server.url)
    command = [sys.executable, "-m", "deploy.cli", "worker"]
    with Leashed(command, log=tmp_path / "log", env=environment, grace=5) as worker:

        def worked() -> bool:
            assert worker.poll() is None, worker.log_tail()
            (stored,) = stores.users.read_many([user])
            return len(stored.history) == end_of(guarded, dead) == 1

        wait_until(worked, PATIENCE_S, poll=0.1)
    stores.client.close()
    assert PASSWORD not in (tmp_path / "log").read_text()


def end_of(guarded: GuardedKafka, topic: str) -> int:
    """Count what was ever written to the only partition of a topic."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": guarded.plain.bootstrap, "group.id": "end", "log_level": 0}
    )
    try:
        place = confluent_kafka.TopicPartition(topic, 0)
        return int(consumer.get_watermark_offsets(place, 10)[1])
    finally:
        consumer.close()


def test_settings_may_be_hidden(guarded: GuardedKafka, caplog: pytest.LogCaptureFixture) -> None:
    """Where we may not see a topic's settings, a line says so, and the worker may start."""
    guarded.plain.create_topics({"hidden.events": 2, "hidden.dead": 1})
    allow_only(guarded, ResourceType.TOPIC, "hidden.events", "READ")
    allow_only(guarded, ResourceType.TOPIC, "hidden.dead", "WRITE")
    names = TopicSettings(
        kafka=guarded.at["SIGNED"],
        events_topic="hidden.events",
        dead_letters_topic="hidden.dead",
        kafka_security="SASL_SSL",
        kafka_ca=str(guarded.folder / "ca.pem"),
        kafka_username=USER,
        kafka_password=SecretStr(PASSWORD),
    )
    found = check_topics(names, 1000)
    assert [(each.partitions, each.settings) for each in found] == [(2, {}), (1, {})]
    assert len(caplog.messages) == 2
    assert all("go unchecked" in line and "authorization" in line for line in caplog.messages)


def allow_only(guarded: GuardedKafka, kind: ResourceType, name: str, *rights: str) -> None:
    """Give the user these rights on something, and nobody else any."""
    admin = AdminClient({"bootstrap.servers": guarded.plain.bootstrap, "log_level": 0})
    who, literal, yes = f"User:{USER}", ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    allowed = [
        AclBinding(kind, name, literal, who, "*", AclOperation[right], yes) for right in rights
    ]
    for done in admin.create_acls(allowed).values():
        done.result(10)
