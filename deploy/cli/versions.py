"""Which published version a person means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data.frozen_model import ModelVersion
    from data.model_store import ModelStore


def find_version(store: ModelStore, name: str) -> ModelVersion:
    """Find a version by its name, its first or last letters, ``current`` or ``latest``.

    Raises
    ------
    ModelStoreError
        If there is none, or more than one; the message lists what there is.
    """
    from data.model_store import ModelStoreError

    versions = store.versions()
    if name == "current":
        found = [active.version] if (active := store.current()) else []
    elif name == "latest":
        found = versions[-1:]
    else:
        found = [v for v in versions if v == name] or [
            v for v in versions if v.startswith(name) or v.endswith(name)
        ]
    if len(found) == 1:
        return found[0]
    if found:
        msg = f"{name!r} may be {' or '.join(found)}; give more of it."
    elif versions:
        msg = f"There is no version {name!r}. There are {', '.join(versions)}."
    else:
        msg = "No model was published yet."
    raise ModelStoreError(msg)
