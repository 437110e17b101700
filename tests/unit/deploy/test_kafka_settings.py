"""How Kafka is reached: settings that go together, and a password that nobody gets to see."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from deploy.cli.day import worker
from deploy.settings import load_settings
from deploy.settings.sources import SettingsError
from stream_inference.kafka_security import NO_SECURITY, KafkaSecurity

pytestmark = pytest.mark.usefixtures("folder")

SASL = {"kafka_security": "SASL_SSL", "kafka_username": "ada", "kafka_password": "secret-word"}


def test_nothing_by_default() -> None:
    """Without settings the connection is a plain one."""
    assert load_settings({}).security() == NO_SECURITY


def test_all_are_handed_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables and the file say how Kafka is reached; one file may hold certificate and key."""
    (folder / "own.pem").touch()
    (folder / "upnext.toml").write_text('kafka_password = "secret-word"\n')
    for name, value in {
        "SECURITY": "SASL_SSL",
        "CA": "own.pem",
        "CERTIFICATE": "own.pem",
        "SASL_MECHANISM": "SCRAM-SHA-256",
        "USERNAME": "ada",
    }.items():
        monkeypatch.setenv(f"UPNEXT_KAFKA_{name}", value)
    own = Path("own.pem")
    assert load_settings({}).worker().security == KafkaSecurity(
        protocol="SASL_SSL",
        ca=own,
        certificate=own,
        key=own,
        mechanism="SCRAM-SHA-256",
        username="ada",
        password="secret-word",  # noqa: S106 - it opens nothing
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("kafka", ""),
        ("kafka", "a:1,,b:2"),
        ("events_topic", ""),
        ("events_topic", "up next"),
        ("dead_letters_topic", "dead/letters"),
        ("dead_letters_topic", "x" * 250),
        ("dead_letters_topic", load_settings({}).events_topic),
    ],
)
def test_names_that_kafka_does_not_take(setting: str, value: str) -> None:
    """No server, and a topic that can't be, are mistakes in the settings, with their name."""
    with pytest.raises(SettingsError, match=setting):
        load_settings({setting: value})


def test_password_is_not_shown() -> None:
    """The password has no flag, which others on the machine could read, and is never printed."""
    settings = load_settings(SASL)
    assert settings.security().password == SASL["kafka_password"]
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.worker()}"
    assert "ada" in shown
    assert "secret-word" not in shown
    flags = inspect.signature(worker).parameters
    assert "kafka_username" in flags
    assert "kafka_password" not in flags


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kafka_security": "SASL_SSL"}, "needs kafka_username and kafka_password"),
        (SASL | {"kafka_password": None}, "needs kafka_password"),
        (SASL | {"kafka_security": "SSL"}, "SSL does not use kafka_username, kafka_password"),
        ({"kafka_ca": "ca.pem"}, "PLAINTEXT does not use kafka_ca"),
        ({"kafka_security": "SSL", "kafka_key": "key.pem"}, "kafka_key needs kafka_certificate"),
        ({"kafka_security": "TLS"}, "kafka_security: Input should be 'PLAINTEXT', 'SSL'"),
        (SASL | {"kafka_sasl_mechanism": "GSSAPI"}, "kafka_sasl_mechanism: Input should be"),
    ],
)
def test_what_does_not_go_together(given: dict[str, str], said: str) -> None:
    """What is lacking, and what would not be used, is refused by name, without the password."""
    with pytest.raises(SettingsError) as caught:
        load_settings(given)
    assert said in str(caught.value)
    assert "secret-word" not in str(caught.value)


def test_missing_file_is_named() -> None:
    """A file that is not there is told with its setting."""
    settings = load_settings({"kafka_security": "SSL", "kafka_ca": "gone.pem"})
    with pytest.raises(SettingsError, match=r"kafka_ca names gone\.pem"):
        settings.security()
