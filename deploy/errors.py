"""Errors that a person can act on, and the exit status of each."""

from __future__ import annotations

from typing import Final

EXIT_FAULT: Final = 1
EXIT_USAGE: Final = 2
EXIT_BAD_DATA: Final = 4
EXIT_LOCKED: Final = 5


def exit_status(error: Exception) -> int | None:
    """Give the exit status for an error that a person can act on, None for any other."""
    from batch_training.reading.load_report import BadDataError
    from batch_training.reading.quarantine import QuarantineError
    from batch_training.reading.spool import SpoolError
    from batch_training.training.device import DeviceError
    from batch_training.training.train import FitError
    from batch_training.tuning.errors import StorageError, TooLittleError
    from data.catalogue import CatalogueError
    from data.model_lock import LockedError, LostLockError
    from data.model_store import ModelStoreError
    from data.redis_connection import RedisUnavailableError
    from data.sources.table import SourceError
    from deploy.demo.traffic import LateListError
    from deploy.embedded.broker import TrimmedError
    from deploy.embedded.kafka import KafkaMissingError, KafkaStartError
    from deploy.embedded.stack import WorkerDiedError
    from deploy.kafka import KafkaSetupError, KafkaUnavailableError
    from deploy.night.folder import StateFolderError
    from deploy.settings.sources import SettingsError
    from deploy.tuning.tuned_file import TunedFileError

    by_kind: dict[tuple[type[Exception], ...], int] = {
        (LockedError,): EXIT_LOCKED,
        (SettingsError, CatalogueError): EXIT_USAGE,
        (BadDataError, SourceError, TooLittleError): EXIT_BAD_DATA,
        (RedisUnavailableError, KafkaUnavailableError, ModelStoreError): EXIT_FAULT,
        (LostLockError, DeviceError, SpoolError, QuarantineError): EXIT_FAULT,
        (StateFolderError, StorageError, TunedFileError, FitError): EXIT_FAULT,
        (KafkaMissingError, KafkaStartError, KafkaSetupError): EXIT_FAULT,
        (LateListError, TrimmedError, WorkerDiedError): EXIT_FAULT,  # of the demo
    }
    return next((code for kinds, code in by_kind.items() if isinstance(error, kinds)), None)
