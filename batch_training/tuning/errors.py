"""What can keep a search from its end; here, so that naming them doesn't import Optuna."""

from __future__ import annotations


class TooLittleError(ValueError):
    """The data are too few for a search; the message says what is missing."""


class StorageError(OSError):
    """The memory of a search can't be used; the message says which, and what to do."""
