"""Hot swap: hold one verified model, and exchange it whole when the pointer moves."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from data.frozen_model import InvalidModelError
from data.interaction import Interaction
from data.model_store import ModelStoreError
from data.popular import Popular
from data.up_next import known_videos
from data.user_history import UserHistory
from stream_inference.logs import facts
from stream_inference.recommend import Serving

if TYPE_CHECKING:
    from data.model_store import Active, ModelStore

_LOG: Final = logging.getLogger(__name__)
_LOST: Final = (
    "Redis holds no model any more: has it lost its data? Publish a model (upnext night), or "
    "bring one back (upnext models import, activate), then give everybody a list: upnext refresh"
)


class HotSwap:
    """The model in hand.

    `poll` may run in another thread than the reader of `serving`: the exchange is one
    assignment, and a reader keeps what it has taken until its batch is done.

    Attributes
    ----------
    serving
        None until a first model was loaded.
    popular
        What is listed until then: the popular videos, as far as there are any in Redis.
    trouble
        Why the current model is not the one in hand; empty when all is well.
    refused
        How often a current model could not be taken, each cause counted once in a row.
    """

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.serving: Serving | None = None
        self.popular = Popular()
        self.trouble = ""
        self.refused = 0
        self._swapped_at = time.monotonic()

    def seconds_since_swap(self) -> float:
        """Tell for how long the model in hand has been served."""
        return time.monotonic() - self._swapped_at

    def poll(self) -> bool:
        """Look at the pointer, and exchange the model if it moved; True if it was exchanged.

        A version that can't be loaded or doesn't answer is refused and reported, and the model
        in hand goes on serving. The next poll tries again.
        """
        with self._lock:
            return self._poll()

    def _poll(self) -> bool:
        held = self.serving
        try:
            active = self._store.current()
            if active is None and held is not None:
                raise ModelStoreError(_LOST)  # noqa: TRY301 - handled with the other troubles
            if active is not None and not _holds(held, active):
                self.serving = self._take(active, held)
        except (ModelStoreError, InvalidModelError) as error:
            if self.trouble != str(error):
                self.refused += 1
                _LOG.error("%s stays: %s", held.version if held else "no model", error)
            self.trouble = str(error)
        else:
            self.trouble = ""
        if self.serving is None:
            self.popular = self._store.popular()
        if self.serving is None or self.serving is held:
            return False
        self._swapped_at = time.monotonic()
        model, version, activation = self.serving
        shape = facts(videos=model.n_items, factors=model.n_factors)
        _LOG.info("serving model %s (activation %d)", version, activation, extra=shape)
        return True

    def _take(self, active: Active, held: Serving | None) -> Serving:
        if held is not None and held.version == active.version:
            return held._replace(activation=active.activation)
        model = self._store.served(active.version)
        serving = Serving(model, active.version, active.activation)
        _try_out(serving)
        return serving


def _holds(held: Serving | None, active: Active) -> bool:
    """Compare both: a Redis that lost its data counts activations from 1 again."""
    return held is not None and (held.activation, held.version) == active


def _try_out(serving: Serving) -> None:
    """Fold in somebody who watched the first videos, and score all."""
    history = UserHistory.empty()
    for at, video in enumerate(serving.model.vocabulary.ids[:3], start=1):
        history = history.add(
            Interaction(user="-", video=video, kind="watch", at=at, watch_ratio=1.0)
        )
    try:
        user = known_videos(serving.model, [history]).folded_in(serving.model)
    except np.linalg.LinAlgError as error:
        msg = f"version {serving.version} can't fold a user in: {error}"
        raise InvalidModelError(msg) from error
    if not np.isfinite(user @ serving.model.whitened.factors.T).all():
        msg = f"version {serving.version} gives scores that are not numbers"
        raise InvalidModelError(msg)
