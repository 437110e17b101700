"""Peers do what the papers say, on the history of the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from scipy.sparse import csr_array

from batch_training.judging.peer_fits import PeerSettings, ease_weights, nearest, peers, popular
from batch_training.judging.wanted import wanted
from batch_training.judging.ways import Asked
from batch_training.merging.histories import merge_events
from data.vocabulary import Vocabulary
from tests.builders import event
from tests.unit.nights import events_of, world

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.judging.peer_fits import PeerName
    from batch_training.merging.histories import Histories

ALL: tuple[PeerName, ...] = ("popularity", "recent_popularity", "item_knn", "ease")


def asked(histories: Histories) -> Asked:
    """Ask for a list for everybody."""
    users = np.arange(len(histories))
    given = [histories.history(user) for user in users.tolist()]
    return Asked(users, given, Vocabulary(histories.videos))


def random_matrix(seed: int = 0) -> csr_array:
    dense = np.random.default_rng(seed).random((50, 30)) < 0.3
    return csr_array(dense.astype(np.float32))


def liked(*pairs: str) -> Histories:
    """Merge likes such as ``"a1"``: user a likes video 1; one after the other."""
    rows = [event(pair[1], "like", user=pair[0], at=at) for at, pair in enumerate(pairs, 1)]
    return merge_events(events_of(rows))


def everything(histories: Histories) -> NDArray[np.int32]:
    return np.arange(len(histories.videos), dtype=np.int32)


def test_wanted_is_what_was_neither_hidden_nor_disliked() -> None:
    """Who hid, disliked or took back a like wants nothing, and neither does who is left out."""
    rows = [event("x", "like", user=user, at=1) for user in "abcd"]
    rows += [event("x", "hide", user="b", at=2), event("x", "neutral", user="c", at=2)]
    rows += [event("x", "dislike", user="e", at=3), event("y", user="f", at=9)]
    histories = merge_events(events_of(rows))
    left_out = np.array([user == "d" for user in histories.users])
    found = wanted(histories, left_out)
    pairs = found.matrix.tocoo()
    who = [
        (histories.users[user], found.vocabulary.ids[column])
        for user, column in zip(pairs.row.tolist(), pairs.col.tolist(), strict=True)
    ]
    assert who == [("a", "x"), ("f", "y")]
    assert found.popularity.tolist() == [1, 1]
    assert [histories.videos[code] for code in found.codes.tolist()] == ["x", "y"]


def test_recent_is_the_last_tenth_of_the_time() -> None:
    """Of videos wanted by as many, only those count that were wanted lately."""
    rows = [event("old", "like", user=user, at=at) for at, user in enumerate("abc", 1)]
    rows += [event("new", "like", user=user, at=at) for at, user in enumerate("abc", 91)]
    rows += [event("new", "like", user="d", at=101)]
    found = wanted(merge_events(events_of(rows)), np.zeros(4, np.bool_))
    assert dict(zip(found.vocabulary.ids, found.recent.tolist(), strict=True)) == {
        "old": 0,
        "new": 4,
    }


def test_sketches_tell_how_alike_users_of_videos_are() -> None:
    """Products of sketches are close to the cosines of the columns."""
    histories = merge_events(events_of(world()))
    found = wanted(histories, np.zeros(len(histories), np.bool_))
    sketches = found.sketches(len(histories.videos) + 2)
    columns = found.matrix.toarray()
    columns /= np.linalg.norm(columns, axis=0)
    cosines = columns.T @ columns
    error = (sketches @ sketches.T)[np.ix_(found.codes, found.codes)] - cosines
    assert np.abs(error.mean()) < 0.1 * cosines.mean()
    assert error.std() < 0.05
    assert not sketches[-2:].any()


@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
def test_neighbours_are_those_of_a_dense_twin(shrinkage: float) -> None:
    """With all neighbours kept, and with the best five, weights are the cosines."""
    matrix = random_matrix()
    dense = matrix.toarray().astype(np.float64)
    together = dense.T @ dense
    size = np.sqrt(np.diag(together))
    cosine = together / (np.outer(size, size) + shrinkage)
    np.fill_diagonal(cosine, 0)
    assert nearest(matrix, 30, shrinkage).toarray() == pytest.approx(cosine, abs=1e-6)
    five = nearest(matrix, 5, shrinkage).toarray()
    best = -np.sort(-cosine, axis=1)[:, :5]
    assert -np.sort(-five, axis=1)[:, :5] == pytest.approx(best, abs=1e-6)
    assert (np.count_nonzero(five, axis=1) <= 5).all()


def test_ease_solves_its_equations() -> None:
    """Weights have a zero diagonal, and off it the gradient of the ridge regression is zero."""
    dense = random_matrix().toarray().astype(np.float64)
    weights = ease_weights(random_matrix(), 4.0).astype(np.float64)
    assert not np.diag(weights).any()
    gradient = dense.T @ (dense @ weights - dense) + 4.0 * weights
    np.fill_diagonal(gradient, 0)
    assert gradient == pytest.approx(np.zeros_like(gradient), abs=1e-4)


def test_popular_videos_come_in_order() -> None:
    """The popular come first, of two alike the first to appear, and none that was seen."""
    histories = liked("a1", "b2", "b1", "c3", "c1", "d3")
    found = wanted(histories, np.zeros(4, np.bool_))
    way = popular("popularity", found.codes, found.popularity, everything(histories))
    ids = np.array([*histories.videos, "-"])
    lists = ["".join(row) for row in ids[way.lists(asked(histories), 4)].tolist()]
    assert lists == ["32--", "3---", "2---", "12--"]


def test_only_listable_videos_are_listed() -> None:
    """No peer lists what may not be listed, or what the user has seen, or a video twice."""
    histories = merge_events(events_of(world(users=40)))
    listable = everything(histories)[::3]
    found = wanted(histories, np.zeros(len(histories), np.bool_))
    made = peers(ALL, found, listable, PeerSettings())
    assert [way.name for way in made.ways] == list(ALL)
    for way in made.ways:
        lists = way.lists(asked(histories), 50)
        for user, row in enumerate(lists.tolist()):
            codes = [code for code in row if code >= 0]
            seen = set(histories.history(user).videos)
            expected = {code for code in listable.tolist() if histories.videos[code] not in seen}
            assert set(codes) == expected
            assert row == codes + [-1] * (50 - len(codes))


@pytest.mark.parametrize("name", ["item_knn", "ease"])
def test_newer_videos_count_for_more(name: PeerName) -> None:
    """With a half-life the newest video decides; flat, the many old ones do."""
    pairs = [f"{user}{video}" for user in "abcdef" for video in "123x"]
    pairs += [f"{user}{video}" for user in "ghijkl" for video in "78y"]
    histories = liked(*pairs, "m1", "m2", "m3", "m7")
    found = wanted(histories, np.zeros(len(histories), np.bool_))
    settings = PeerSettings(
        item_knn_half_life=0.5, ease_half_life=0.5, ease_ridge=1.0, neighbours=5
    )
    way = peers((name,), found, everything(histories), settings).ways[0]
    ids = np.array(histories.videos)
    assert ids[way.lists(asked(histories), 1)[-1]].item() in "8y"
    assert ids[way.flat.lists(asked(histories), 1)[-1]].item() == "x"


@pytest.mark.parametrize("name", ["item_knn", "ease"])
def test_only_what_goes_with_wanted_videos_is_scored(name: PeerName) -> None:
    """What goes with a wanted video comes first, what goes with a disliked one last."""
    pairs = [f"{user}{video}" for user in "abc" for video in "12"]
    pairs += [f"{user}{video}" for user in "de" for video in "34"]
    rows = [event(pair[1], "like", user=pair[0], at=at) for at, pair in enumerate(pairs, 1)]
    rows += [event("9", "like", user=user, at=50) for user in "fghijk"]
    rows += [event("3", "like", user="m", at=60), event("1", "dislike", user="m", at=61)]
    histories = merge_events(events_of(rows))
    found = wanted(histories, np.zeros(len(histories), np.bool_))
    settings = PeerSettings(ease_ridge=1.0)
    way = peers((name,), found, everything(histories), settings).ways[0]
    ids = np.array(histories.videos)
    assert "".join(ids[way.lists(asked(histories), 3)[-1]]) == "492"


def test_who_wants_nothing_gets_the_popular_videos() -> None:
    """To somebody unknown every peer shows what is popular."""
    histories = merge_events(events_of(world(users=40)))
    found = wanted(histories, np.zeros(len(histories), np.bool_))
    way, *others = peers(
        ("popularity", "item_knn", "ease"), found, everything(histories), PeerSettings()
    ).ways
    unknown = Asked(
        np.zeros(1, np.int64),
        [merge_events(events_of([event("?", "hide")])).history(0)],
        Vocabulary(histories.videos),
    )
    for other in others:
        assert np.array_equal(other.lists(unknown, 20), way.lists(unknown, 20))


def test_too_much_work_is_cut_short_and_told() -> None:
    """Where there are too many pairs users are drawn; where too many videos EASE is left out."""
    histories = merge_events(events_of(world()))
    found = wanted(histories, np.zeros(len(histories), np.bool_))
    listable = everything(histories)
    tight = PeerSettings(pairs=20_000, ease_videos=100)
    made = peers(ALL, found, listable, tight)
    assert [way.name for way in made.ways] == ["popularity", "recent_popularity", "item_knn"]
    assert made.left_out == {
        "item_knn": "learnt from 36 of 120 users",
        "ease": "120 videos are too many for it; at most 100",
    }
    again = peers(ALL, found, listable, msgspec.structs.replace(tight, seed=1))
    one, other = (p.ways[2].lists(asked(histories), 10) for p in (made, again))
    assert not np.array_equal(one, other)
    assert peers(ALL, found, listable, PeerSettings()).left_out == {}


def test_nobody_wanting_anything_leaves_the_popular_peers() -> None:
    """Without anything to learn from, item-item peers are not made."""
    histories = merge_events(events_of([event("x", "hide")]))
    found = wanted(histories, np.zeros(1, np.bool_))
    made = peers(ALL, found, everything(histories), PeerSettings())
    assert [way.name for way in made.ways] == ["popularity", "recent_popularity"]
    assert [way.lists(asked(histories), 2).tolist() for way in made.ways] == [[[-1, -1]]] * 2
