"""Two networks on the same frames: is the one right more often than the other, or is it luck?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Paired:
    """The frames on which one of two is right and the other is not, and what they say.

    Parameters
    ----------
    only_first, only_second
        On how many frames only the one is right, or only the other.
    p
        Of the exact, two-sided McNemar test: how likely a split as uneven as this one is if both are equally good.
    """

    only_first: int
    only_second: int
    p: float


def paired(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Paired:
    """The exact McNemar test: each frame that only one of two gets right is a toss of a fair coin.

    Parameters
    ----------
    first, second
        bool (frames): whether each of them is right.

    Examples
    --------
    >>> paired(np.array([True] * 9 + [False]), np.array([False] * 6 + [True] * 4))
    Paired(only_first=6, only_second=1, p=0.125)
    """
    ahead, behind = int(np.count_nonzero(first & ~second)), int(np.count_nonzero(second & ~first))
    return Paired(ahead, behind, two_sided(min(ahead, behind), ahead + behind))


def two_sided(fewer: int, tosses: int) -> float:
    """The probability that a fair coin falls as unevenly as this, or more so, in so many tosses.

    Parameters
    ----------
    fewer
        How often the rarer side came up.
    tosses
        How many there were.
    """
    total = ways = 1
    for number in range(fewer):
        ways = ways * (tosses - number) // (number + 1)
        total += ways
    # Python divides whole numbers of any size correctly.
    return min(1.0, float(2 * total / (1 << tosses)))
