"""Model card: what a model tells of itself, for people and for the next night."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from batch_training.night_report import NightReport
    from batch_training.night_settings import NightSettings
    from batch_training.progress import Stages

_LIBRARIES: Final = ("upnext", "implicit", "numpy", "scipy", "pyarrow", "redis")


def libraries() -> dict[str, str]:
    """Versions of what the model hangs on."""
    return {name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()}


def model_card(report: NightReport, settings: NightSettings, stages: Stages) -> dict[str, Any]:
    """Give the model card, in JSON types."""
    quality = {
        judgement.protocol: {
            way.name: {metric: value.mean for metric, value in way.figures.items()}
            for way in judgement.ways
        }
        for judgement in report.judgements
    }
    return {
        "settings": msgspec.to_builtins(settings),
        "data": msgspec.to_builtins(report.data),
        "training": msgspec.to_builtins(report.training),
        "quality": quality,
        "gate": msgspec.to_builtins(report.gate),
        "libraries": report.libraries,
        "seconds": {stage.name: stage.seconds for stage in stages.facts},
        "parent": report.parent,
    }
