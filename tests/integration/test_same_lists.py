"""Night, day and oracle give everybody the same list: on MovieLens-1M, where it can be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from batch_training.merging.histories import merge_events
from batch_training.training.settings import PriorSettings, TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.sources.data_set import default_cache
from data.sources.movielens import load_movielens_1m
from data.sources.sample import make_sample
from data.sources.table import SourceError
from data.up_next import rank_histories
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh
from tests import oracle, oracle_signals
from tests.builders import plain_history, plain_model
from tests.integration.world import Stores, activate, loaded, send, wait_until_follows
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel
    from data.sources.data_set import DataSet
    from data.up_next import UpNext
    from data.user_history import UserHistory
    from deploy.embedded.stack import EmbeddedStack

    Floats = NDArray[np.float64]
    Plain = dict[str, Any]
    Listed = list[tuple[str, float]]

LENGTH = 20
NIGHT_BATCH = 256  # lists that the night's evaluation makes at once
PROBED = 97  # one user of so many is also asked of the oracle's own, slow way
SENT, MOST_EVENTS = 100, 90  # users whose events are sent live, and how many each may have
LIVE = "live "  # before their ids


class Trained(NamedTuple):
    """A data set, what the night made of it, and what everybody did in it, by user."""

    data_set: DataSet
    histories: Histories
    model: FrozenModel
    raw: dict[str, list[Plain]]


@pytest.fixture(scope="module")
def trained() -> Trained:
    """Train on the data, quickly."""
    try:
        data_set = load_movielens_1m(default_cache(), lambda _: None)
    except SourceError:
        data_set = make_sample(users=1_000, videos=800, events=60_000)
    histories = merge_events(loaded(data_set))
    prior = PriorSettings(weight=0.1)  # so that all parts are on
    settings = TrainSettings(factors=64, iterations=4, threads=0, prior=prior)
    durations = data_set.catalogue.durations(histories.videos)
    learnt_from = training_set(histories, settings, durations=durations)
    model = freeze(fit(learnt_from.matrix, settings).item_factors, learnt_from, settings)
    return Trained(data_set, histories, model, by_user(data_set))


def by_user(data_set: DataSet) -> dict[str, list[Plain]]:
    """Give the raw rows of each user in order of time."""
    raw: dict[str, list[Plain]] = {}
    ordered = data_set.interactions.sort_values("at", kind="stable")
    names = [name for name in ordered.columns if name != "user"]
    columns = [ordered[name].tolist() for name in names]
    for user, *values in zip(ordered["user"].tolist(), *columns, strict=True):
        event = {n: v for n, v in zip(names, values, strict=True) if v == v}  # noqa: PLR0124 - NaN
        raw.setdefault(user, []).append(event)
    return raw


class Oracle:
    """The oracle's list of each history, its sums and its sorting left to numpy, in float64."""

    def __init__(self, model: FrozenModel) -> None:
        self.model = plain_model(model)
        self.row_of = {video: row for row, video in enumerate(self.model["ids"])}
        self.ids = np.array(self.model["ids"], dtype=object)

    def up_next(self, history: oracle.History) -> oracle.UpNext:
        """Make a list, with the scores of all candidates."""
        model = self.model
        rows, said, left, soon = [], [], [], np.zeros(len(model["ids"]))
        for age, video in enumerate(reversed(oracle.videos_by_place(history))):
            row = self.row_of.get(video)
            value = (
                0.0 if row is None else oracle.weighed(model, row, history["videos"][video], age)
            )
            if row is not None and value:
                rows.append(row)
                if value > 0:
                    soon += oracle.follow_ups(model, row, age)
                said.append(value)
                left.append(oracle_signals.left_of(age, model["confidence"]))
        stored, preferences = np.array(said), np.array(left)
        personal = bool(((stored > 0) & (preferences > 0)).any())
        scores = model["popularity"]
        if personal:
            user = self._fold_in(rows, stored, preferences)
            scores = model["item_factors"] @ user + model["prior"] + soon
        is_open = ~np.array(model["blocked"])
        is_open[rows] = False
        open_rows = np.flatnonzero(is_open)
        best = open_rows[np.argsort(-scores[open_rows], kind="stable")][:LENGTH]
        return {
            "at": oracle.newest_at(history),
            "personal": personal,
            "items": self._named(best, scores),
            "scores": dict(self._named(open_rows, scores)),
        }

    def _named(self, rows: NDArray[np.intp], scores: Floats) -> Listed:
        return list(zip(self.ids[rows].tolist(), scores[rows].tolist(), strict=True))

    def _fold_in(self, rows: list[int], stored: Floats, preferences: Floats) -> Floats:
        factors = self.model["item_factors"][rows]
        matrix = self.model["gram"] + (factors.T * (np.abs(stored) - 1)) @ factors
        right = ((stored > 0) * (stored - 1 + preferences)) @ factors
        user: Floats = np.linalg.solve(matrix, right)
        return user


class Tally:
    """What the comparison of many lists with the oracle's came to."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.lists = self.exchanged = 0
        self.off = 0.0

    def compare(self, whose: str, listed: Listed, expected: oracle.UpNext) -> None:
        """Compare one list."""
        self.lists += 1
        self.complaints += [f"{whose}: {fault}" for fault in oracle.compare_lists(listed, expected)]
        for (video, score), (wanted, _) in zip(listed, expected["items"], strict=False):
            own = expected["scores"].get(video, np.inf)
            self.exchanged += video != wanted
            self.off = max(self.off, abs(score - own) / abs(own))

    def __str__(self) -> str:
        """One line for a person."""
        return (
            f"{self.lists:,} lists of {LENGTH}: {len(self.complaints)} complaints, {self.exchanged}"
            f" places with another id of the same score; scores are off by {self.off:.1e} at most"
        )


@pytest.mark.slow
def test_everybodys_list(
    trained: Trained, stack: EmbeddedStack, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each user's list in Redis is the night's own and the oracle's, from the same raw events."""
    active = activate(stores, trained.model)
    serving = Serving(trained.model, active.version, active.activation)
    refresh(stores.users, serving, trained.histories.by_user())
    judge, by_day, by_night = Oracle(trained.model), Tally(), Tally()
    for batch in batches(trained.histories):
        night = night_lists(trained.model, [history for _, history in batch])
        users = [user for user, _ in batch]
        stored, shown = stores.users.read_many(users), stores.users.read_lists(users)
        for number, user in enumerate(users):
            history = oracle.histories(
                (event | {"user": user} for event in trained.raw[user]), 1_000
            )[user]
            expected = judge.up_next(history)
            day = served(shown[number])
            by_day.compare(user, day, expected)
            by_night.compare(user, night[number], expected)
            assert [video for video, _ in day] == [video for video, _ in night[number]], user
            if by_day.lists % PROBED == 0:
                check_judge(judge, history, expected)
                order = {"order": oracle.videos_by_place(history)}
                assert plain_history(stored[number].history) == history | order, user
    with capsys.disabled():
        name = trained.data_set.name
        print(f"\n{name}, by night: {by_night}\n{name}, by day: {by_day}")  # noqa: T201 - figures
    assert by_day.complaints == by_night.complaints == []
    assert by_day.lists == by_night.lists == len(trained.raw)


def batches(histories: Histories) -> Iterator[list[tuple[str, UserHistory]]]:
    """Give all histories, so many at a time as the night's evaluation takes."""
    everybody = list(histories.by_user())
    for first in range(0, len(everybody), NIGHT_BATCH):
        yield everybody[first : first + NIGHT_BATCH]


def night_lists(model: FrozenModel, histories: list[UserHistory]) -> list[Listed]:
    """Rank as the night's evaluation does."""
    ids = model.vocabulary.ids
    ranking = rank_histories(model, histories, LENGTH)
    lists = zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True)
    return [
        [(ids[row], score) for row, score in zip(rows, scores, strict=True) if row >= 0]
        for rows, scores in lists
    ]


def served(shown: UpNext | None) -> Listed:
    """Give what stands in a list."""
    return [(item.id, item.score) for item in shown.items] if shown else []


def check_judge(judge: Oracle, history: oracle.History, expected: oracle.UpNext) -> None:
    """Make sure that the quick judge is the oracle."""
    slow = oracle.up_next(judge.model, history, LENGTH)
    assert [video for video, _ in slow["items"]] == [video for video, _ in expected["items"]]
    np.testing.assert_allclose(
        [score for _, score in slow["items"]], [score for _, score in expected["items"]], 1e-10
    )


@pytest.mark.slow
def test_lists_of_live_events(trained: Trained, stack: EmbeddedStack, stores: Stores) -> None:
    """Users whose whole history comes live through the broker get the same lists."""
    active = activate(stores, trained.model)
    wait_until_follows(stores, stack, active.activation)
    few = [user for user, events in trained.raw.items() if len(events) <= MOST_EVENTS][:SENT]
    live = {f"{LIVE}{user}": trained.raw[user] for user in few}
    send(stack, (event | {"user": user} for user, events in live.items() for event in events))
    newest = [events[-1]["at"] for events in live.values()]

    def arrived() -> bool:
        stack.check_worker()
        lists = stores.users.read_lists(list(live))
        return [shown.at for shown in lists if shown is not None] == newest

    wait_until(arrived, 100)
    judge, tally = Oracle(trained.model), Tally()
    for (user, events), shown in zip(
        live.items(), stores.users.read_lists(list(live)), strict=True
    ):
        history = oracle.histories((event | {"user": user} for event in events), 1_000)[user]
        tally.compare(user, served(shown), judge.up_next(history))
    assert tally.complaints == []
    assert tally.lists == len(few)
