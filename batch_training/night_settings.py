"""All that decides a night, apart from the code that imports `implicit`, which takes its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from batch_training.judging.gate import GateSettings
from batch_training.judging.judge import JudgeSettings
from batch_training.training.defaults import for_data
from batch_training.training.flat import Value, with_values
from batch_training.training.settings import TrainSettings
from data.user_history import DEFAULT_LIMIT

if TYPE_CHECKING:
    from batch_training.merging.histories import Histories


class NightSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides a night.

    Attributes
    ----------
    train, judge, gate
        Settings of the parts.
    given
        Settings of the training that a person gave, by flat name; the data decide the others, see
        `resolved`. None to train with ``train`` as it stands.
    judged_share
        Of the events, the oldest that the judged model is trained on at least.
    window_events
        The serving model itself is compared with if so many events came after its data; where
        fewer did, its settings are trained anew on the older events.
    min_support
        Videos that fewer users wanted are not learnt.
    unseen_pairs
        The fit for the unseen users is made of no more pairs of user and video than these.
    history_limit
        How many videos of a user are kept, by night and by day.
    seed
        For whatever is drawn outside the parts.
    """

    train: TrainSettings = TrainSettings()
    judge: JudgeSettings = JudgeSettings()
    gate: GateSettings = GateSettings()
    given: dict[str, Value] | None = None
    judged_share: float = 0.9
    window_events: int = 1_000
    min_support: int = 1
    unseen_pairs: int = 2_000_000
    history_limit: int = DEFAULT_LIMIT
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        if not 0 < self.judged_share < 1:
            msg = f"judged_share = {self.judged_share} must lie between 0 and 1"
            raise ValueError(msg)
        for name in ("window_events", "min_support", "history_limit"):
            if getattr(self, name) < 1:
                msg = f"{name} = {getattr(self, name)} must be at least 1"
                raise ValueError(msg)

    def resolved(self, histories: Histories) -> Self:
        """Let the data decide what nobody gave: put it all into ``train``.

        Parameters
        ----------
        histories
            What the judged model is trained on.
        """
        if self.given is None:
            return self
        train = with_values(for_data(histories), self.given)
        return msgspec.structs.replace(self, train=train, given=None)
