"""What UpNext promises, checked."""

# Some tests import `implicit` themselves; it must find CUDA's libraries loaded.
from batch_training.training import device as _before_implicit  # noqa: F401 - for its effect
