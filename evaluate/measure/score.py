"""How right outputs are: accuracy with its Wilson interval, or the error of a regression."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats
from tfsnn.errors import InputError

MEASURES = ("accuracy", "error")
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


def accuracy(outputs: Floats, labels: NDArray[np.int64]) -> Accuracy:
    """Share of samples whose largest output is the labelled one; of equal outputs the first counts.

    Parameters
    ----------
    outputs
        (samples, classes)
    labels
        int64 (samples)

    Examples
    --------
    >>> accuracy(np.array([[0.1, 0.9], [0.6, 0.4]]), np.array([1, 1]))
    Accuracy(value=0.5, low=0.0945..., high=0.9054..., samples=2)
    """
    return share(float(scores(outputs, labels, "accuracy").sum()), len(labels))


def share(right: float, samples: int) -> Accuracy:
    """So many right of so many, with the Wilson score interval; it stays within 0 and 1 and needs no large sample."""
    if samples < 1:
        raise InputError("metrics: no samples; an accuracy needs at least one")
    value, z = right / samples, NORMAL_95 * NORMAL_95 / samples
    middle, half = value + z / 2, NORMAL_95 * sqrt(value * (1 - value) / samples + z / samples / 4)
    return Accuracy(value, max(0.0, (middle - half) / (1 + z)), min(1.0, (middle + half) / (1 + z)), samples)


def scores(outputs: Floats, labels: NDArray[Any], measure: str) -> Floats:
    """float64 (samples): 1 or 0 for a right or wrong answer, or with ``"error"`` how far off the one output is."""
    if measure == "accuracy":
        return np.asarray(np.argmax(outputs, axis=1) == labels, np.float64)
    return np.asarray(np.abs(outputs[:, 0] - labels), np.float64)
