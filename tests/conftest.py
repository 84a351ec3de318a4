"""Hypothesis tries the same examples in every run, on fast machines and slow ones."""

import os

# Before NumPy is imported: workers share the cores, and threads of BLAS would wait in loops.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")
