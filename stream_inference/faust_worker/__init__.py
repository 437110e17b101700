"""The Faust worker; nothing else in this project knows Faust."""

from stream_inference.faust_worker.process import run
from stream_inference.faust_worker.settings import WorkerSettings

__all__ = ["WorkerSettings", "run"]
