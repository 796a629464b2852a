"""What is right for each sample: class numbers, however they are written, or numbers and masks to be met."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import InputError


def targets(y: NDArray[Any], samples: int, where: str) -> NDArray[Any]:
    """Class numbers int64 (samples) from (n,), (n, 1) or one-hot (n, classes); anything else as float32 (samples, \\*shape).

    Parameters
    ----------
    y
        As found.
    samples
        How many there must be.
    where
        What they are, for messages.

    Examples
    --------
    >>> targets(np.array([[0, 1], [1, 0]]), 2, "y").tolist(), targets(np.array([[0.5], [-1]]), 2, "y").tolist()
    ([1, 0], [0.5, -1.0])
    """
    if y.dtype.kind not in "biuf" or y.ndim < 1 or len(y) != samples:
        found = f"{where} is {y.dtype} of shape {y.shape}"
        allowed = f"class numbers ({samples},) or ({samples}, 1), one-hot rows, or numbers to be met, one entry for each sample"
        raise InputError(f"{found}; expected {allowed}")
    if not np.all(np.isfinite(y)):
        raise InputError(f"{where} holds NaN or infinity; leave these samples out")
    if y.ndim > 1 and y.shape[1:] == (1,):
        y = y[:, 0]
    if y.ndim == 2 and _is_one_hot(y):
        classes: NDArray[np.int64] = np.argmax(y, axis=1).astype(np.int64)
        return classes
    if y.ndim > 1 or (y.dtype.kind == "f" and (np.any(y != np.rint(y)) or y.min() < 0)):
        return y.astype(np.float32)
    if y.min() < 0 or y.max() >= 1 << 31:
        raise InputError(f"{where} goes from {y.min()} to {y.max()}; classes are numbered from 0, and numbers to be met are floats")
    return y.astype(np.int64)


def _is_one_hot(y: NDArray[Any]) -> bool:
    return bool(np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1))
