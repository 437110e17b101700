"""Settings by flat names: as flags, variables and files of settings call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from batch_training.training.settings import FollowUpSettings, PriorSettings, TrainSettings
from data.confidence import ConfidenceParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = int | float | str | tuple[float, ...]

_PARTS: Final = {
    "confidence": ("", ConfidenceParameters),
    "prior": ("prior_", PriorSettings),
    "follow_ups": ("follow_", FollowUpSettings),
}
_PLACES: Final[Mapping[str, tuple[str, str]]] = {
    name: ("", name) for name in TrainSettings.__struct_fields__ if name not in _PARTS
} | {
    prefix + name: (part, name)
    for part, (prefix, kind) in _PARTS.items()
    for name in kind.__struct_fields__
}
NAMES: Final = tuple(_PLACES)


def with_values(settings: TrainSettings, values: Mapping[str, Value]) -> TrainSettings:
    """Change some settings, given by flat name; a half-life of 0 switches it off.

    Raises
    ------
    KeyError
        If there is no setting of that name.
    ValueError
        If a value can't be used.
    """
    changes: dict[str, dict[str, Value | None]] = {}
    for name, value in values.items():
        part, field = _PLACES[name]
        changes.setdefault(part, {})[field] = (value or None) if name == "half_life" else value
    whole: dict[str, object] = dict(changes.pop("", {}))
    for part, fields in changes.items():
        whole[part] = msgspec.structs.replace(getattr(settings, part), **fields)
    return msgspec.structs.replace(settings, **whole)


def flat_values(settings: TrainSettings) -> dict[str, Value]:
    """Give all settings by flat name; the inverse of `with_values`."""
    return {
        name: getattr(getattr(settings, part) if part else settings, field) or 0
        for name, (part, field) in _PLACES.items()
    }
