"""Vocabulary: which row of the factors belongs to which external id."""

from __future__ import annotations

from itertools import pairwise, repeat
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

UNKNOWN_ROW = -1


class Vocabulary:
    """Ids in a fixed order, and the way back from an id to its place in it.

    An *id* is what the outside world calls a video: any non-empty string. A *row* is where the
    model keeps it: an integer from 0 on, good for this one model and never to leave it.

    Attributes
    ----------
    ids
        The id of each row; the order is the caller's.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        """Give the ids their rows, in the order in which they come.

        Raises
        ------
        ValueError
            If an id is empty or stands there twice.
        """
        self.ids = tuple(ids)
        self._row_of = dict(zip(self.ids, range(len(self.ids)), strict=True))
        if "" in self._row_of:
            msg = f"row {self._row_of['']} of the vocabulary has an empty id; give it a name"
            raise ValueError(msg)
        if len(self._row_of) < len(self.ids):
            twice = next(x for row, x in enumerate(self.ids) if self._row_of[x] != row)
            msg = f"the id {twice!r} stands in the vocabulary twice; ids must be unique"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.ids == other.ids

    def __hash__(self) -> int:
        return hash(self.ids)

    def __repr__(self) -> str:
        return f"Vocabulary of {len(self)} ids"

    def rows(self, ids: Collection[str]) -> NDArray[np.int32]:
        """Find the row of each id.

        Returns
        -------
        Shape (len(ids),): the rows, -1 where the id is unknown.
        """
        found = map(self._row_of.get, ids, repeat(UNKNOWN_ROW))
        return np.fromiter(found, np.int32, len(ids))

    def id(self, row: int) -> str:
        """Give the external id of a row.

        Raises
        ------
        IndexError
            If there is no such row; -1, the unknown one, is none.
        """
        if not 0 <= row < len(self.ids):
            msg = f"there is no row {row} in a vocabulary of {len(self.ids)} ids"
            raise IndexError(msg)
        return self.ids[row]

    def to_arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Pack the ids into two arrays, as safetensors knows no strings.

        Returns
        -------
        The ids in UTF-8 one after another, shape (bytes,), and the offset at which each begins,
        with the end of the last, shape (n + 1,).
        """
        text = "".join(self.ids)
        # In ASCII a letter is a byte, and nothing has to be encoded one by one.
        each = self.ids if text.isascii() else [external.encode() for external in self.ids]
        offsets = np.zeros(len(each) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, each), np.int64, len(each)), out=offsets[1:])
        return np.frombuffer(text.encode(), np.uint8), offsets

    @classmethod
    def from_arrays(cls, text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Vocabulary:
        """Unpack what `to_arrays` packed.

        Raises
        ------
        ValueError
            If the arrays don't fit together, or hold no valid ids.
        """
        ends = offsets.tolist()
        if not ends or ends[0] != 0 or ends[-1] != len(text) or (offsets[1:] < offsets[:-1]).any():
            msg = f"the offsets of the vocabulary don't cut up its {len(text)} bytes of text"
            raise ValueError(msg)
        encoded = text.tobytes()
        if encoded.isascii():  # as above
            decoded = encoded.decode()
            return cls([decoded[start:end] for start, end in pairwise(ends)])
        return cls([encoded[start:end].decode() for start, end in pairwise(ends)])
