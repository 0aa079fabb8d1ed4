"""Makes a run of the tests the same every time, and keeps every library to one thread."""

import os

import pytest
from hypothesis import settings
from plain_kernel import leave_uncompiled

# The tests are spread over processes instead.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# HYPOTHESIS_PROFILE=explore draws new examples at each run.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# PLAIN_KERNEL=1 leaves the money kernel uncompiled, so that `make coverage` sees its lines.
if os.environ.get("PLAIN_KERNEL"):
    leave_uncompiled(pytest.MonkeyPatch())
