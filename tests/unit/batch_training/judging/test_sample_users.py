"""Sample users: drawn from all degrees of activity, shown with titles."""

from __future__ import annotations

from batch_training.judging.sample_users import USERS, sample_users
from batch_training.merging.histories import merge_events
from data.catalogue import Catalogue, Video
from tests.builders import event, model
from tests.unit.nights import events_of

CATALOGUE = Catalogue(Video(id=f"v{n}", title=f"Title {n}") for n in range(40))
ROWS = [
    event(f"v{video}", user=f"u{user}", at=1 + video)
    for user in range(12)
    for video in range(1 + 3 * user)
]


def test_they_are_of_all_degrees_of_activity() -> None:
    """Each of the six comes from another sixth of the users, ordered by their videos."""
    histories = merge_events(events_of(ROWS))
    shown = sample_users(histories, model(), None, CATALOGUE, seed=0)
    numbers = [int(user.user[1:]) for user in shown]
    assert [number // 2 for number in numbers] == list(range(USERS))


def test_lists_are_in_titles_without_what_was_watched() -> None:
    """What was watched stands newest first; both models' lists are in titles, best first."""
    histories = merge_events(events_of(ROWS))
    shown = sample_users(histories, model(seed=1), model(seed=2), CATALOGUE, seed=0)
    busiest = shown[-1]
    videos = 1 + 3 * int(busiest.user[1:])
    assert busiest.watched == tuple(f"Title {n}" for n in range(videos - 1, videos - 11, -1))
    watched = {f"Title {n}" for n in range(videos)}
    for listed in (busiest.before, busiest.after):
        assert listed
        assert watched.isdisjoint(listed)
    assert any(user.before != user.after for user in shown)


def test_without_a_serving_model_there_is_no_list_of_before() -> None:
    """On the first night only the new model's lists are shown."""
    shown = sample_users(merge_events(events_of(ROWS)), model(), None, CATALOGUE, seed=0)
    assert all(user.before == () and user.after for user in shown)


def test_fewer_users_are_shown_once_each() -> None:
    """With three users there are three samples, and with none there are none."""
    few = merge_events(events_of([row for row in ROWS if row["user"] in ("u1", "u2", "u3")]))
    users = [user.user for user in sample_users(few, model(), None, CATALOGUE, seed=0)]
    assert sorted(users) == ["u1", "u2", "u3"]
    nobody = merge_events(events_of(ROWS[:1]).take(slice(0)))
    assert sample_users(nobody, model(), None, CATALOGUE, seed=0) == ()
