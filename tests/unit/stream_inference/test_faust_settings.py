"""What Faust is told: by our settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_inference.faust_worker.app import faust_app
from tests.builders import WORKER_SETTINGS

if TYPE_CHECKING:
    import pytest


def test_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that Faust would read, some of which lose events, are without effect."""
    monkeypatch.setenv("CONSUMER_AUTO_OFFSET_RESET", "latest")
    monkeypatch.setenv("BROKER_URL", "kafka://elsewhere:1")
    monkeypatch.setenv("APP_WEB_ENABLED", "1")
    monkeypatch.setenv("PRODUCER_ACKS", "0")
    monkeypatch.setenv("APP_VERSION", "none")
    told = faust_app(WORKER_SETTINGS).conf
    assert told.consumer_auto_offset_reset == "earliest"
    assert [url.host for url in told.broker] == ["127.0.0.1"]
    assert told.web_enabled is False
    assert told.producer_acks == -1
