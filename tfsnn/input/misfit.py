"""Data and encoder that do not belong together: one message says what came, what the network expects, what to change."""

from __future__ import annotations

import warnings

from tfsnn.errors import InputError

FEW_LEVELS = 64
"""A range of fewer grid steps than this is too coarse for fractions."""
HARMLESS = 0.02
"""So far, in grid steps, a number may lie from the grid and still count as lying on it."""
FAR, TOO_FAR = 0.5, 4.0
"""By so many widths of the known range numbers may lie outside it: beyond, a warning; an error."""
Range = tuple[float, ...]


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
