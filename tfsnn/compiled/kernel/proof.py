"""The proof that sums stay where they are exact: one comparison a population and time stamp.

No |x| of a population can grow by more than (largest |k|) x (sum of |w| into one target), nor by more than (sum of |k|) x (largest |w|);
both are worked out with the plan. A bound of |x| goes up by that; where it comes to the limit, |x| itself is looked at once.
The numbers are float64: exact up to the limit, never too small beyond it, and they cannot overflow.
"""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined
from tfsnn.compiled.kernel.lists import population
from tfsnn.compiled.kernel.memory import floats, int64s, states
from tfsnn.compiled.kernel.vector import highest, settled

NARROW_LIMIT, WIDE_LIMIT = 1 << 29, 1 << 52
"""|x| stays below it. Of int32: f(x) may exceed x twice over, and f(x) - o still fit; of int64 the limit is the eager engine's."""


@inlined
def limit_of(x: Array) -> Number:
    """The limit of these states."""
    return np.float64(NARROW_LIMIT if x.itemsize == 4 else WIDE_LIMIT)


@inlined
def growth(context: Array, number: Number, largest: Number, total: Number) -> Number:
    """What a path's events can add to any abs(x), given the largest abs(k) and their sum."""
    reach = floats(context, c.REACHES)
    return min(reach[2 * number] * largest, reach[2 * number + 1] * total)


@inlined
def admitted(context: Array, number: Number, more: Number) -> Number:
    """Whether |x| of a population may grow so; its bound goes up accordingly."""
    p, x, bounds = population(context, number), states(context, c.X_CELLS), floats(context, c.BOUNDS)
    if bounds[number] + more >= limit_of(x):
        bounds[number] = np.float64(highest(x, p[c.X], p[c.X] + p[c.X_SIZE]))
        if bounds[number] + more >= limit_of(x):
            return False
    bounds[number] += more
    return True


@inlined
def at_rest(context: Array, number: Number) -> Number:
    """Whether nothing of a population, of int32 and where f is a clip, has anything to send before something is delivered to it.

    Then neurons that nothing reaches need not be told from the others. It stays so, once it is: whatever is reached is checked.
    """
    p, x, marks = population(context, number), states(context, c.X_CELLS), int64s(context, c.SETTLED)
    if x.itemsize > 4 or p[c.KIND] != c.VECTOR or not p[c.SPIKES]:
        return False
    if not marks[number]:
        marks[number] = settled(x, states(context, c.O_CELLS), p, p[c.X_SIZE])
    return marks[number] != 0
