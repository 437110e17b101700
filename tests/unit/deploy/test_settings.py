"""Settings: where they come from, in which order, and what is said of bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_training.merging.histories import merge_events
from batch_training.reading.load import LoadSettings
from batch_training.training.defaults import for_data
from data.interaction import EventLimits
from deploy.settings import load_settings
from deploy.settings.sources import SettingsError
from stream_inference.faust_worker.settings import WorkerSettings
from tests.builders import event
from tests.unit.nights import events_of

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("folder")


def test_flag_then_environment_then_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag beats a variable, a variable beats the file, the file beats the default."""
    (folder / "upnext.toml").write_text('kafka = "file:1"\ngroup = "file"\nfactors = 1\n')
    monkeypatch.setenv("UPNEXT_KAFKA", "variable:1")
    monkeypatch.setenv("UPNEXT_FACTORS", "2")
    settings = load_settings({"factors": 3, "kafka": None})
    assert (settings.factors, settings.kafka, settings.group) == (3, "variable:1", "file")
    assert settings.iterations is None


def test_file_may_lie_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """UPNEXT_CONFIG names another file, which then is the only one that is read."""
    (folder / "upnext.toml").write_text("factors = 1\n")
    (folder / "other.toml").write_text("iterations = 2\n")
    monkeypatch.setenv("UPNEXT_CONFIG", "other.toml")
    settings = load_settings({})
    assert (settings.factors, settings.iterations) == (None, 2)


def test_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that UPNEXT_CONFIG names and that isn't there is an error, never passed over."""
    monkeypatch.setenv("UPNEXT_CONFIG", "missing.toml")
    with pytest.raises(SettingsError, match=r"UPNEXT_CONFIG names missing\.toml"):
        load_settings({})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"redis_ulr = 'x'", "redis_ulr: "),
        (b"[night]\nfactors = 3", "night: "),
        (b"factors = 'many'", "factors: "),
        (b"factors = ", "upnext.toml"),
        (b"group = '\xff'", "upnext.toml"),
    ],
    ids=["unknown", "table", "bad value", "no TOML", "no UTF-8"],
)
def test_bad_file_is_named(folder: Path, content: bytes, named: str) -> None:
    """An error names the setting that is unknown or can't be used, and the file."""
    (folder / "upnext.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"upnext\.toml") as caught:
        load_settings({})
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis_prefix", ""),
        ("ttl_days", 0),
        ("ttl_days", float("inf")),
        ("ttl_days", 1e9),
        ("max_event_bytes", 0),
        ("earliest_ms", 0),
        ("ahead_ms", -1),
        ("factors", 0),
        ("iterations", 1.5),
        ("regularization", 0),
        ("regularization", float("inf")),
        ("alpha", -1),
        ("alpha", float("inf")),
        ("half_life", -1),
        ("half_life", float("nan")),
        ("half_life", float("inf")),
        ("prior_weight", 1_001),
        ("follow_weight", -1),
        ("follow_weight", 1_001),
        ("history_limit", 0),
        ("max_bad_share", 1.1),
        ("list_length", 0),
        ("session_timeout_s", float("inf")),
        ("poll_s", float("inf")),
    ],
)
def test_value_out_of_bounds_is_named(name: str, value: float | str) -> None:
    """What can't be used is refused here, by name, and not by a traceback later."""
    with pytest.raises(SettingsError, match=rf"\n  {name}: "):
        load_settings({name: value})


def test_all_faults_are_told_at_once() -> None:
    """Two bad settings make one error with two lines."""
    with pytest.raises(SettingsError) as caught:
        load_settings({"factors": 0, "poll_s": -1})
    assert str(caught.value).count("\n  ") == 2


def test_defaults_are_those_of_the_parts() -> None:
    """Without any setting the night, the reader and the worker get their own defaults."""
    settings = load_settings({})
    worker = settings.worker()
    histories = merge_events(events_of([event()]))
    assert settings.night().resolved(histories).train == for_data(histories)
    assert settings.load() == LoadSettings()
    assert settings.limits() == EventLimits()
    flat = load_settings({"half_life": 0.0}).night().resolved(histories)
    assert flat.train.confidence.half_life is None
    assert worker == WorkerSettings(
        kafka="127.0.0.1:9092",
        events_topic="upnext.events",
        dead_letters_topic="upnext.dead-letters",
        group="upnext",
        redis_url="redis://127.0.0.1:6379/0",
        redis_prefix="upnext",
    )
