"""Room for large arrays that goes back to the system as soon as they are dropped.

The C library keeps most of what it was given back, for itself alone: whoever else allocates in the same process, TensorFlow
for one, cannot have it. Weights come and go in the hundreds of megabytes, so they get pages of their own.
"""

from __future__ import annotations

import mmap
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LEAST = 1 << 18
"""Bytes from which an array gets pages of its own."""


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """A new array to be filled, as of ``np.empty``.

    Parameters
    ----------
    shape, dtype
        Of the array.

    Examples
    --------
    >>> empty((512, 512), "float32").shape
    (512, 512)
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size < LEAST:
        return np.empty(shape, dtype)
    return np.frombuffer(mmap.mmap(-1, size), dtype).reshape(shape)
