"""Raw numbers as users have them: checked, and described by the grid that suits them."""

from __future__ import annotations

from math import floor, isfinite, log2, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.errors import InputError, shown

FINEST = 64
"""Into so many parts a raw unit is divided at most, so that an offset lies on the grid."""
LARGEST = 1e30
"""Of settings of an encoder."""


def suited(raw: NDArray[Any], scale: float) -> dict[str, Any]:
    """Settings of scale, step and range that suit raw data.

    Whole numbers (of any dtype) are their own grid, and their values are ``scale`` times as large. Fractions are values
    already; if they are whole multiples of 1/255 (pixels divided by 255) that is their grid, else a power of two with at
    least 10 bits over their range and 6 over their standard deviation, 16 at most.

    Parameters
    ----------
    raw
        (samples, \\*shape), as much as there is.
    scale
        Of whole numbers.

    Examples
    --------
    >>> suited(np.array([[0, 255]], np.uint8), 1 / 255)
    {'scale': 0.00392156862745098, 'step': 0.0, 'range': (0.0, 255.0)}
    >>> suited(np.array([[0.25, -0.9, 0.77]]), 1 / 255)
    {'scale': 1.0, 'step': 0.0009765625, 'range': (-0.9, 0.77)}
    """
    array = samples(raw)
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not fraction(array):
        return {"scale": scale, "step": 0.0, "range": (low, high)}
    if 1 / 255 <= max(abs(low), abs(high)) <= 1.001 and fraction(array * 255.0) < 1e-3:
        return {"scale": 1.0, "step": 1 / 255, "range": (low, high)}
    coarsest = min((high - low) / (1 << 10), float(array.std(dtype=np.float64)) / (1 << 6))
    finest = (high - low) / (1 << 16)
    step = 2.0 ** floor(log2(max(coarsest, finest, 1e-30)))
    return {"scale": 1.0, "step": step, "range": (low, high)}


def check_settings(kind: str, scale: object, offset: object, step: object, threshold: object) -> None:
    """InputError where a setting of an encoder is no number of its range; ``delta`` has a threshold, or a tuple of one for each channel."""
    several = threshold if kind == "delta" and isinstance(threshold, tuple) else (threshold,)
    settings = [("scale", scale, 0), ("offset", offset, -LARGEST), ("step", step, 0), *(("threshold", each, 0) for each in several)]
    for name, value, least in settings:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= LARGEST:
            raise InputError(f"encoder: {name} is {shown(value)}; it must be a number, {least:g} or above and at most {LARGEST:g}")
        if name == "scale" and value < 1 / LARGEST:
            raise InputError(f"encoder: scale is {value!r}; it must be positive, 1/255 for 8-bit pixels, {1 / LARGEST:g} at least")
        if name == "step" and 0 < value < 1 / LARGEST:
            raise InputError(f"encoder: step is {value!r}; it must be at least {1 / LARGEST:g}, or 0 for the grid of whole raw numbers")


def thresholds_of(found: object) -> Any:
    """One threshold as it is, several as a tuple; InputError where there is none."""
    if not isinstance(found, (list, tuple)):
        return found
    if not found:
        raise InputError("encoder: threshold is empty; give one number, or one for each channel")
    return found[0] if len(found) == 1 else tuple(found)


def range_of(found: object) -> tuple[float, ...]:
    pair = tuple(found) if isinstance(found, (tuple, list)) else (None,)
    plain = all(isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) for value in pair)
    if len(pair) not in (0, 2) or not plain or (pair and pair[0] > pair[1]):
        raise InputError(f"encoder: range is {found!r}; it must be the lowest and the highest raw number, or empty")
    return tuple(float(value) for value in pair)


def fraction(array: NDArray[Any]) -> float:
    """The largest distance to a whole number."""
    return 0.0 if array.dtype.kind in "iu" or not array.size else float(np.abs(array - np.rint(array)).max())


def flat_samples(array: NDArray[Any]) -> NDArray[Any]:
    # -1 would not do: there may be no sample.
    return array.reshape(len(array), prod(array.shape[1:]))


def samples(raw: ArrayLike) -> NDArray[Any]:
    if np.ndim(raw) < 2:
        array = np.asarray(raw)
        raise InputError(f"encoder: raw input is {array.dtype} of shape {array.shape}; give numbers of shape (samples, *input shape)")
    return numbers(raw)


def numbers(raw: ArrayLike) -> NDArray[Any]:
    array = np.asarray(raw)
    if array.dtype.kind not in "iuf":
        raise InputError(f"encoder: raw input is {array.dtype} of shape {array.shape}; give numbers of shape (samples, *input shape)")
    if array.dtype.kind in "iu":
        if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
            raise InputError(f"encoder: raw input up to {array.max()}; it must fit int64")
        return array if array.dtype == np.uint8 else array.astype(np.int64)
    if not np.all(np.isfinite(array)):
        raise InputError("encoder: raw input holds NaN or infinity; replace them first")
    return array.astype(np.float32) if array.dtype == np.float16 else array


def grid_of(scale: float, offset: float) -> float:
    """The coarsest grid of values that holds every whole raw number.

    Parameters
    ----------
    scale, offset
        Value of a raw unit, and of the raw number 0.
    """
    parts = next((n for n in range(1, FINEST + 1) if abs(offset / scale * n - round(offset / scale * n)) < 1e-6), 0)
    if not parts:
        found = f"an offset of {offset:g} is no multiple of the scale {scale:g}, nor of a {FINEST}th of it"
        raise InputError(f"encoder: {found}; give the step of the grid, too")
    return scale / parts
