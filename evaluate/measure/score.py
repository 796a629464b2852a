"""A share of right answers with its Wilson interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from tfsnn.errors import InputError

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Accuracy:
    """A share of right answers, and its Wilson 95 % interval.

    Parameters
    ----------
    value, low, high
        From 0 to 1.
    samples
        How many answers there were.
    """

    value: float
    low: float
    high: float
    samples: int


def share(right: float, samples: int) -> Accuracy:
    """So many right of so many, with the Wilson score interval; it stays within 0 and 1 and needs no large sample."""
    if samples < 1:
        raise InputError("metrics: no samples; an accuracy needs at least one")
    value, z = right / samples, NORMAL_95 * NORMAL_95 / samples
    middle, half = value + z / 2, NORMAL_95 * sqrt(value * (1 - value) / samples + z / samples / 4)
    return Accuracy(value, max(0.0, (middle - half) / (1 + z)), min(1.0, (middle + half) / (1 + z)), samples)
