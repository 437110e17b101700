"""From the bytes of a version's parts to a model and a catalogue that can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from data.frozen_model import FrozenModel
from data.manifest import ModelStoreError
from data.served_model import ServedModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data.catalogue import Catalogue
    from data.manifest import Manifest


class LoadedModel(NamedTuple):
    """A verified version."""

    model: FrozenModel
    catalogue: Catalogue


def unpack(manifest: Manifest, blobs: Mapping[str, bytes | memoryview]) -> LoadedModel:
    """Unpack what a version is served from, and check it.

    Parameters
    ----------
    blobs
        The parts by name.

    Raises
    ------
    ModelStoreError
        If a part is no model or no catalogue, or the shape is another than the manifest says.
    """
    model = unpack_model(manifest, blobs["model"])
    return LoadedModel(model, unpack_catalogue(manifest, blobs["catalogue"]))


def unpack_model(manifest: Manifest, blob: bytes | memoryview) -> FrozenModel:
    """Unpack the model of a version; errors as `unpack`."""
    try:
        model = FrozenModel.from_bytes(blob)
    except ValueError as error:
        msg = f"version {manifest.version} can't be used: {error}"
        raise ModelStoreError(msg) from error
    if (shape := model.item_factors.shape) != manifest.shape:
        msg = f"version {manifest.version} has {shape}, not {manifest.shape} factors"
        raise ModelStoreError(msg)
    return model


def unpack_served(manifest: Manifest, blob: memoryview) -> ServedModel:
    """Unpack and check a model, and keep what serves, in the same room; errors as `unpack`.

    Parameters
    ----------
    blob
        Can be written to, and is nobody else's.
    """
    return ServedModel.in_place_of(unpack_model(manifest, blob))


def unpack_catalogue(manifest: Manifest, blob: bytes | memoryview) -> Catalogue:
    """Unpack the catalogue of a version; errors as `unpack`."""
    # A worker needs no catalogue, and so not the 27 MiB that pyarrow takes.
    from data.catalogue import Catalogue  # noqa: PLC0415 - as said

    try:
        return Catalogue.from_bytes(blob)
    except ValueError as error:
        msg = f"version {manifest.version} can't be used: {error}"
        raise ModelStoreError(msg) from error
