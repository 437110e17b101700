"""A fit is watched, and ends when nothing moves; what is no model never leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from batch_training.merging.histories import merge_events
from batch_training.training import train
from batch_training.training.settings import TrainSettings
from batch_training.training.train import FitError, fit
from batch_training.training.training_set import training_set
from batch_training.training.watch import stands_still
from tests.unit.nights import events_of, world

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = TrainSettings(
    factors=8, iterations=10, regularization=5.0, threads=1, device="cpu", check_every=3
)


@pytest.fixture(scope="module")
def matrix() -> csr_matrix[np.float32]:
    """Give the training matrix of a small world."""
    return training_set(merge_events(events_of(world())), SMALL).matrix


def test_each_iteration_is_told(matrix: csr_matrix[np.float32]) -> None:
    """Whoever shows progress hears of every iteration, and how many there will be."""
    told: list[tuple[int, int]] = []
    fitted = fit(matrix, SMALL, lambda done, total: told.append((done, total)))
    assert told == [(done, 10) for done in range(1, 11)]
    assert fitted.iterations == 10
    assert not fitted.stopped_early
    assert fitted.device == "cpu"


def test_loss_is_looked_at_every_few_iterations_and_at_the_end(
    matrix: csr_matrix[np.float32],
) -> None:
    """The losses are those that implicit gives for the same iterations when it tells them all."""
    told: list[float] = []
    bare = AlternatingLeastSquares(
        factors=8, regularization=5.0, iterations=10, random_state=0, calculate_training_loss=True
    )
    bare.fit(matrix, show_progress=False, callback=lambda _n, _seconds, loss: told.append(loss))
    assert len(set(told)) == 10
    fitted = fit(matrix, SMALL)
    assert [done for done, _ in fitted.loss] == [3, 6, 9, 10]
    for done, loss in fitted.loss:
        assert loss == pytest.approx(told[done - 1], rel=1e-9)
    assert fitted.probe == []


def test_every_iteration_can_be_looked_at(matrix: csr_matrix[np.float32]) -> None:
    """With a look at each, the first has its loss as well."""
    every = fit(matrix, msgspec.structs.replace(SMALL, check_every=1))
    assert [done for done, _ in every.loss] == [*range(1, 11)]


def test_the_probe_sees_the_factors_of_its_iteration(matrix: csr_matrix[np.float32]) -> None:
    """A probe is given what a fit that ends there would give."""
    seen: list[NDArray[np.float32]] = []

    def count(factors: NDArray[np.float32]) -> float:
        seen.append(factors.copy())
        return len(seen)

    settings = msgspec.structs.replace(SMALL, iterations=6)
    fitted = fit(matrix, settings, probe=count)
    assert fitted.probe == [(3, 1), (6, 2)]
    half = msgspec.structs.replace(SMALL, iterations=3)
    assert np.array_equal(seen[0], fit(matrix, half).item_factors)
    assert np.array_equal(seen[1], fitted.item_factors)


def test_looking_does_not_change_the_factors(matrix: csr_matrix[np.float32]) -> None:
    """With looks and without, the factors are the same to the last bit."""
    blind = fit(matrix, msgspec.structs.replace(SMALL, check_every=0), probe=lambda _: 0.0)
    assert blind.loss == blind.probe == []
    assert np.array_equal(blind.item_factors, fit(matrix, SMALL).item_factors)


def test_a_fit_stops_when_neither_loss_nor_probe_moves(matrix: csr_matrix[np.float32]) -> None:
    """It ends at the first look at which nothing moved, with the factors of that iteration."""
    settings = msgspec.structs.replace(SMALL, tolerance=0.9)
    fitted = fit(matrix, settings, probe=lambda _: 0.3)
    assert fitted.stopped_early
    assert fitted.iterations == 6
    assert [done for done, _ in fitted.loss] == [done for done, _ in fitted.probe] == [3, 6]
    six = msgspec.structs.replace(SMALL, iterations=6)
    assert np.array_equal(fitted.item_factors, fit(matrix, six).item_factors)


def test_a_fit_goes_on_while_one_of_both_moves(matrix: csr_matrix[np.float32]) -> None:
    """A rising probe keeps a fit going, and so does a falling loss; without a probe none stops."""
    still = msgspec.structs.replace(SMALL, tolerance=0.9)
    rising = iter(range(10))
    assert not fit(matrix, still, probe=lambda _: next(rising)).stopped_early
    moving = msgspec.structs.replace(SMALL, tolerance=0.0)
    assert not fit(matrix, moving, probe=lambda _: 0.3).stopped_early
    assert not fit(matrix, still).stopped_early


def test_nothing_is_called_early_at_the_last_iteration(matrix: csr_matrix[np.float32]) -> None:
    """A fit in which nothing moved at its very last look was not stopped."""
    settings = msgspec.structs.replace(SMALL, tolerance=0.9, iterations=6)
    fitted = fit(matrix, settings, probe=lambda _: 0.3)
    assert fitted.iterations == 6
    assert not fitted.stopped_early


@pytest.mark.parametrize(
    ("loss", "probed", "still"),
    [
        ([1.0], [0.1], False),
        ([1.0, 0.98], [0.1, 0.1], False),
        ([1.0, 0.991], [0.1, 0.1], True),
        ([1.0, 0.99], [0.1, 0.1], False),
        ([1.0, 1.2], [0.1, 0.1], True),
        ([2.0, 1.0, 0.999], [0.1, 0.3, 0.2], True),
        ([2.0, 1.0, 0.999], [0.1, 0.3, 0.301], True),
        ([2.0, 1.0, 0.999], [0.1, 0.3, 0.31], False),
        ([2.0, 1.0, 0.999], [0.3, 0.1, 0.2], True),
    ],
)
def test_when_nothing_moves(loss: list[float], probed: list[float], *, still: bool) -> None:
    """The loss must fall by its share since the last look, or the probe beat its best."""
    assert stands_still(loss, probed, 0.01) is still


def test_the_confidence_in_the_matrix_is_an_alpha(matrix: csr_matrix[np.float32]) -> None:
    """Training on a times X is training with alpha = a, as far as implicit applies its alpha."""
    X = matrix.astype(np.bool_).astype(np.float32)
    theirs = AlternatingLeastSquares(
        factors=8, regularization=5.0, iterations=10, random_state=0, alpha=8.0
    )
    theirs.fit(X, show_progress=False)
    scaled = csr_matrix(8.0 * X, dtype=np.float32)
    assert np.array_equal(fit(scaled, SMALL).item_factors, theirs.item_factors)


def test_an_error_of_the_probe_is_not_swallowed(matrix: csr_matrix[np.float32]) -> None:
    """What goes wrong in a look ends the fit with that error."""

    def broken(_: object) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(matrix, SMALL, probe=broken)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_matrix_that_holds_no_numbers_is_an_error(value: float) -> None:
    """It is refused before training, as a GPU would turn it into zeros; the message tells where."""
    matrix = csr_matrix(np.array([[value, 2.0], [3.0, 0.0]], np.float32))
    told: list[int] = []
    with pytest.raises(FitError, match="alpha"):
        fit(matrix, SMALL, lambda done, _: told.append(done))
    assert told == []


@pytest.mark.parametrize("check_every", [0, 1])
def test_factors_that_are_no_numbers_are_an_error(check_every: int) -> None:
    """NaN that comes up on the way never leaves the training, nor reaches a probe."""
    matrix = csr_matrix(np.full((3, 2), 3e38, np.float32))
    settings = msgspec.structs.replace(SMALL, check_every=check_every)
    finite: list[bool] = []

    def probe(factors: NDArray[np.float32]) -> float:
        finite.append(bool(np.isfinite(factors).all()))
        return len(finite)

    with pytest.raises(FitError, match="alpha"):
        fit(matrix, settings, probe=probe)
    assert all(finite)


def test_zeros_for_a_wanted_video_are_an_error() -> None:
    """A GPU puts them where it met NaN; for a video that nobody wanted they are no error."""
    matrix = csr_matrix(np.array([[5.0, -2.0, 0.0]], np.float32))
    factors = np.zeros((3, 8), np.float32)
    with pytest.raises(FitError, match="zeros"):
        train._check_none_lost(factors, matrix, SMALL)
    factors[0, 3] = 0.1
    train._check_none_lost(factors, matrix, SMALL)


@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (0, 0), (3, 3)])
def test_nothing_to_learn_from_is_an_error(shape: tuple[int, int]) -> None:
    """Without a single stored value there is no model, and the message says so."""
    with pytest.raises(FitError, match="nothing to learn from"):
        fit(csr_matrix(np.zeros(shape, np.float32)), SMALL)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
def test_one_user_or_one_video_is_enough(shape: tuple[int, int]) -> None:
    """The smallest matrices give finite factors, with all weights the same."""
    fitted = fit(csr_matrix(np.full(shape, 3.0, np.float32)), SMALL)
    assert fitted.item_factors.shape == (shape[1], 8)
    assert fitted.item_factors.any(axis=1).all()
