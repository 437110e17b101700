"""A house: one installation under a prefix of its own, and what must hold in it at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from data.model_store import ModelStore, ModelStoreError
from data.redis_keys import RedisKeys
from data.up_next import up_next
from data.user_store import UserStore
from deploy.night.folder import newest_report

if TYPE_CHECKING:
    from pathlib import Path

    from batch_training.night_report import NightReport
    from data.frozen_model import FrozenModel
    from data.model_store import Active
    from data.redis_connection import Client
    from data.up_next import UpNext
    from tests.faults.jobs import Child, Jobs

TTL_S = 0.3  # of the lock, so that a killed holder is not waited for long
SERVED_FACTORS = 6
FLAGS = {
    "factors": 8,
    "iterations": 2,
    "regularization": 5,
    "alpha": 10,
    "threads": 1,
    "device": "cpu",
    "keep-versions": 2,
}


class Snapshot(NamedTuple):
    """What is served: the pointer, and every list as it stands in Redis, by user."""

    active: Active | None
    lists: dict[str, bytes]


class House(NamedTuple):
    """One installation: a prefix in Redis, and a state folder."""

    client: Client
    url: str
    prefix: str
    state: Path

    @property
    def keys(self) -> RedisKeys:
        """Its key schema."""
        return RedisKeys(self.prefix)

    @property
    def served(self) -> str:
        """Name of the version that is served."""
        active = self.models.current()
        return active.version if active else ""

    @property
    def models(self) -> ModelStore:
        """Its models."""
        return ModelStore(self.client, self.keys)

    def night(self, jobs: Jobs, history: Path, *more: object, **job: Any) -> Child:  # noqa: ANN401 - fields of a job
        """Start a night."""
        flags = [f"--{name}={value}" for name, value in FLAGS.items()]
        places = [f"--redis-url={self.url}", f"--redis-prefix={self.prefix}"]
        folder = f"--state-folder={self.state}"
        job = {"ttl_s": TTL_S} | job
        return jobs.start("night", history, *flags, *places, folder, *more, **job)

    def dump(self) -> dict[str, bytes]:
        """Give all that is in Redis, by key without the prefix."""
        names = sorted(name.decode() for name in self.client.scan_iter(f"{self.prefix}:*"))
        with self.client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.dump(name)
            values = pipe.execute()
        return {
            name.removeprefix(self.prefix): value for name, value in zip(names, values, strict=True)
        }

    def restore(self, dump: dict[str, bytes]) -> None:
        """Put back what another house, or this one, held."""
        with self.client.pipeline(transaction=False) as pipe:
            for name, value in dump.items():
                pipe.restore(f"{self.prefix}{name}", 0, value, replace=True)
            pipe.execute()

    def snapshot(self) -> Snapshot:
        """Give what is served."""
        users = self._users()
        values = self.client.mget([self.keys.up_next(user) for user in users]) if users else []
        found = zip(users, values, strict=True)
        lists = {user: value for user, value in found if isinstance(value, bytes)}
        return Snapshot(self.models.current(), lists)

    def lists(self) -> dict[str, UpNext]:
        """Read every list."""
        users = self._users()
        shown = UserStore(self.client, self.keys).read_lists(users)
        return {found.user: found for found in shown if found is not None}

    def _users(self) -> list[str]:
        found = self.client.scan_iter(f"{self.prefix}:{{u:*}}:history", count=1000)
        return sorted(key.decode().split("{u:")[1].split("}")[0] for key in found)

    def newest_report(self) -> NightReport:
        """Read what the last night that ended told."""
        found = newest_report(self.state)
        assert found is not None
        return found[0]

    def complaints(self, before: Snapshot) -> list[str]:
        """Tell all that is neither as before nor as after a night; empty if nothing is."""
        try:
            served = self._whole_versions()
            active = self.models.current()
        except ModelStoreError as error:
            return [str(error)]
        wrong = [] if active == before.active else self._wrong_pointer(before.active, active)
        if active and active.version not in served:
            wrong.append(f"the pointer names {active.version}, which is not published")
        return wrong + self._wrong_lists(before, active, served)

    def _whole_versions(self) -> dict[str, FrozenModel]:
        """Load every published version, as a worker would."""
        return {name: self.models.load(name).model for name in self.models.versions()}

    def _wrong_pointer(self, before: Active | None, now: Active | None) -> list[str]:
        if now is None or (before and now.activation <= before.activation):
            return [f"the pointer went from {before} to {now}"]
        return []

    def _wrong_lists(
        self, before: Snapshot, active: Active | None, served: dict[str, FrozenModel]
    ) -> list[str]:
        """Compare each list with what the model that it names gives for the stored history."""
        now, lists = self.snapshot().lists, self.lists()
        wrong = [f"{user} lost their list" for user in before.lists.keys() - lists.keys()]
        gone = {shown.version for shown in lists.values()} - served.keys()
        wrong += [f"a list names {version}, which is not published" for version in sorted(gone)]
        for user, shown in lists.items():
            as_before = now[user] == before.lists.get(user)
            as_after = active and (shown.version, shown.activation) == active[::-1]
            if not (as_before or as_after):
                wrong.append(f"{user} has a list that is neither of before nor of after")
            elif shown.version in served:
                wrong += self._wrong_list(shown, served[shown.version])
        return wrong

    def _wrong_list(self, shown: UpNext, model: FrozenModel) -> list[str]:
        stored = UserStore(self.client, self.keys).read_many([shown.user])[0]
        version, activation = shown.version, stored.activation
        (wanted,) = up_next(
            model, [shown.user], [stored.history], version=version, activation=activation
        )
        (facts, found), (rightly, expected) = _told(shown), _told(wanted)
        if facts == rightly and np.allclose(found, expected, rtol=0, atol=1e-5):
            return []
        return [f"{shown.user} has a list that {version} does not give for the stored history"]

    def strays(self) -> list[str]:
        """Name what no finished night leaves behind: keys of no version, locks, scratch files."""
        known = {self.keys.current, self.keys.versions, self.keys.activations, self.keys.fence}
        known.add(self.keys.popular)
        for version in self.models.versions():
            counts = self.models.manifest(version).chunk_counts
            known.add(self.keys.manifest(version))
            known |= {
                self.keys.chunk(version, part, number)
                for part, count in counts.items()
                for number in range(count)
            }
        found = {key.decode() for key in self.client.scan_iter(f"{self.prefix}:{{model}}:*")}
        return sorted(found - known) + self.scratch()

    def scratch(self) -> list[str]:
        """Name the scratch folders and half-written models of the state folder."""
        left = [*self.state.glob("nights/*/scratch"), *self.state.glob("models/.*")]
        return sorted(str(path.relative_to(self.state)) for path in left)


def _told(shown: UpNext) -> tuple[tuple[object, ...], list[float]]:
    """Give what must be equal in two lists, and the scores, which may differ in the last digit."""
    ids = tuple(item.id for item in shown.items)
    facts = (ids, shown.version, shown.activation, shown.at, shown.personal)
    return facts, [item.score for item in shown.items]
