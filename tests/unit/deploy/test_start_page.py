"""A start that waits says so once in full, and then now and then."""

from __future__ import annotations

import itertools

import pytest

from data.redis_connection import RedisSetupError
from deploy import start_page
from deploy.kafka import KafkaUnavailableError


def test_waiting_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same fault is told in full once, whatever times it holds; a new one again."""
    monkeypatch.setattr(start_page, "_AGAIN_S", 0.001)
    looks = itertools.count(1)

    def look() -> None:
        number = next(looks)
        if number < 10:
            raise KafkaUnavailableError(f"nobody there (after {number} ms).")
        if number < 20:
            raise KafkaUnavailableError("no topic.")

    start_page.Patience(60).wait_for(look)
    told = [message.partition(" Waiting")[0] for message in caplog.messages]
    assert told == ["nobody there (after 1 ms).", "no topic."]


def test_reminders(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that stays is brought to mind again, in a few words."""
    monkeypatch.setattr(start_page, "_AGAIN_S", 0.001)
    monkeypatch.setattr(start_page, "_REMIND_S", 0.0)
    faults = [KafkaUnavailableError("away."), KafkaUnavailableError("away.")]

    def look() -> None:
        if faults:
            raise faults.pop()

    start_page.Patience(60).wait_for(look)
    assert [message.partition(",")[0] for message in caplog.messages] == [
        "away. Waiting for it",
        "still waiting for it",
    ]


def test_what_waiting_does_not_help_ends_at_once() -> None:
    """A wrong password is not waited for."""

    def look() -> None:
        raise RedisSetupError

    with pytest.raises(RedisSetupError):
        start_page.Patience(60).wait_for(look)
