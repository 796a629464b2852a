"""The ``slot`` schedule: what meets in a time stamp is summed, population after population, and each neuron is checked once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.kernel_state import (
    AT,
    BASE,
    DONE,
    FANOUT,
    FANOUT_NONZERO,
    FIRST_PATH,
    FLAGS,
    INPUT,
    KIND,
    LARGEST,
    LAST_PATH,
    LIST,
    NEGATIVE,
    NEURON,
    NEXT,
    OPERATIONS,
    OPERATIONS_NONZERO,
    POOL,
    POSITIVE,
    RANGE,
    RECEIVED,
    SHAPE,
    SOURCE,
    SPEAKS,
    TAIL,
    TARGET,
    TIMES,
    UNITS,
    WEIGHT,
    WINDOWS,
    Net,
    Work,
    add_pile,
    inlined,
    mark_runs,
    proven,
    settle,
)

Array = NDArray[Any]


@inlined
def gather_input(net: Net, work: Work, neuron: Array, payload: Array, start: int, stop: int, log: bool) -> None:
    """Put the input events of a time stamp on their populations' lists, those of one neuron summed."""
    lists, mark, length, counts, queue = work.lists, work.mark, work.length, work.counts, work.queue
    tail = work.progress[TAIL]
    for event in range(start, stop):
        source, local, units = net.origin[neuron[event], 0], net.origin[neuron[event], 1], np.int64(payload[event])
        base = net.population[source, LIST]
        if not mark[base + local]:
            length[source] += 1
            mark[base + local] = length[source]
            row = base + length[source] - 1
            lists[row, NEURON], lists[row, UNITS], lists[row, TIMES] = local, 0, 0
        row = base + mark[base + local] - 1
        lists[row, UNITS] += units
        lists[row, TIMES] += 1
        counts[POSITIVE if units > 0 else NEGATIVE, source] += 1
        if log:
            queue[tail, NEURON], queue[tail, UNITS], queue[tail, TIMES] = local, units, source
            tail += 1
    work.progress[TAIL] = tail
    for source in range(len(net.population)):
        if net.population[source, KIND] == INPUT and length[source]:
            measure(net, work, source)
            base = net.population[source, LIST]
            for row in range(base, base + length[source]):
                mark[base + lists[row, NEURON]] = 0


@inlined
def measure(net: Net, work: Work, source: int) -> None:
    """Largest and summed abs(units) on a list."""
    lists, base = work.lists, net.population[source, LIST]
    biggest, total = np.int64(0), np.float64(0)
    for row in range(base, base + work.length[source]):
        biggest = max(biggest, abs(lists[row, UNITS]))
        total += abs(lists[row, UNITS])
    work.biggest[source], work.total[source] = biggest, total


@inlined
def add_path(net: Net, work: Work, path: int, source: int, target: int) -> tuple[Any, Any]:
    """Add all that a population has sent, by one path: place after place, what meets in one at a time; the flags reached."""
    entry, first, shape, lists, flags, x = net.entry, net.first, net.shape, work.lists, work.flags, work.x
    pile_first, pile_units = work.pile_first, work.pile_units
    base, start, speaks = net.population[source, LIST], net.path[path], net.population[target, SPEAKS] != 0
    end = base + work.length[source]
    low, high, rank, more = np.int64(len(flags)), np.int64(0), 0, True
    operations, nonzero = np.int64(0), np.int64(0)
    while more:
        more, row = False, base
        while row < end:
            piled, last = 0, np.int64(-1)
            while row < end:
                i = np.int64(first[start + lists[row, NEURON]] + rank)
                stop = first[start + lists[row, NEURON] + 1]
                if i < stop:
                    if last >= 0 and (entry[i, AT] != entry[last, AT] or entry[i, SHAPE] != entry[last, SHAPE] or piled == len(pile_first)):
                        break
                    more, last = more or i + 1 < stop, i
                    operations += lists[row, TIMES] * shape[entry[i, SHAPE], FANOUT]
                    nonzero += lists[row, TIMES] * entry[i, FANOUT_NONZERO]
                    if lists[row, UNITS]:
                        pile_first[piled], pile_units[piled] = entry[i, WEIGHT], lists[row, UNITS]
                        piled += 1
                row += 1
            if last >= 0:
                add_pile(net, x, last, pile_first, pile_units, piled)
                if speaks:
                    reached = mark_runs(flags, net, target, last)
                    low, high = min(low, np.int64(reached[0])), max(high, np.int64(reached[1]))
        rank += 1
    work.counts[OPERATIONS, target] += operations
    work.counts[OPERATIONS_NONZERO, target] += nonzero
    return low, high


@inlined
def add_pool(net: Net, work: Work, path: int, source: int, target: int) -> tuple[Any, Any]:
    """Let a max-pooling population hear all that its source has sent; the flags reached, from and up to."""
    p, lists, flags = net.population[target], work.lists, work.flags
    base = net.population[source, LIST]
    low, high = np.int64(len(flags)), np.int64(0)
    for row in range(base, base + work.length[source]):
        at = net.path[path] + lists[row, NEURON]
        for i in range(net.first[at], net.first[at + 1]):
            heard = net.entry[i, AT]
            work.x[heard] += lists[row, UNITS]
            place = p[WINDOWS] + heard - p[BASE]
            for j in range(net.window_first[place], net.window_first[place + 1]):
                flag = np.int64(p[FLAGS] + net.window[j])
                flags[flag] = 1
                low, high = min(low, flag), max(high, flag + 1)
    return low, high


@inlined
def growth_of(net: Net, work: Work, link: Array) -> float:
    """By how much |x| of any target can grow when all that a link's source has sent is delivered."""
    source, growth = link[SOURCE], np.float64(0)
    if net.population[link[TARGET], KIND] == POOL:
        base, path = net.population[source, LIST], net.path[link[FIRST_PATH]]
        for row in range(base, base + work.length[source]):
            at = path + work.lists[row, NEURON]
            if net.first[at + 1] > net.first[at]:
                growth = max(growth, np.float64(abs(work.lists[row, UNITS])))
        return growth
    for path in range(link[FIRST_PATH], link[LAST_PATH]):
        growth += min(net.reach[path, 0] * work.biggest[source], net.reach[path, 1] * work.total[source])
    return growth


@inlined
def count_sent(net: Net, work: Work, number: int, log: bool) -> None:
    """Turn what a population has sent into numbers of events; where the queue serves as log, write it there, too."""
    lists, counts, queue, base, largest = work.lists, work.counts, work.queue, net.population[number, LIST], net.population[number, LARGEST]
    tail = work.progress[TAIL]
    for row in range(base, base + work.length[number]):
        units = lists[row, UNITS]
        times = (abs(units) + largest - 1) // largest
        counts[POSITIVE if units > 0 else NEGATIVE, number] += times
        lists[row, TIMES] = times
        if log:
            queue[tail, NEURON], queue[tail, UNITS], queue[tail, TIMES] = lists[row, NEURON], units, number
            tail += 1
    work.progress[TAIL] = tail
    measure(net, work, number)


@inlined
def sweep(net: Net, work: Work, log: bool) -> int:
    """Deliver to each population all that its sources have sent in this time stamp, check it; a status."""
    progress, length, counts, lists = work.progress, work.length, work.counts, work.lists
    for number in range(progress[NEXT], len(net.population)):
        growth, heard = np.float64(0), np.int64(0)
        for j in range(net.ear_first[number], net.ear_first[number + 1]):
            link = net.link[net.ear[j]]
            if length[link[SOURCE]]:
                growth += growth_of(net, work, link)
                heard += 1
        if not heard:
            continue
        if not proven(work.bound, number, growth, net.limit, work.x, net.population[number]):
            progress[NEXT] = number
            return RANGE
        low, high = np.int64(len(work.flags)), np.int64(0)
        for j in range(net.ear_first[number], net.ear_first[number + 1]):
            link = net.link[net.ear[j]]
            source = link[SOURCE]
            for row in range(net.population[source, LIST], net.population[source, LIST] + length[source]):
                counts[RECEIVED, number] += lists[row, TIMES]
            for path in range(link[FIRST_PATH], link[LAST_PATH] if length[source] else link[FIRST_PATH]):
                pool = net.population[number, KIND] == POOL
                reached = add_pool(net, work, path, source, number) if pool else add_path(net, work, path, source, number)
                low, high = min(low, np.int64(reached[0])), max(high, np.int64(reached[1]))
        if net.population[number, SPEAKS]:
            base = net.population[number, LIST]
            length[number] = settle(net, number, work.x, work.told, work.flags, (low, high), counts, lists, base) - base
            count_sent(net, work, number, log)
    length[:] = 0
    progress[NEXT] = 0
    return DONE
