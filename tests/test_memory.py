"""Large arrays have pages of their own, small ones do not; both are arrays like any other."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from tfsnn.memory import LEAST, empty


@pytest.mark.parametrize("count", [0, 5, LEAST // 4 - 1, LEAST // 4, LEAST])
@pytest.mark.parametrize("dtype", ["<f4", ">f4"])
def test_large_arrays_have_pages_of_their_own(count: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Pages(mmap.mmap):
        def __init__(self, file: int, length: int) -> None:
            made.append(length)

    monkeypatch.setattr("mmap.mmap", Pages)
    found = empty((count,), dtype)
    assert made == ([4 * count] if 4 * count >= LEAST else [])
    assert found.shape == (count,) and found.dtype == np.dtype(dtype) and found.flags.writeable
    found[:] = 3
    assert (found == 3).all()


def test_pages_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = mmap.mmap(-1, 4 * LEAST)
    monkeypatch.setattr("mmap.mmap", lambda file, length: pages)
    found = empty((LEAST,), np.float32)
    with pytest.raises(BufferError, match="exported pointers exist"):
        pages.close()
    del found
    pages.close()
    assert pages.closed
