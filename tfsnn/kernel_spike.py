"""The ``spike`` schedule: a queue, first in, first out; each event is delivered alone and what it reaches is checked at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.kernel_state import (
    ALONE,
    AT,
    BASE,
    CEILING,
    CHANGE,
    CHECKS,
    COMPARISONS,
    DONE,
    FANOUT,
    FANOUT_NONZERO,
    FIRST_PATH,
    FLAGS,
    FLOOR,
    FULL,
    HEAD,
    KIND,
    LARGEST,
    LAST_PATH,
    NEGATIVE,
    NEURON,
    NEXT,
    OPERATIONS,
    OPERATIONS_NONZERO,
    PART,
    POOL,
    POOLS,
    POSITIVE,
    PUSHES,
    RANGE,
    RECEIVED,
    ROW_STEP,
    ROW_WEIGHT,
    ROWS,
    RUN,
    SHAPE,
    SPEAKS,
    TAIL,
    TAP_STEP,
    TAP_WEIGHT,
    TAPS,
    TARGET,
    TIMES,
    UNITS,
    VECTOR,
    WEIGHT,
    WINDOWS,
    Net,
    Work,
    add_pile,
    inlined,
    mark_runs,
    proven,
    settle,
    speak,
    speak_pool,
)
from tfsnn.kernel_vector import WORD, add_check, lowest, prefetch

Array = NDArray[Any]
AHEAD = 4
"""How many events before its turn an entry is fetched: they come from all over a table too big for the nearest cache."""


@inlined
def pass_on(net: Net, number: int, entry: int, k: float, x: Array, told: Array, queue: Array, tail: int) -> int:
    """Add one event to the neurons that it reaches in one place, check them; the new end of the queue."""
    weight, shape, which = net.weight, net.shape, net.entry[entry, SHAPE]
    low, high, change = net.level[number, FLOOR], net.level[number, CEILING], net.level[number, CHANGE]
    watched = net.population[number, KIND] == VECTOR
    # Runs go by the row where a row is one run, else by the tap, row after row: in neuron order either way.
    taps, run, by_row = shape[which, TAPS], shape[which, RUN], shape[which, TAPS] == 1
    rows, count = (1, shape[which, ROWS]) if by_row else (shape[which, ROWS], taps)
    step, weight_step = shape[which, ROW_STEP if by_row else TAP_STEP], shape[which, ROW_WEIGHT if by_row else TAP_WEIGHT]
    row_at, row_first = np.int64(net.entry[entry, AT]), np.int64(net.entry[entry, WEIGHT])
    for row in range(rows):
        for begun in range(0, count, WORD):
            at, first, several = row_at + begun * step, row_first + begun * weight_step, min(count - begun, WORD)
            found = add_check(x, told, weight, (at, first, run, several, step, weight_step), k, low, high, change)
            found = found if watched else (1 << several) - 1
            while found:
                start = at + lowest(found) * step
                tail = speak(net, number, x, told, start, start + run, queue, tail)
                found &= found - 1
        row_at += shape[which, ROW_STEP]
        row_first += shape[which, ROW_WEIGHT]
    return tail


@inlined
def pass_to_places(net: Net, link: Array, neuron: int, k: float, work: Work, queue: Array, tail: int) -> int:
    """Add one event wherever it arrives in a population, then check all that it has reached; the new end of the queue."""
    number, x, flags, counts, shape = link[TARGET], work.x, work.flags, work.counts, net.shape
    low, high = np.int64(len(flags)), np.int64(0)
    work.pile_units[0] = k
    for path in range(link[FIRST_PATH], link[LAST_PATH]):
        start = net.path[path] + neuron
        for entry in range(net.first[start], net.first[start + 1]):
            work.pile_first[0] = net.entry[entry, WEIGHT]
            add_pile(net, x, entry, work.pile_first, work.pile_units, 1)
            counts[OPERATIONS, number] += shape[net.entry[entry, SHAPE], FANOUT]
            counts[OPERATIONS_NONZERO, number] += net.entry[entry, FANOUT_NONZERO]
            if net.population[number, SPEAKS]:
                reached = mark_runs(flags, net, number, entry)
                low, high = min(low, np.int64(reached[0])), max(high, np.int64(reached[1]))
    return settle(net, number, x, work.told, flags, (low, high), counts, queue, tail)


@inlined
def pass_to_pool(net: Net, link: Array, neuron: int, k: float, work: Work, queue: Array, tail: int) -> int:
    """Let a max-pooling population hear one event, check the windows over it; the new end of the queue."""
    number, x, flags, counts = link[TARGET], work.x, work.flags, work.counts
    p = net.population[number]
    at = net.path[link[FIRST_PATH]] + neuron
    low, high = np.int64(len(flags)), np.int64(0)
    for i in range(net.first[at], net.first[at + 1]):
        heard = net.entry[i, AT]
        x[heard] += k
        place = p[WINDOWS] + heard - p[BASE]
        for j in range(net.window_first[place], net.window_first[place + 1]):
            window = net.window[j]
            if link[ALONE] >= 0:
                counts[CHECKS, number] += 1
                counts[COMPARISONS, number] += net.tap_first[p[POOLS] + window + 1] - net.tap_first[p[POOLS] + window] - 1
                tail = speak_pool(net, number, x, work.told, window, queue, tail)
            else:
                flag = np.int64(p[FLAGS] + window)
                flags[flag] = 1
                low, high = min(low, flag), max(high, flag + 1)
    return settle(net, number, x, work.told, flags, (low, high), counts, queue, tail)


@inlined
def unproven(net: Net, work: Work, source: int, neuron: int, size: Any) -> Any:
    """The first population to which an event of this size may not be delivered, -1 if there is none."""
    for i in range(net.link_first[source], net.link_first[source + 1]):
        number, growth = net.link[i, TARGET], np.float64(0)
        if net.population[number, KIND] == POOL:
            at = net.path[net.link[i, FIRST_PATH]] + neuron
            growth = size if net.first[at + 1] > net.first[at] else growth
        else:
            for path in range(net.link[i, FIRST_PATH], net.link[i, LAST_PATH]):
                growth += min(net.reach[path, 0], net.reach[path, 1]) * size
        if not proven(work.bound, number, growth, net.limit, work.x, net.population[number]):
            return number
    return -1


@inlined
def pass_link(
    net: Net, link: Array, neuron: int, k: float, work: Work, x: Array, told: Array, queue: Array, counts: Array, tail: int
) -> int:
    """Deliver one event to one population; the new end of the queue."""
    number = link[TARGET]
    counts[RECEIVED, number] += 1
    if net.population[number, KIND] == POOL:
        return pass_to_pool(net, link, neuron, k, work, queue, tail)
    if link[ALONE] < 0:
        return pass_to_places(net, link, neuron, k, work, queue, tail)
    entry = link[ALONE] + neuron
    fanout = net.shape[net.entry[entry, SHAPE], FANOUT]
    counts[OPERATIONS, number] += fanout
    counts[OPERATIONS_NONZERO, number] += net.entry[entry, FANOUT_NONZERO]
    if net.population[number, SPEAKS]:
        counts[CHECKS, number] += fanout
    return pass_on(net, number, entry, k, x, told, queue, tail)


@inlined
def drain(net: Net, work: Work) -> int:
    """Deliver what stands in the queue, and what that sets off; a status."""
    queue, progress, x, told, counts, population = work.queue, work.progress, work.x, work.told, work.counts, net.population
    head, tail, part, status = progress[HEAD], progress[TAIL], progress[PART], DONE
    capacity = len(queue)
    while head < tail:
        source, neuron = queue[head, TIMES], queue[head, NEURON]
        if tail + population[source, PUSHES] > capacity:
            status = FULL
            break
        if head + AHEAD < tail:
            link = net.link_first[queue[head + AHEAD, TIMES]]
            if link < len(net.link) and net.link[link, ALONE] >= 0:
                prefetch(net.entry, net.link[link, ALONE] + queue[head + AHEAD, NEURON])
        left = queue[head, UNITS] - part
        largest = population[source, LARGEST]
        units = min(max(left, -largest), largest)
        concerned = unproven(net, work, source, neuron, np.float64(abs(units)))
        if concerned >= 0:
            progress[NEXT], status = concerned, RANGE
            break
        counts[POSITIVE if units > 0 else NEGATIVE, source] += 1
        k = net.level.dtype.type(units)
        for i in range(net.link_first[source], net.link_first[source + 1]):
            tail = pass_link(net, net.link[i], neuron, k, work, x, told, queue, counts, tail)
        part += units
        if units == left:
            head, part = head + 1, np.int64(0)
    progress[HEAD], progress[TAIL], progress[PART] = head, tail, part
    return status


@inlined
def enqueue(net: Net, work: Work, neuron: Array, payload: Array, start: int, stop: int) -> None:
    """Put the input events of a time stamp into the queue; there must be room."""
    queue, tail = work.queue, work.progress[TAIL]
    for event in range(start, stop):
        origin = net.origin[neuron[event]]
        queue[tail, TIMES], queue[tail, NEURON], queue[tail, UNITS] = origin[0], origin[1], payload[event]
        tail += 1
    work.progress[TAIL] = tail
