"""Where real data for tests lie: in TFSNN_TEST_DATA, else in ../shared/data beside the checkout; tests skip without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def folder(*parts: str) -> Path:
    """Return a file or folder below the data folder, or skip the test that asks.

    Examples
    --------
    ``folder("keras_models", "model.h5")``
    """
    found = Path(os.environ.get("TFSNN_TEST_DATA", _BESIDE)).joinpath(*parts)
    if not found.exists():
        pytest.skip(f"no {'/'.join(parts) or 'data'} in the test data folder (set TFSNN_TEST_DATA)")
    return found


def cases(*parts: str) -> Path:
    """The same of the folder of small files that once failed: TFSNN_TEST_CASES, else ../shared/cases beside the checkout."""
    found = Path(os.environ.get("TFSNN_TEST_CASES", _BESIDE.parent / "cases")).joinpath(*parts)
    if not found.exists():
        pytest.skip(f"no {'/'.join(parts)} in the folder of cases (set TFSNN_TEST_CASES)")
    return found
