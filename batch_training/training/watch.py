"""Watch: looks at a fit every few iterations, and stops it when nothing moves any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from batch_training.training.device import host_factors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from batch_training.training.settings import TrainSettings

_GAIN: Final = 0.002  # of the probe, a share: one of 512 users; less is chance


class EnoughError(Exception):
    """Ends a fit: `implicit` knows no other way."""


class Watch:
    """What `implicit` calls after each iteration.

    Parameters
    ----------
    model
        The one that is fitted; its loss is switched on for the iterations that are looked at.
    on_iteration
        Is told, after each iteration, how many are done and how many there are.
    probe
        Tells how good item factors are; more is better.

    Attributes
    ----------
    iterations
        How many are done.
    stopped_early
        Whether the fit was ended before the last.
    loss, probed
        (iteration, value), for each look.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - implicit has no types
        settings: TrainSettings,
        on_iteration: Callable[[int, int], None],
        probe: Callable[[NDArray[np.float32]], float] | None,
    ) -> None:
        self._model, self._settings = model, settings
        self._on_iteration, self._probe = on_iteration, probe
        self.iterations = 0
        self.stopped_early = False
        self.loss: list[tuple[int, float]] = []
        self.probed: list[tuple[int, float]] = []
        model.calculate_training_loss = self._is_look(1)

    def __call__(self, iteration: int, _seconds: float, loss: float | None) -> None:
        """Hear of an iteration, counted from 0; its loss is of an earlier one unless asked for."""
        done, total = iteration + 1, self._settings.iterations
        self.iterations = done
        self._on_iteration(done, total)
        if loss is not None and self._is_look(done):
            self._look(done, loss)
        # Before the next iteration, if there is one: implicit asks each time.
        self._model.calculate_training_loss = done < total and self._is_look(done + 1)

    def _is_look(self, iteration: int) -> bool:
        every, last = self._settings.check_every, self._settings.iterations
        return every > 0 and (iteration % every == 0 or iteration == last)

    def _look(self, done: int, loss: float) -> None:
        self.loss.append((done, float(loss)))
        if self._probe is None:
            return
        self.probed.append((done, self._probe(host_factors(self._model))))
        losses, probed = ([value for _, value in seen] for seen in (self.loss, self.probed))
        if done < self._settings.iterations and stands_still(
            losses, probed, self._settings.tolerance
        ):
            self.stopped_early = True
            raise EnoughError


def stands_still(loss: Sequence[float], probed: Sequence[float], tolerance: float) -> bool:
    """Whether, at the last of several looks, neither the loss fell nor the probe rose.

    Parameters
    ----------
    loss, probed
        One value for each look.
    tolerance
        Relative fall of the loss since the look before that counts as none.
    """
    if len(probed) < 2:  # noqa: PLR2004 - one look has nothing to be compared with
        return False
    fell = loss[-2] - loss[-1] >= tolerance * abs(loss[-2])
    return not fell and probed[-1] <= max(probed[:-1]) + _GAIN
