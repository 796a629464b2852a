"""The ``spike`` schedule: a queue, first in, first out; each event is delivered alone and what it reaches is checked at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.state import (
    Net,
    U,
    Work,
    add_place,
    inlined,
    mark,
    origin,
    proven,
    settle,
    speak,
    speak_pool,
    woven,
)
from tfsnn.compiled.kernel.vector import deliver, prefetch

Array = NDArray[Any]
AHEAD = 4
"""How many events before its turn an entry is fetched: they come from all over a table too big for the nearest cache."""


@inlined
def pass_on(net: Net, number: int, entry: int, k: float, x: Array, told: Array, queue: Array, tail: int) -> int:
    """Add one event to the neurons that it reaches in one place, check them; the new end of the queue."""
    p, level, shape = net.population[U(number)], net.level[U(number)], net.shape[U(net.entry[entry, c.SHAPE])]
    at, first = net.entry[entry, c.AT], net.entry[entry, c.WEIGHT]
    tail = deliver(x, told, net.weight, queue, shape, p, level, number, at, first, k, tail)
    if p[c.KIND] != c.VECTOR:
        for row in range(shape[c.ROWS]):
            for tap in range(shape[c.TAPS]):
                start = at + row * shape[c.ROW_STEP] + tap * shape[c.TAP_STEP]
                tail = speak(net, number, x, told, start, start + shape[c.RUN], queue, tail)
    return tail


@inlined
def pass_to_places(net: Net, link: Array, neuron: int, k: float, work: Work, queue: Array, tail: int) -> int:
    """Add one event wherever it arrives in a population, then check all that it has reached; the new end of the queue."""
    number = link[c.TARGET]
    work.pile_units[0] = k
    for path in range(link[c.FIRST_PATH], link[c.LAST_PATH]):
        start = net.path[path] + neuron
        for entry in range(net.first[start], net.first[start + 1]):
            work.pile_first[0] = net.entry[entry, c.WEIGHT]
            add_place(net, work, number, entry, 1, 1, net.entry[entry, c.FANOUT_NONZERO])
    return settle(net, number, work, work.x, work.told, queue, tail)


@inlined
def pass_to_pool(net: Net, link: Array, neuron: int, k: float, work: Work, queue: Array, tail: int) -> int:
    """Let a max-pooling population hear one event, check the windows over it; the new end of the queue."""
    number, x, counts = link[c.TARGET], work.x, work.counts
    p = net.population[number]
    at = net.path[link[c.FIRST_PATH]] + neuron
    for i in range(net.first[at], net.first[at + 1]):
        heard = net.entry[i, c.AT]
        x[heard] += k
        place = p[c.WINDOWS] + heard - p[c.BASE]
        for j in range(net.window_first[place], net.window_first[place + 1]):
            window = net.window[j]
            if link[c.ALONE] >= 0:
                counts[c.CHECKS, number] += 1
                counts[c.COMPARISONS, number] += net.tap_first[p[c.POOLS] + window + 1] - net.tap_first[p[c.POOLS] + window] - 1
                tail = speak_pool(net, number, x, work.told, window, queue, tail)
            else:
                mark(work.flags, p[c.FLAGS] + window, work.progress)
    return settle(net, number, work, x, work.told, queue, tail)


@inlined
def unproven(net: Net, work: Work, begin: int, end: int, size: float) -> Any:
    """The first population to which an event of this size may not be delivered by these links, -1 if there is none."""
    for i in range(begin, end):
        number = net.link[U(i), c.TARGET]
        if not proven(net, work, number, net.grow[U(i)] * size):
            return number
    return -1


@inlined
def pass_link(net: Net, link: Array, neuron: int, k: float, work: Work, x: Array, told: Array, queue: Array, tail: int) -> int:
    """Deliver one event to one population; the new end of the queue."""
    number, entry, counts = U(link[c.TARGET]), link[c.ALONE] + neuron, work.counts
    p = net.population[number]
    counts[c.RECEIVED, number] += 1
    if p[c.KIND] == c.POOL:
        return pass_to_pool(net, link, neuron, k, work, queue, tail)
    if link[c.ALONE] < 0:
        return pass_to_places(net, link, neuron, k, work, queue, tail)
    fanout = net.shape[U(net.entry[U(entry), c.SHAPE]), c.FANOUT]
    counts[c.OPERATIONS, number] += fanout
    counts[c.OPERATIONS_NONZERO, number] += net.entry[U(entry), c.FANOUT_NONZERO]
    counts[c.CHECKS, number] += fanout * p[c.SPEAKS]
    return pass_on(net, link[c.TARGET], U(entry), k, x, told, queue, tail)


@woven
def drain(net: Net, work: Work) -> int:
    """Deliver what stands in the queue, and what that sets off; a status."""
    queue, progress, x, told, counts = work.queue, work.progress, work.x, work.told, work.counts
    head, tail, part, status = progress[c.HEAD], progress[c.TAIL], progress[c.PART], c.DONE
    capacity = len(queue)
    while head < tail:
        source, neuron, left = queue[U(head), c.TIMES], queue[U(head), c.NEURON], queue[U(head), c.UNITS] - part
        pushes, largest, begin = net.population[U(source), c.PUSHES], net.population[U(source), c.LARGEST], net.link_first[U(source)]
        end, later = net.link_first[U(source + 1)], U(min(head + AHEAD, tail - 1))
        if tail + pushes > capacity:
            status = c.FULL
            break
        soon = net.link_first[U(queue[later, c.TIMES])]
        if soon < len(net.link) and net.link[U(soon), c.ALONE] >= 0:
            prefetch(net.entry, net.link[U(soon), c.ALONE] + queue[later, c.NEURON])
        units = min(max(left, -largest), largest)
        concerned = unproven(net, work, begin, end, np.float64(abs(units)))
        if concerned >= 0:
            progress[c.NEXT], status = concerned, c.RANGE
            break
        counts[c.POSITIVE if units > 0 else c.NEGATIVE, U(source)] += 1
        for i in range(begin, end):
            tail = pass_link(net, net.link[U(i)], neuron, net.level.dtype.type(units), work, x, told, queue, tail)
        part += units
        if units == left:
            head, part = head + 1, np.int64(0)
    progress[c.HEAD], progress[c.TAIL], progress[c.PART] = head, tail, part
    return status


@inlined
def enqueue(net: Net, work: Work, neuron: Array, payload: Array, start: int, stop: int) -> None:
    """Put the input events of a time stamp into the queue; there must be room."""
    queue, tail = work.queue, work.progress[c.TAIL]
    for event in range(start, stop):
        source, local = origin(net, neuron[event])
        queue[tail, c.TIMES], queue[tail, c.NEURON], queue[tail, c.UNITS] = source, local, payload[event]
        tail += 1
    work.progress[c.TAIL] = tail
