"""What every test relies on: quiet libraries, two cores shared fairly, examples that can be drawn again."""

from __future__ import annotations

import os

# These are read when a library is imported, so they stand before the first import of any.
os.environ.update(
    TF_CPP_MIN_LOG_LEVEL="3",
    CUDA_VISIBLE_DEVICES="-1",
    KERAS_BACKEND="tensorflow",
    MPLBACKEND="Agg",
    TFSNN_PROGRESS="0",
)
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")

from hypothesis import HealthCheck, settings  # noqa: E402

from tfsnn.stage import terminal  # noqa: E402

# How long it takes to compile is no part of what a command says.
terminal.SLOW = 3600.0

# A busy machine is no defect: no deadline, no complaint about slow drawing. "ci" draws the same examples every time.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.register_profile("deep", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))
