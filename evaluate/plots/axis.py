"""Axes: where a value stands, as a percentage of the axis, and the round numbers that are written beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, inf, log10

TINY = 1e-12
"""Values nearer to one another than that are drawn as one."""
Tick = tuple[float, str]
SIZES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Axis:
    """A range of values along one side of a chart.

    Parameters
    ----------
    low, high
        What the axis shows.
    log
        Logarithmic; ``low`` is above 0 then.
    """

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """Percent of the axis from its low end; what lies outside stands at the end."""
        low, high, value = (log10(v) if self.log else v for v in (self.low, self.high, max(value, self.low)))
        return round(100 * min(1.0, (value - low) / (high - low)), 2)

    def inside(self, value: float) -> bool:
        """Whether the axis shows the value where it is."""
        return self.low <= value <= self.high

    def ticks(self, most: int = 6) -> list[Tick]:
        """Round numbers, as many as there may be at most: percent of the axis, and text."""
        values = self._decades(most) if self.log else []
        # A logarithmic axis of less than two round numbers is marked as a linear one.
        values = values if len(values) > 1 else _linear(self.low, self.high, most)
        return [(self.at(value), short(value)) for value in values]

    def _decades(self, most: int) -> list[float]:
        """1, 2 and 5 in each decade, or fewer where that would be too many."""
        first, last = floor(log10(self.low)), ceil(log10(self.high))
        ways = [((1, 2, 5), 1), ((1, 3), 1), *(((1,), step) for step in range(1, last - first + 2))]
        for digits, step in ways:
            values = [digit * 10.0**power for power in range(first, last + 1, step) for digit in digits]
            values = [value for value in values if self.low * (1 - 1e-9) <= value <= self.high * (1 + 1e-9)]
            if len(values) <= most:
                break
        return values


def around(values: Iterable[float], *, log: bool = False, margin: float = 0.08, zero: bool = False) -> Axis:
    """An axis that shows all values and some room beside them.

    Parameters
    ----------
    values
        All that are to be seen.
    log
        Logarithmic if all of them are above 0.
    margin
        Room at either end, as a share of what the values span.
    zero
        Begin at 0, with no room there.

    Examples
    --------
    >>> around([1.0, 3.0], margin=0.5), around([5.0, 10.0], margin=0.0, zero=True)
    (Axis(low=0.0, high=4.0, log=False), Axis(low=0.0, high=10.0, log=False))
    """
    found = list(values) or [0.0, 1.0]
    log = log and min(found) > 0
    low, high = (log10(value) if log else value for value in (min(found), max(found)))
    size = max(abs(low), abs(high))
    # Where all values are one, as far as a chart shows it, room is what makes an axis of it.
    same = high - low <= max(1e-9 * size, TINY)
    room = 0.1 * (1.0 if log or size <= TINY else size) if same else margin * (high - low)
    low, high = low - room, high + room
    if log:
        return Axis(10**low, 10**high, log=True)
    return Axis(0.0 if zero else low, high if high > 0 or not zero else 1.0)


def _linear(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    least = (high - low) / max(most - 1, 1)
    power = 10.0 ** floor(log10(least)) if 0 < least < inf else 1.0
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= least * (1 - 1e-9))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def short(value: float) -> str:
    """A number as people write it on an axis.

    Examples
    --------
    >>> short(200_000), short(0.30000000000000004), short(1_500)
    ('200k', '0.3', '1.5k')
    """
    for size, letter in SIZES:
        if abs(value) >= size:
            return f"{value / size:.6g}{letter}"
    return f"{value:.6g}"
