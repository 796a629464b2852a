"""Data and encoder that do not belong together: one message says what came, what the network expects, what to change."""

from __future__ import annotations

import warnings
from typing import NoReturn

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import InputError

FEW_LEVELS = 64
"""A range of fewer grid steps than this is too coarse for fractions."""
HARMLESS = 0.02
"""So far, in grid steps, a number may lie from the grid and still count as lying on it."""
FAR, TOO_FAR = 0.5, 4.0
"""By so many widths of the known range numbers may lie outside it: beyond, a warning; an error."""
Range = tuple[float, ...]


def check(array: Array, exact: Array | None, levels: Array | None, grid: float, scale: float, known: Range) -> None:
    """Refuse or warn where data and encoder do not belong together.

    Parameters
    ----------
    array
        Raw numbers as they come.
    exact, levels
        The same in grid steps, before and after rounding; None if they are grid steps as they are.
    grid, scale
        Value of a grid step, and of a raw unit.
    known
        As for :func:`off_grid`.
    """
    if not array.size:
        return
    low, high = array.min().item(), array.max().item()
    if exact is not None and levels is not None:
        top = float(np.abs(levels).max())
        if top >= 1 << 24:
            raise InputError(f"encoder: raw input from {low:g} to {high:g} gives payloads beyond 2^24; raise step or lower scale")
        if array.dtype.kind == "f":
            off_grid(low, high, top, float(np.abs(exact - levels).max()), grid / scale, scale, known)
    if known:
        out_of_range(low, high, grid / scale, scale, known)


def beyond_unit(low: float, high: float, scale: float, offset: float) -> NoReturn:
    """Refuse values below 0 or above 1.

    Parameters
    ----------
    low, high, scale, offset
        The raw numbers reach from here to there; value of a raw unit, and of the raw number 0.
    """
    raise InputError(
        f"encoder: raw input from {low} to {high} at scale {scale:g}; "
        f"kind 'delay' takes values from 0 to 1, that is raw {(0.0 - offset) / scale:g} to {(1 - offset) / scale:g}"
    )


def off_grid(low: float, high: float, top: float, error: float, unit: float, scale: float, known: Range) -> None:
    """Refuse numbers between two grid steps where the steps are too few for rounding to be harmless.

    Parameters
    ----------
    low, high
        The raw numbers reach from here to there.
    top, error
        The largest number of grid steps, and the largest distance to one.
    unit, scale
        Raw numbers a grid step, and value of a raw unit.
    known
        Lowest and highest raw number to be expected; empty if nobody knows.
    """
    width = (known[1] - known[0] if known else max(abs(low), abs(high))) / unit
    if error > HARMLESS and (width < FEW_LEVELS or top <= 2):
        raise InputError(
            f"encoder: raw input is of fractions from {low:g} to {high:g}, and {expected(unit, scale, known)}: rounding would leave "
            f"{int(top) + 1} levels; give raw numbers as the network expects them, or convert with --calibrate on data like these "
            "(or with --scale and --step that suit them)"
        )


def out_of_range(low: float, high: float, unit: float, scale: float, known: Range) -> None:
    """Warn of numbers far outside the known range, and refuse them where they are out of all proportion.

    Parameters
    ----------
    low, high, unit, scale, known
        As for :func:`off_grid`.
    """
    width = known[1] - known[0]
    outside = max(known[0] - low, high - known[1]) / width if width else 0.0
    if outside <= FAR:
        return
    message = (
        f"encoder: raw input from {low:g} to {high:g}, and {expected(unit, scale, known)}; give raw numbers as the network expects "
        "them, or convert with --calibrate on data like these (or with --range LO:HI)"
    )
    if outside > TOO_FAR:
        raise InputError(message)
    warnings.warn(message, stacklevel=5)


def expected(unit: float, scale: float, known: Range) -> str:
    """What raw input the network expects, in words."""
    seen = f", from {known[0]:g} to {known[1]:g}" if known else ""
    return f"the network expects steps of {unit:.6g}{seen} at scale {scale:.6g}"
