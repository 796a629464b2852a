"""What the compiled engine's loops work on, and the neuron rule in them.

A network is flattened once into :class:`Net`, which threads share; each thread moves a :class:`Work`. Neurons are numbered
through all populations ("cells"). What an event does is looked up: of each source neuron, *entries* name the places in
which it arrives. An entry's *shape* is that of its runs, rows x taps of them: a kernel row over all filters is one run, as
kernels are stored flipped and apart for each phase of a stride. Borders are cut off in the tables, so no loop branches on them.

Columns of the integer tables carry the names of :mod:`tfsnn.compiled.kernel.columns`. Nothing here raises; trouble is a status.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel import plain
from tfsnn.compiled.kernel.vector import check, gather, highest

Array = NDArray[Any]
U: Any = np.uintp
"""Numba looks whether an index is negative unless its type says that it cannot be."""

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Compile a function, with these options of numba; it can make no arrays.

    Nor does it count references to arrays, which would cost fifteen times what the loops themselves do.
    """
    decorator: Callable[[Function], Function] = cast(Any, njit)(nogil=True, _nrt=False, **options)
    return decorator


inlined = compiled(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""All but entry points are inlined: a call would hand over the named tuples word by word, some four hundred of them."""
woven = compiled(inline="always")
"""The same for what holds most of the others: of an inlined function numba compiles a copy, too, that nobody calls."""
apart = compiled(no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For loops of their own over few arrays."""


class Net(NamedTuple):
    """A plan as flat arrays, read only; "carrier" is float32 or float64.

    Parameters
    ----------
    weight
        carrier or int16 (weights): grid steps of the target per payload unit.
    entry, place, first
        int32 (entries, 4); the same as int64 (entries, 2), column 0 telling places apart; int32: for each path, where each
        source neuron's entries begin.
    shape, link, population, level
        int64 (shapes, 11), (links, 5), (populations, 21); carrier (populations, 4).
    path, most, grow
        int64 (paths): where its part of ``first`` begins. float64 (paths), (links): by how much a payload unit can move any |x|.
    link_first, ear_first, ear
        int64: the links from a population (populations + 1); those to it are ``ear[ear_first[p]:ear_first[p + 1]]``.
    window_first, window, tap_first, tap
        int32: windows over each heard cell of max pooling; cells under each window.
    seat, pixel, nonzero, field
        Of convolutions seen from their targets: int32 (entries), the place in the convolution's input, -1 where an event arrives
        nowhere; int32 (pixels, 4); int32; int64 (paths, 15).
    slope, table
        float64, int64: of functions.
    output
        int64 (outputs): cells that are read.
    inputs
        int64 (inputs, 2): the population, and the number of its first neuron among all input neurons.
    limit
        |x| stays below it.
    """

    weight: Array
    entry: Array
    place: Array
    first: Array
    shape: Array
    link: Array
    population: Array
    level: Array
    path: Array
    most: Array
    grow: Array
    link_first: Array
    ear_first: Array
    ear: Array
    window_first: Array
    window: Array
    tap_first: Array
    tap: Array
    seat: Array
    pixel: Array
    nonzero: Array
    field: Array
    slope: Array
    table: Array
    output: Array
    inputs: Array
    limit: float


class Work(NamedTuple):
    """What one thread writes.

    Parameters
    ----------
    x, told
        carrier (cells): grid steps.
    flags
        uint8: neurons that have been reached and wait for their check.
    bound
        float64 (populations): not below any |x|.
    queue, lists
        int64 (capacity, 3) and (neurons, 3).
    length, events
        int64 (populations): entries of its list, and events that they stand for.
    mark
        int64 (neurons): row in the list plus 1 of an input neuron that is on it.
    counts
        int64 (7, populations)
    pile_first, pile_units
        int32, carrier: events that meet.
    near_first, near_units, begins, sizes, band
        int32, carrier: what arrives in a convolution, in order of pixels; int64 (pixels + 1), twice: where the events of a pixel
        begin, and the sum of |units| before; int64 (columns + 1): how many lie to the left in some lines.
    kept
        carrier: the state of pixels while they are added to in parts.
    progress
        int64 (14)
    """

    x: Array
    told: Array
    flags: Array
    bound: Array
    queue: Array
    lists: Array
    length: Array
    events: Array
    mark: Array
    counts: Array
    pile_first: Array
    pile_units: Array
    near_first: Array
    near_units: Array
    begins: Array
    sizes: Array
    band: Array
    kept: Array
    progress: Array


class Job(NamedTuple):
    """Samples to run, and where results go.

    Parameters
    ----------
    t, neuron, payload, offsets
        As in :class:`tfsnn.input.events.Events`.
    start_x, start_told, start_bound
        carrier (1 or samples, cells), float64 (1 or samples, populations)
    counts
        int64 (samples, 7, populations)
    final_x, final_told
        carrier (samples, outputs), or (samples, cells) where the state is kept.
    rows_x, rows_told, row_counts, row_first
        carrier (rows, outputs); int64 (rows, 3): operations, events sent, end of the queue. int64 (samples): first row.
    whole, rows, log
        Whether to keep the whole state, a row a time stamp, the queue.
    """

    t: Array
    neuron: Array
    payload: Array
    offsets: Array
    start_x: Array
    start_told: Array
    start_bound: Array
    counts: Array
    final_x: Array
    final_told: Array
    rows_x: Array
    rows_told: Array
    row_counts: Array
    row_first: Array
    whole: bool
    rows: bool
    log: bool


@inlined
def origin(net: Net, neuron: Any) -> tuple[Any, Any]:
    """Population and neuron of an input neuron."""
    which = len(net.inputs) - 1
    while neuron < net.inputs[which, 1]:
        which -= 1
    return net.inputs[which, 0], neuron - net.inputs[which, 1]


units_to_tell = inlined(plain.units_to_tell)


@inlined
def evaluate(p: Array, slope: Array, table: Array, level: Array, neuron: int, x: Any) -> Any:
    """f(x) of one neuron, in grid steps, where f is neither linear nor a ReLU."""
    if p[c.KIND] == c.SLOPED:
        return x if x >= 0 else level.dtype.type(np.rint(np.float64(x) * slope[p[c.TABLE] + neuron]))
    whole = np.int64(x)
    low, shift = p[c.LOW], p[c.SHIFT]
    high = low + ((p[c.ENTRIES] - 2) << shift)
    inside = min(max(whole, low), high)
    beyond = whole - inside
    if (beyond < 0 and p[c.FLAT_LOW]) or (beyond > 0 and p[c.FLAT_HIGH]):
        beyond = 0
    at = p[c.TABLE] + ((inside - low) >> shift)
    rest = (inside - low) & ((1 << shift) - 1)
    return level.dtype.type(table[at] + ((table[at + 1] - table[at]) * rest >> shift) + beyond)


@inlined
def speak(net: Net, number: int, x: Array, told: Array, start: int, stop: int, out: Array, tail: int) -> int:
    """Check the cells of a run, append what they send in neuron order; the new end of ``out``."""
    p, level, slope, table = net.population[number], net.level[number], net.slope, net.table
    if p[c.KIND] == c.VECTOR:
        tail = check(x, told, out, p, level, number, start, stop, tail)
        return tail
    for cell in range(start, stop):
        change = evaluate(p, slope, table, level, cell - p[c.BASE], x[cell]) - told[cell]
        if abs(change) >= level[c.CHANGE]:
            units = units_to_tell(change, p, level[c.OFFSET])
            told[cell] += units * p[c.PAYLOAD]
            out[tail, c.NEURON], out[tail, c.UNITS], out[tail, c.TIMES] = cell - p[c.BASE], units, number
            tail += 1
    return tail


@inlined
def speak_pool(net: Net, number: int, x: Array, told: Array, window: int, out: Array, tail: int) -> int:
    """Check one window of max pooling, as :func:`speak`; the new end of ``out``."""
    p, tap, tap_first = net.population[number], net.tap, net.tap_first
    at = p[c.POOLS] + window
    value = x[tap[tap_first[at]]]
    for i in range(tap_first[at] + 1, tap_first[at + 1]):
        value = max(value, x[tap[i]])
    cell = p[c.BASE] + window
    if value != told[cell]:
        units = units_to_tell(value - told[cell], p, net.level[number, c.OFFSET])
        told[cell] += units
        out[tail, c.NEURON], out[tail, c.UNITS], out[tail, c.TIMES] = window, units, number
        tail += 1
    return tail


@inlined
def settle(net: Net, number: int, work: Work, x: Array, told: Array, out: Array, tail: int) -> int:
    """Check the neurons that are flagged, in neuron order; the new end of ``out``."""
    p, flags, counts, progress = net.population[number], work.flags, work.counts, work.progress
    first, grain, flag, stop = p[c.FLAGS], p[c.GRAIN], progress[c.FROM], progress[c.UPTO]
    progress[c.FROM], progress[c.UPTO] = len(flags), 0
    while flag < stop:
        if not flags[flag]:
            flag += 1
            continue
        start = flag
        while flag < stop and flags[flag]:
            flags[flag] = 0
            flag += 1
        counts[c.CHECKS, number] += (flag - start) * grain
        if p[c.KIND] == c.POOL:
            for window in range(start - first, flag - first):
                at = p[c.POOLS] + window
                counts[c.COMPARISONS, number] += net.tap_first[at + 1] - net.tap_first[at] - 1
                tail = speak_pool(net, number, x, told, window, out, tail)
        else:
            base = p[c.BASE]
            tail = speak(net, number, x, told, base + (start - first) * grain, base + (flag - first) * grain, out, tail)
    return tail


@inlined
def admitted(net: Net, work: Work, number: int, growth: Any, seen: Any, low: Any, high: Any) -> tuple[Any, Any, Any, Any]:
    """Whether |x| of a population may grow so and stay in the exact range.

    It was ``seen`` to be at most so much (-1: not looked at yet), and was touched since from cell ``low`` up to ``high``: where its
    bound no longer suffices, it is looked at again there. Also gives the new ``seen``, ``low`` and ``high``.
    """
    p, bound = net.population[U(number)], work.bound
    if bound[number] + growth >= net.limit:
        seen, low, high = max(seen, highest(work.x, low, high)), p[c.BASE] + p[c.HEARD], p[c.BASE]
        bound[number] = seen
    inside = bound[number] + growth < net.limit
    bound[number] += growth if inside else 0.0
    return inside, seen, low, high


@inlined
def proven(net: Net, work: Work, number: int, growth: Any) -> Any:
    """As :func:`admitted`, where the whole population may have been touched."""
    p = net.population[U(number)]
    return admitted(net, work, number, growth, np.float64(-1), p[c.BASE], p[c.BASE] + p[c.HEARD])[0]


@inlined
def mark(flags: Array, flag: int, progress: Array) -> None:
    """Set a flag."""
    flags[flag] = 1
    progress[c.FROM], progress[c.UPTO] = min(progress[c.FROM], flag), max(progress[c.UPTO], flag + 1)


@inlined
def mark_runs(flags: Array, net: Net, number: int, entry: Any, progress: Array) -> None:
    """Flag the neurons under the runs of one entry."""
    p, shape = net.population[U(number)], net.shape[U(net.entry[U(entry), c.SHAPE])]
    first = p[c.FLAGS] + np.int64(np.uint32(net.entry[U(entry), c.AT] - p[c.BASE]) // np.uint32(p[c.GRAIN]))
    stop = first
    for row in range(shape[c.ROWS]):
        for tap in range(shape[c.TAPS]):
            start = first + row * shape[c.FLAG_ROW] + tap * shape[c.FLAG_TAP]
            stop = start + shape[c.FLAG_RUN]
            for flag in range(start, stop):
                flags[U(flag)] = 1
    progress[c.FROM], progress[c.UPTO] = min(progress[c.FROM], first), max(progress[c.UPTO], stop)


@inlined
def add_place(net: Net, work: Work, target: int, entry: Any, piled: int, events: Any, nonzero: Any) -> None:
    """Add what is piled up for a place, that of an entry; count it, and flag whom it reaches."""
    runs = net.shape[U(net.entry[U(entry), c.SHAPE])]
    gather(work.x, net.weight, runs, net.entry[U(entry), c.AT], work.pile_first, work.pile_units, 0, piled)
    work.counts[c.OPERATIONS, target] += events * runs[c.FANOUT]
    work.counts[c.OPERATIONS_NONZERO, target] += nonzero
    if net.population[target, c.SPEAKS]:
        mark_runs(work.flags, net, target, entry, work.progress)
