"""The ``slot`` schedule: what meets in a time stamp is summed, population after population, and each neuron is checked once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.receptive_field import add_field
from tfsnn.compiled.kernel.state import Net, U, Work, add_place, admitted, inlined, mark, origin, proven, settle, woven
from tfsnn.compiled.kernel.vector import SPARE, prefetch

Array = NDArray[Any]
AHEAD = 12
"""How many rows before its turn an entry is fetched: they come from all over a table too big for the nearest caches."""


@inlined
def gather_input(net: Net, work: Work, neuron: Array, payload: Array, start: int, stop: int, log: bool) -> None:
    """Put the input events of a time stamp on their populations' lists, those of one neuron summed."""
    lists, mark, length, queue, tail = work.lists, work.mark, work.length, work.queue, work.progress[c.TAIL]
    ascending = True
    for event in range(start + 1, stop):
        ascending &= neuron[U(event - 1)] < neuron[U(event)]
    for event in range(start, stop):
        source, local = origin(net, neuron[U(event)])
        units, base = np.int64(payload[U(event)]), net.population[source, c.LIST]
        row = base + length[source]
        if not ascending and mark[base + local]:
            row = base + mark[base + local] - 1
            lists[row, c.UNITS] += units
            lists[row, c.TIMES] += 1
        else:
            length[source] += 1
            lists[U(row), c.NEURON], lists[U(row), c.UNITS], lists[U(row), c.TIMES] = local, units, 1
            if not ascending:
                mark[base + local] = length[source]
        work.counts[c.POSITIVE if units > 0 else c.NEGATIVE, source] += 1
        work.events[source] += 1
        if log:
            queue[tail, c.NEURON], queue[tail, c.UNITS], queue[tail, c.TIMES] = local, units, source
            tail += 1
    work.progress[c.TAIL] = tail
    for source in range(0 if ascending else len(net.population)):
        if net.population[source, c.KIND] == c.INPUT:
            base = net.population[source, c.LIST]
            for row in range(base, base + length[source]):
                mark[base + lists[row, c.NEURON]] = 0


@inlined
def add_path(net: Net, work: Work, path: int, alone: int, source: int, target: int) -> int:
    """Add all that a population has sent, by one path, place after place, what meets in one at a time; a status."""
    entry, place, first, shape, lists, progress = net.entry, net.place, net.first, net.shape, work.lists, work.progress
    pile_first, pile_units, p = work.pile_first, work.pile_units, net.population[target]
    base, start, most = net.population[source, c.LIST], net.path[path], net.most[path]
    full, room = len(pile_first) - SPARE, np.int64(net.limit / 8 / max(most, 1))
    end, rank, row = base + work.length[source], progress[c.RANK], base + progress[c.PLACE]
    seen, low, high, more = np.float64(-1), p[c.BASE], p[c.BASE] + p[c.HEARD], True
    while more:
        more = row > base
        while row < end:
            begun, piled, here, last, size, events, nonzero = row, 0, np.int64(-1), np.int64(0), np.int64(0), np.int64(0), np.int64(0)
            while row < end:
                neuron, units, times = lists[U(row), c.NEURON], lists[U(row), c.UNITS], lists[U(row), c.TIMES]
                if alone >= 0:
                    prefetch(entry, alone + lists[U(min(row + AHEAD, end - 1)), c.NEURON])
                    i, stop = alone + neuron + rank, alone + neuron + 1
                else:
                    i, stop = np.int64(first[U(start + neuron)]) + rank, np.int64(first[U(start + neuron + 1)])
                if i < stop:
                    if here != place[U(i), 0] or piled == full or size > room:
                        if here >= 0:
                            break
                        here, last = place[U(i), 0], i
                    more = more or i + 1 < stop
                    events += times
                    nonzero += times * entry[U(i), c.FANOUT_NONZERO]
                    if units:
                        pile_first[U(piled)], pile_units[U(piled)] = entry[U(i), c.WEIGHT], units
                        size += abs(units)
                        piled += 1
                row += 1
            if here >= 0:
                inside, seen, low, high = admitted(net, work, target, most * size, seen, low, high)
                if not inside:
                    progress[c.PATH], progress[c.RANK], progress[c.PLACE] = path, rank, begun - base
                    return c.RANGE
                runs, at = shape[U(entry[U(last), c.SHAPE])], np.int64(entry[U(last), c.AT])
                over = (runs[c.ROWS] - 1) * runs[c.ROW_STEP] + (runs[c.TAPS] - 1) * runs[c.TAP_STEP] + runs[c.RUN]
                low, high = (min(low, at), max(high, at + over)) if seen >= 0 else (low, high)
                add_place(net, work, target, last, piled, events, nonzero)
        row = base
        rank += 1
    progress[c.RANK] = progress[c.PLACE] = 0
    return c.DONE


@inlined
def add_pool(net: Net, work: Work, path: int, source: int, target: int) -> int:
    """Let a max-pooling population hear all that its source has sent; a status."""
    p, lists, flags = net.population[target], work.lists, work.flags
    base, growth = net.population[source, c.LIST], np.int64(0)
    for row in range(base, base + work.length[source]):
        at = net.path[path] + lists[row, c.NEURON]
        if net.first[at + 1] > net.first[at]:
            growth = max(growth, abs(lists[row, c.UNITS]))
    if not proven(net, work, target, np.float64(growth)):
        return c.RANGE
    for row in range(base, base + work.length[source]):
        at = net.path[path] + lists[row, c.NEURON]
        for i in range(net.first[at], net.first[at + 1]):
            heard = net.entry[i, c.AT]
            work.x[heard] += lists[row, c.UNITS]
            place = p[c.WINDOWS] + heard - p[c.BASE]
            for j in range(net.window_first[place], net.window_first[place + 1]):
                mark(flags, p[c.FLAGS] + net.window[j], work.progress)
    return c.DONE


@inlined
def count_sent(net: Net, work: Work, number: int, log: bool) -> None:
    """Turn what a population has sent into numbers of events; where the queue serves as log, write it there, too."""
    lists, counts, queue, base = work.lists, work.counts, work.queue, net.population[number, c.LIST]
    largest, tail, positive, negative = net.population[number, c.LARGEST], work.progress[c.TAIL], np.int64(0), np.int64(0)
    for row in range(base, base + work.length[number]):
        units = lists[U(row), c.UNITS]
        times = np.int64(1)
        if abs(units) > largest:
            times = (abs(units) + largest - 1) // largest
        positive += times if units > 0 else 0
        negative += times if units < 0 else 0
        lists[U(row), c.TIMES] = times
        if log:
            queue[U(tail), c.NEURON], queue[U(tail), c.UNITS], queue[U(tail), c.TIMES] = lists[U(row), c.NEURON], units, number
            tail += 1
    work.events[number] = positive + negative
    counts[c.POSITIVE, number] += positive
    counts[c.NEGATIVE, number] += negative
    work.progress[c.TAIL] = tail


@woven
def hear(net: Net, work: Work, number: int) -> int:
    """Add to a population all that its sources have sent in this time stamp, from where it was left off; a status."""
    progress, length = work.progress, work.length
    for j in range(net.ear_first[number], net.ear_first[number + 1]):
        link = net.link[net.ear[j]]
        source = link[c.SOURCE]
        for path in range(max(link[c.FIRST_PATH], progress[c.PATH]), link[c.LAST_PATH] if length[source] else link[c.FIRST_PATH]):
            if net.population[number, c.KIND] == c.POOL:
                status = add_pool(net, work, path, source, number)
            else:
                status = add_field(net, work, path, source, number)
                if status == c.LATER:
                    status = add_path(net, work, path, link[c.ALONE], source, number)
            if status != c.DONE:
                return status
    progress[c.PATH] = 0
    return c.DONE


@woven
def sweep(net: Net, work: Work, log: bool) -> int:
    """Deliver to each population all that its sources have sent in this time stamp, check it; a status."""
    progress, length, counts, lists = work.progress, work.length, work.counts, work.lists
    for number in range(progress[c.NEXT], len(net.population)):
        p, received = net.population[number], np.int64(0)
        for j in range(net.ear_first[number], net.ear_first[number + 1]):
            received += work.events[net.link[net.ear[j], c.SOURCE]]
        if received:
            if hear(net, work, number) != c.DONE:
                progress[c.NEXT] = number
                return c.RANGE
            counts[c.RECEIVED, number] += received
            if p[c.SPEAKS]:
                length[number] = settle(net, number, work, work.x, work.told, lists, p[c.LIST]) - p[c.LIST]
                count_sent(net, work, number, log)
    length[:], work.events[:] = 0, 0
    progress[c.NEXT] = 0
    return c.DONE
