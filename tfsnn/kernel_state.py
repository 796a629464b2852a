"""What the compiled engine's loops work on, and the neuron rule in them.

A network is flattened once into :class:`Net`, which threads share; each thread moves a :class:`Work`. Neurons are numbered
through all populations ("cells"). What an event does is looked up: of each source neuron, *entries* name the places in
which it arrives. An entry's *shape* is that of its runs, rows x taps of them: a kernel row over all filters is one run, as
kernels are stored flipped and apart for each phase of a stride. Borders are cut off in the tables, so no loop branches on them.

Columns of the integer tables carry the names below. Nothing here raises; trouble is a status.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tfsnn.kernel_vector import WORD, add_many, highest, lowest, tellers

Array = NDArray[Any]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(*, cache: bool = False) -> Callable[[Function], Function]:
    """Compile a function; ``cache`` for an entry point, all others are woven into it.

    They are inlined to the last: a call would hand over the named tuples word by word, some four hundred of them. And
    they count no references to arrays (nor can they make any), which would cost fifteen times what the loops themselves do.

    Parameters
    ----------
    cache
        Whether Python calls it.
    """
    options = {"cache": True} if cache else {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    decorator: Callable[[Function], Function] = cast(Any, njit)(nogil=True, _nrt=False, **options)
    return decorator


inlined = compiled()

DONE, FULL, RANGE = 0, 1, 2
"""Status: all samples are done; the queue must grow before it can go on; a sum may leave the exact range."""

SHAPE, AT, WEIGHT, FANOUT_NONZERO = range(4)
"""Columns of an entry."""
ROWS, TAPS, RUN, ROW_STEP, TAP_STEP, ROW_WEIGHT, TAP_WEIGHT, FLAG_RUN, FLAG_ROW, FLAG_TAP, FANOUT = range(11)
"""Columns of a shape."""
TARGET, FIRST_PATH, LAST_PATH, SOURCE, ALONE = range(5)
"""Columns of a link: the paths from one population to another; ALONE: -1 if an event may arrive in several
places; else the first of its entries, one a neuron (to max pooling: 0)."""
BASE, HEARD, LIST, LISTED, FLAGS, GRAIN, KIND, PAYLOAD, LEAST, LARGEST, DIRECT, SPEAKS, PUSHES = range(13)
"""Columns of a population: its first cell, and number of those with x; the first row of its list, and number of neurons; its
first flag, and neurons a flag; KIND; P, least and largest payload; whether it quantizes directly, speaks; most neurons that an
event reaches."""
TABLE, ENTRIES, LOW, SHIFT, FLAT_LOW, FLAT_HIGH, WINDOWS, POOLS = range(13, 21)
"""Columns of a population, further: its function's table or slopes; its rows in the tables of max pooling."""
VECTOR, SLOPED, TABULATED, POOL, INPUT = range(5)
"""KIND of a population."""
FLOOR, CEILING, CHANGE, OFFSET = range(4)
"""Columns of a level: a neuron speaks if abs(min(max(x, FLOOR), CEILING) - told) >= CHANGE; told = o P + OFFSET."""
NEURON, UNITS, TIMES = range(3)
"""Columns of a queue and of a list: neuron, payload units, and its population (queue) or the number of its events (list)."""
POSITIVE, NEGATIVE, RECEIVED, OPERATIONS, OPERATIONS_NONZERO, CHECKS, COMPARISONS = range(7)
"""Rows of the counts, as in the ledger."""
SAMPLE, LAST_SAMPLE, EVENT, HEAD, TAIL, PART, ROW, INSIDE, NEXT = range(9)
"""Where a run stands: sample and end of its samples; next event; queue; units of its head already delivered; next trajectory
row; whether inside a time stamp; and which population is next (after RANGE: is concerned)."""


class Net(NamedTuple):
    """A plan as flat arrays, read only; "carrier" is float32 or float64.

    Parameters
    ----------
    weight
        carrier (weights): grid steps of the target per payload unit.
    entry, first
        int32 (entries, 4); int32: for each path, where each source neuron's entries begin.
    shape, link, population, level
        int64 (shapes, 11), (links, 5), (populations, 21); carrier (populations, 4).
    path, reach
        int64 (paths): where its part of ``first`` begins. float64 (paths, 2), as :attr:`tfsnn.plan.Path.reach`.
    link_first, ear_first, ear
        int64: the links from a population (populations + 1); those to it are ``ear[ear_first[p]:ear_first[p + 1]]``.
    window_first, window, tap_first, tap
        int32: windows over each heard cell of max pooling; cells under each window.
    slope, table
        float64, int64: of functions.
    output
        int64 (outputs): cells that are read.
    origin
        int64 (inputs, 2): population and neuron of each input neuron.
    limit
        |x| stays below it.
    """

    weight: Array
    entry: Array
    first: Array
    shape: Array
    link: Array
    population: Array
    level: Array
    path: Array
    reach: Array
    link_first: Array
    ear_first: Array
    ear: Array
    window_first: Array
    window: Array
    tap_first: Array
    tap: Array
    slope: Array
    table: Array
    output: Array
    origin: Array
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
    length, biggest, total
        int64, float64, float64 (populations): of its list, entries, largest and summed abs(units).
    mark
        int64 (neurons): row in the list plus 1 of an input neuron that is on it.
    counts
        int64 (7, populations)
    pile_first, pile_units
        int64, carrier: events that meet.
    progress
        int64 (9)
    """

    x: Array
    told: Array
    flags: Array
    bound: Array
    queue: Array
    lists: Array
    length: Array
    biggest: Array
    total: Array
    mark: Array
    counts: Array
    pile_first: Array
    pile_units: Array
    progress: Array


class Job(NamedTuple):
    """Samples to run, and where results go.

    Parameters
    ----------
    t, neuron, payload, offsets
        As in :class:`tfsnn.events.Events`.
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
def evaluate(kind: int, p: Array, slope: Array, table: Array, level: Array, neuron: int, x: Any) -> Any:
    """f(x) of one neuron, in grid steps."""
    if kind == VECTOR:
        return min(max(x, level[FLOOR]), level[CEILING])
    if kind == SLOPED:
        return x if x >= 0 else level.dtype.type(np.rint(np.float64(x) * slope[p[TABLE] + neuron]))
    whole = np.int64(x)
    low, shift = p[LOW], p[SHIFT]
    high = low + ((p[ENTRIES] - 2) << shift)
    inside = min(max(whole, low), high)
    beyond = whole - inside
    if (beyond < 0 and p[FLAT_LOW]) or (beyond > 0 and p[FLAT_HIGH]):
        beyond = 0
    at = p[TABLE] + ((inside - low) >> shift)
    rest = (inside - low) & ((1 << shift) - 1)
    return level.dtype.type(table[at] + ((table[at + 1] - table[at]) * rest >> shift) + beyond)


@inlined
def units_to_tell(change: float, p: Array, offset: float) -> Any:
    """What the neuron rule's loop sends, summed: whole payload units, without a last payload that would stay below T."""
    if p[DIRECT]:
        units = np.int64(np.floor((np.float64(change) + offset) / p[PAYLOAD]))
    else:
        units = np.int64(np.float64(change) / p[PAYLOAD])
    size = abs(units)
    if size > p[LARGEST]:
        rest = size % p[LARGEST]
        if rest < p[LEAST]:
            units = size - rest if units > 0 else rest - size
    return units


@inlined
def who_tells(kind: int, p: Array, slope: Array, table: Array, level: Array, x: Array, told: Array, start: int, stop: int) -> Any:
    """As bits, which of up to WORD cells have something to tell."""
    if kind == VECTOR:
        return tellers(x, told, start, stop, level[FLOOR], level[CEILING], level[CHANGE])
    bits = np.int64(0)
    for cell in range(start, stop):
        value = evaluate(kind, p, slope, table, level, cell - p[BASE], x[cell])
        if abs(value - told[cell]) >= level[CHANGE]:
            bits |= np.int64(1) << (cell - start)
    return bits


@inlined
def speak(net: Net, number: int, x: Array, told: Array, start: int, stop: int, out: Array, tail: int) -> int:
    """Check the cells of a run, append what they send in neuron order; the new end of ``out``."""
    p, level, slope, table = net.population[number], net.level[number], net.slope, net.table
    kind, base = p[KIND], p[BASE]
    for word in range(start, stop, WORD):
        bits = who_tells(kind, p, slope, table, level, x, told, word, min(word + WORD, stop))
        while bits:
            cell = word + lowest(bits)
            value = evaluate(kind, p, slope, table, level, cell - base, x[cell])
            units = units_to_tell(value - told[cell], p, level[OFFSET])
            told[cell] += units * p[PAYLOAD]
            out[tail, NEURON], out[tail, UNITS], out[tail, TIMES] = cell - base, units, number
            tail += 1
            bits &= bits - 1
    return tail


@inlined
def speak_pool(net: Net, number: int, x: Array, told: Array, window: int, out: Array, tail: int) -> int:
    """Check one window of max pooling, as :func:`speak`; the new end of ``out``."""
    p, tap, tap_first = net.population[number], net.tap, net.tap_first
    at = p[POOLS] + window
    value = x[tap[tap_first[at]]]
    for i in range(tap_first[at] + 1, tap_first[at + 1]):
        value = max(value, x[tap[i]])
    cell = p[BASE] + window
    if value != told[cell]:
        units = units_to_tell(value - told[cell], p, net.level[number, OFFSET])
        told[cell] += units
        out[tail, NEURON], out[tail, UNITS], out[tail, TIMES] = window, units, number
        tail += 1
    return tail


@inlined
def settle(net: Net, number: int, x: Array, told: Array, flags: Array, reach: tuple[Any, Any], counts: Array, out: Array, tail: int) -> int:
    """Check the neurons flagged from ``reach[0]`` up to ``reach[1]``, in neuron order; the new end of ``out``."""
    p = net.population[number]
    first, grain, flag, stop = p[FLAGS], p[GRAIN], reach[0], reach[1]
    while flag < stop:
        if not flags[flag]:
            flag += 1
            continue
        start = flag
        while flag < stop and flags[flag]:
            flags[flag] = 0
            flag += 1
        counts[CHECKS, number] += (flag - start) * grain
        if p[KIND] == POOL:
            for window in range(start - first, flag - first):
                at = p[POOLS] + window
                counts[COMPARISONS, number] += net.tap_first[at + 1] - net.tap_first[at] - 1
                tail = speak_pool(net, number, x, told, window, out, tail)
        else:
            base = p[BASE]
            tail = speak(net, number, x, told, base + (start - first) * grain, base + (flag - first) * grain, out, tail)
    return tail


@inlined
def proven(bound: Array, number: int, growth: float, limit: float, x: Array, p: Array) -> bool:
    """Whether no |x| of a population can reach the limit when it grows so; |x| is looked up only when its bound no longer says so."""
    if bound[number] + growth >= limit:
        bound[number] = highest(x, p[BASE], p[BASE] + p[HEARD])
        if bound[number] + growth >= limit:
            return False
    bound[number] += growth
    return True


@inlined
def mark_runs(flags: Array, net: Net, number: int, entry: Any) -> tuple[Any, Any]:
    """Flag the neurons under the runs of one entry; the first flag, and the one behind the last."""
    shape, which = net.shape, net.entry[entry, SHAPE]
    first = net.population[number, FLAGS] + (net.entry[entry, AT] - net.population[number, BASE]) // net.population[number, GRAIN]
    stop = first
    for row in range(shape[which, ROWS]):
        for tap in range(shape[which, TAPS]):
            start = first + row * shape[which, FLAG_ROW] + tap * shape[which, FLAG_TAP]
            stop = start + shape[which, FLAG_RUN]
            for flag in range(start, stop):
                flags[flag] = 1
    return first, stop


@inlined
def add_pile(net: Net, x: Array, entry: Any, pile_first: Array, pile_units: Array, piled: int) -> None:
    """Add the events piled up in one place to the neurons there."""
    weight, shape, which = net.weight, net.shape, net.entry[entry, SHAPE]
    rows, taps, run = shape[which, ROWS], shape[which, TAPS], shape[which, RUN]
    row_step, tap_step = shape[which, ROW_STEP], shape[which, TAP_STEP]
    row_weight, tap_weight = shape[which, ROW_WEIGHT], shape[which, TAP_WEIGHT]
    row_at, row_shift = np.int64(net.entry[entry, AT]), np.int64(0)
    for _ in range(rows if piled else 0):
        at, shift = row_at, row_shift
        for _ in range(taps):
            add_many(x, weight, pile_first, pile_units, piled, at, shift, run)
            at += tap_step
            shift += tap_weight
        row_at += row_step
        row_shift += row_weight
