"""A night judges before it gives a model away, and gives none that is of no use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from batch_training.judging.judge import Contest, JudgeSettings, judge
from batch_training.judging.unseen import UnseenSettings, choose_unseen
from batch_training.merging.histories import merge_events
from batch_training.night import Given, Night, RefusedError, run_night
from batch_training.night_report import NightReport
from batch_training.night_settings import NightSettings
from batch_training.progress import Stages
from batch_training.reading.spool import Spool
from batch_training.training.settings import FollowUpSettings, TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.catalogue import Catalogue, Video
from data.confidence import ConfidenceParameters
from data.frozen_model import FrozenModel
from data.up_next import rank_histories
from data.watch_scale import UNKNOWN
from tests.builders import NOW_MS
from tests.unit.nights import Silent, events_of, without_taste, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.merging.histories import Histories

    Run = Callable[..., tuple[Night, NightReport]]

SETTINGS = NightSettings(
    train=TrainSettings(
        factors=8,
        iterations=4,
        regularization=5.0,
        threads=1,
        device="cpu",
        confidence=ConfidenceParameters(alpha=10.0),
    ),
    window_events=50,
)


class Heard(Silent):
    """A progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.steps: dict[str, tuple[int, int]] = {}

    def stage(self, name: str) -> None:
        """Note the name."""
        self.stages.append(name)

    def step(self, done: int, total: int) -> None:
        """Note the last step of each stage."""
        self.steps[self.stages[-1]] = (done, total)


def changed(**train: Any) -> NightSettings:  # noqa: ANN401 - any setting
    """Change settings of the training."""
    return msgspec.structs.replace(SETTINGS, train=msgspec.structs.replace(SETTINGS.train, **train))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give a function that runs a night on events; what it is given beside can be named."""

    def runs(
        events: Events,
        settings: NightSettings = SETTINGS,
        stages: Stages | None = None,
        **more: Any,  # noqa: ANN401 - any field of Given
    ) -> tuple[Night, NightReport]:
        given = Given(Spool.of(events, tmp_path), **({"catalogue": Catalogue()} | more))
        report = NightReport(started_at=NOW_MS)
        more_stages = stages or Stages(Silent())
        return run_night(given, settings, report, more_stages), report

    return runs


def test_a_night_learns_judges_and_tells(run: Run) -> None:
    """The model knows every video, beats popularity, and its facts survive the bytes."""
    events, heard = events_of(world()), Heard()
    stages = Stages(heard)
    night, report = run(events, stages=stages)
    replayed = report.judgements[0]
    candidate, popularity = replayed.ways[0], replayed.way("popularity")
    assert popularity is not None
    assert candidate.figures["hit_rate@10"].mean > 1.5 * popularity.figures["hit_rate@10"].mean
    assert [judgement.protocol for judgement in report.judgements] == [
        "replay",
        "temporal",
        "unseen",
    ]
    assert set(night.model.vocabulary.ids) == set(events.videos)
    facts = FrozenModel.from_bytes(night.model.to_bytes()).metadata
    told = candidate.figures["hit_rate@10"].mean
    assert facts["quality"]["replay"]["candidate"]["hit_rate@10"] == told
    assert msgspec.convert(facts["settings"], NightSettings) == SETTINGS
    announced = [stage.name for stage in stages.facts if stage.name != "Judge the baselines"]
    assert announced == heard.stages
    assert heard.steps["Train on everything"] == (4, 4)
    assert len(report.sample_users) == 6
    assert report.ladder is not None
    assert report.ladder.cases == report.judgements[0].cases < SETTINGS.judge.ladder_cases


def test_judged_is_what_was_trained_on_the_older_events(run: Run) -> None:
    """Replay and split by time judge a model of all users' older events."""
    events = events_of(world())
    _, report = run(events)
    past, later = events.split(SETTINGS.judged_share)
    before = merge_events(past)
    contest = Contest(trained(before), None, before, later)
    settings = JudgeSettings(protocols=("replay", "temporal"))
    assert judge(contest, settings).judgements == report.judgements[:2]


def test_unseen_users_are_not_trained_on(run: Run) -> None:
    """The third judgement is of a model of its own, which those users were kept from."""
    events = events_of(world())
    _, report = run(events)
    past, later = events.split(SETTINGS.judged_share)
    before = merge_events(past)
    unseen = choose_unseen(before, UnseenSettings())
    contest = Contest(trained(before, unseen), None, before, later, before.take(unseen))
    judged = judge(contest, JudgeSettings(protocols=("unseen",)))
    assert judged.judgements[0].ways == report.judgements[2].ways
    assert 0 < judged.judgements[0].users <= 12


def test_unseen_users_of_large_data_are_of_a_part(run: Run) -> None:
    """Where there are many pairs, the fit for the unseen users is of some users only."""
    settings = msgspec.structs.replace(SETTINGS, unseen_pairs=1_000)
    _, report = run(events_of(world()), settings)
    assert 0 < report.judgements[2].users <= 5


def trained(before: Histories, without: NDArray[np.bool_] | None = None) -> FrozenModel:
    """Train as the night does."""
    learnt_from = training_set(before, SETTINGS.train, without=without)
    fitted = fit(learnt_from.matrix, SETTINGS.train)
    return freeze(fitted.item_factors, learnt_from, SETTINGS.train)


def test_the_same_night_gives_the_same_model(run: Run) -> None:
    """With the same events and seeds the model is the same to the last digit."""
    one, two = (run(events_of(world()))[0].model for _ in range(2))
    np.testing.assert_array_equal(one.item_factors, two.item_factors)


def test_histories_are_those_of_all_events(run: Run) -> None:
    """What the refresh writes is the whole history, bounded as the model says."""
    events = events_of(world())
    night, _ = run(events, msgspec.structs.replace(SETTINGS, history_limit=10))
    assert dict(night.histories.by_user()) == dict(merge_events(events, 10).by_user())
    assert night.model.history_limit == 10


def test_durations_of_the_catalogue_travel_with_the_model(run: Run) -> None:
    """Where durations count and are known, the model carries the scale of its own videos."""
    rows = [row | {"kind": "watch", "watch_ratio": row["rating"] / 5} for row in world()]
    events = events_of([{k: v for k, v in row.items() if k != "rating"} for row in rows])
    catalogue = Catalogue(Video(id=v, duration=60.0 * int(v[1:])) for v in events.videos[1:])
    night, _ = run(events, catalogue=catalogue)
    scale, ids = night.model.watch_scale, night.model.vocabulary.ids
    assert scale is not None
    order = np.argsort([int(video[1:]) for video in ids])
    known = scale.bucket[order][scale.bucket[order] != UNKNOWN]
    assert (np.diff(known.astype(int)) >= 0).all()
    assert [ids[row] for row in np.flatnonzero(scale.bucket == UNKNOWN)] == events.videos[:1]
    deaf = changed(confidence=ConfidenceParameters(duration_share=0.0))
    assert run(events, deaf, catalogue=catalogue)[0].model.watch_scale is None
    assert run(events)[0].model.watch_scale is None


def test_blocked_videos_are_not_listed(run: Run) -> None:
    """A video that the catalogue blocks is in no list, and no event is judged by it."""
    events = events_of(world())
    blocked = set(events.videos[::2])
    catalogue = Catalogue(Video(id=video, blocked=True) for video in blocked)
    night, report = run(events, catalogue=catalogue)
    histories = [history for _, history in night.histories.by_user()]
    rows = np.unique(rank_histories(night.model, histories, 20).rows)
    assert blocked.isdisjoint(night.model.vocabulary.ids[row] for row in rows[rows >= 0])
    assert blocked.isdisjoint(video for user in report.sample_users for video in user.after)


def test_serving_model_itself_is_compared_with_on_news(run: Run) -> None:
    """Where enough came after the serving model's data, it is judged beside the candidate."""
    events = events_of(world())
    past, later = events.split(0.92)
    serving, _ = run(past)
    served = tell(serving.model, past)
    _, report = run(events, serving=served)
    assert report.gate is not None
    assert "itself" in report.gate.compared_with
    assert report.judgements[0].from_at == later.at[0]
    assert report.judgements[0].way("serving") is not None


def test_settings_of_the_serving_model_are_trained_anew(run: Run) -> None:
    """Where too little came after its data, other settings are judged on the older events."""
    events = events_of(world())
    serving, _ = run(events)
    heard = Heard()
    _, report = run(events, changed(factors=9), Stages(heard), serving=tell(serving.model, events))
    assert "Train the serving model's settings" in heard.stages
    assert report.judgements[0].way("serving") is not None


def test_same_settings_and_no_news_leave_only_the_figures(run: Run) -> None:
    """With nothing new and nothing changed the night says what it compared with."""
    events = events_of(world())
    serving, _ = run(events)
    _, report = run(events, serving=tell(serving.model, events))
    assert report.gate is not None
    assert "figures of its own night" in report.gate.compared_with
    assert report.judgements[0].way("serving") is None


@pytest.mark.parametrize("other", [{}, {"factors": 9}])
def test_ruined_data_are_refused_though_the_rival_learns_from_them(
    run: Run, other: dict[str, int]
) -> None:
    """Where the serving model can't be judged itself, a great fall of the hit rate is a refusal."""
    rows = world()
    served = tell(run(events_of(rows))[0].model, events_of(rows))
    random = np.random.default_rng(0)
    videos = [f"v{int(n) ** 2 // 120}" for n in random.integers(0, 120, len(rows))]
    ruined = [row | {"video": video} for row, video in zip(rows, videos, strict=True)]
    with pytest.raises(RefusedError, match="max_fall"):
        run(events_of(ruined), changed(**other), serving=served)


def test_a_shorter_history_is_told(run: Run) -> None:
    """Another history_limit is not said to be the same settings."""
    events = events_of(world())
    served = tell(run(events)[0].model, events)
    shorter = msgspec.structs.replace(SETTINGS, history_limit=20)
    _, report = run(events, shorter, serving=served)
    assert report.gate is not None
    assert "but for its history_limit of 1,000" in report.gate.compared_with


def test_a_worse_candidate_is_refused_unless_forced(run: Run) -> None:
    """Settings much worse than the serving model's don't pass; force writes who and why."""
    events = events_of(world())
    served = tell(run(events)[0].model, events)
    worse = changed(regularization=1e6, follow_ups=FollowUpSettings(weight=0))
    with pytest.raises(RefusedError) as caught:
        run(events, worse, serving=served)
    assert "serving model" in str(caught.value)
    night, report = run(
        events, worse, serving=served, forced_by="somebody@here", forced_why="to see"
    )
    assert report.gate is not None
    assert report.gate.reasons == tuple(caught.value.reasons)
    told = night.model.metadata["gate"]
    assert (told["forced_by"], told["forced_why"]) == ("somebody@here", "to see")


def test_force_leaves_no_trace_where_nothing_is_refused(run: Run) -> None:
    """A good candidate isn't said to have been forced."""
    _, report = run(events_of(world()), forced_by="somebody@here", forced_why="in case")
    assert report.gate is not None
    assert (report.gate.reasons, report.gate.forced_by) == ((), "")


def tell(model: FrozenModel, events: Events) -> FrozenModel:
    """Send a model through its bytes; it tells until when its data went."""
    assert model.metadata["until_at"] == events.at[-1]
    return FrozenModel.from_bytes(model.to_bytes())


def test_a_model_worse_than_popularity_is_refused(run: Run) -> None:
    """Where there is no taste to learn, the night says that popularity does as well."""
    with pytest.raises(RefusedError, match=r"the popular videos in \d"):
        run(events_of(without_taste()))


def test_a_night_without_anything_to_judge_by_is_refused(run: Run) -> None:
    """A history whose newest events say nothing about lists is too short."""
    with pytest.raises(RefusedError, match="longer history"):
        run(events_of(world()[:3]))


def test_a_training_that_breaks_is_refused(run: Run) -> None:
    """Confidences so great that factors are no numbers give a refusal, not a model."""
    with pytest.raises(RefusedError, match="no model that could be served"):
        run(events_of(world()), changed(confidence=ConfidenceParameters(alpha=1e37)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"judged_share": 0.0},
        {"judged_share": float("nan")},
        {"history_limit": 0},
        {"window_events": 0},
        {"min_support": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """A setting out of range is an error that names it."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NightSettings(**wrong)
