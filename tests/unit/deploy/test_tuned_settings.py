"""The file of a search as the lowest layer of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_training.training.flat import NAMES, flat_values, with_values
from batch_training.training.settings import TrainSettings
from deploy.settings import LookSettings, TrainingSettings, TunedSettings, load_settings
from deploy.settings.sources import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("folder")


def test_tuned_is_the_lowest_layer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag, a variable and upnext.toml each beat tuned.toml, which beats the data."""
    (folder / "tuned.toml").write_text(
        "factors = 1\niterations = 1\nalpha = 1\nhalf_life = 1\nrating_weights = [1, 2, 3, 4, 5]\n"
    )
    (folder / "upnext.toml").write_text("iterations = 2\nalpha = 2\n")
    monkeypatch.setenv("UPNEXT_ALPHA", "3")
    found = load_settings({"factors": 4})
    assert (found.factors, found.iterations, found.alpha, found.half_life) == (4, 2, 3, 1)
    assert found.model_dump()["rating_weights"] == (1, 2, 3, 4, 5)
    assert load_settings({}, with_tuned=False).half_life is None


def test_layers_have_to_go_together(folder: Path) -> None:
    """What each file may say alone, but not both together, is refused before anything is read."""
    (folder / "tuned.toml").write_text("watch_knee = 0.65\n")
    assert load_settings({}).watch_knee == 0.65
    (folder / "upnext.toml").write_text("watch_floor = 0.7\n")
    with pytest.raises(SettingsError, match=r"from upnext\.toml.*from tuned\.toml"):
        load_settings({})


@pytest.mark.parametrize(
    ("flags", "variable", "told"),
    [
        (
            {"watch_floor": 1.2},
            None,
            "(watch_floor is from --watch-floor, watch_knee is the default)",
        ),
        (
            {"watch_knee": 0.1},
            "0.7",
            "(watch_floor is from UPNEXT_WATCH_FLOOR, watch_knee is from --watch-knee)",
        ),
        (
            {"alpha": 1e7},
            None,
            "fold-ins lose digits (watch_weight is the default, alpha is from --alpha)",
        ),
        ({}, "0.7", "(watch_floor is from UPNEXT_WATCH_FLOOR, watch_knee is from upnext.toml)"),
    ],
)
def test_a_conflict_names_its_own_places(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: dict[str, float],
    variable: str | None,
    told: str,
) -> None:
    """Settings that don't go together are each told with the one place that they come from."""
    if variable:
        monkeypatch.setenv("UPNEXT_WATCH_FLOOR", variable)
        (folder / "upnext.toml").write_text("watch_knee = 0.5\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(flags)
    assert told in str(caught.value)


def test_tuned_may_lie_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """UPNEXT_TUNED names another file, which has to be there."""
    (folder / "other.toml").write_text("factors = 3\n")
    monkeypatch.setenv("UPNEXT_TUNED", "other.toml")
    assert load_settings({}).factors == 3
    monkeypatch.setenv("UPNEXT_TUNED", "missing.toml")
    with pytest.raises(SettingsError, match=r"UPNEXT_TUNED names missing\.toml"):
        load_settings({})


@pytest.mark.parametrize(
    "content", ["factor = 3", "kafka = 'x'", "seed = 1", "factors = 0", "factors = ", "[a]\nb = 1"]
)
def test_a_bad_tuned_file_is_named(folder: Path, content: str) -> None:
    """A key that is unknown, or none of the model's, or a bad value: the error names the file."""
    (folder / "tuned.toml").write_text(content)
    with pytest.raises(SettingsError, match=r"tuned\.toml"):
        load_settings({})


def test_numbers_may_be_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag and variable give the weights of the stars alike; four of them are refused."""
    assert load_settings({"rating_weights": "0,0,1,2,3"}).rating_weights == (0, 0, 1, 2, 3)
    monkeypatch.setenv("UPNEXT_RATING_WEIGHTS", "0,0,1,2,4")
    assert load_settings({}).rating_weights == (0, 0, 1, 2, 4)
    with pytest.raises(SettingsError, match="rating_weights"):
        load_settings({"rating_weights": "1,2,3,4"})


def test_every_setting_of_the_model_has_a_flag() -> None:
    """The flat names of the training are those of the settings, without what only the code sets."""
    named = TrainingSettings.model_fields.keys() | LookSettings.model_fields.keys()
    assert set(NAMES) - named == {"tolerance"}
    assert TunedSettings.model_fields.keys() < set(NAMES)


def test_flat_names_lead_there_and_back() -> None:
    """Settings given by all of their flat names are the same, a half-life of 0 is none."""
    settings = TrainSettings(factors=3, seed=4)
    assert with_values(TrainSettings(), flat_values(settings)) == settings
    flat = with_values(settings, {"half_life": 0, "prior_weight": 2.0})
    assert flat.confidence.half_life is None
    assert flat.prior.weight == 2.0
    with pytest.raises(KeyError):
        with_values(settings, {"prior": 1.0})
