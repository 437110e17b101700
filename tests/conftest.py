"""Settings that every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# BLAS with threads of its own fights for the cores; implicit warns of it, which is an error here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The same examples in every run, so that a red build is red for everybody.
settings.register_profile(
    "upnext", derandomize=True, database=None, deadline=None, max_examples=60, print_blob=True
)
settings.load_profile("upnext")
