"""The Faust worker; nothing else in this project knows Faust."""

from stream_inference.faust_worker.settings import WorkerSettings
from stream_inference.faust_worker.worker import run

__all__ = ["WorkerSettings", "run"]
