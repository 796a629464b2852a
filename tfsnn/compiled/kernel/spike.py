"""The ``spike`` schedule: a queue, first in, first out; each event is delivered alone and what it reaches is checked at once."""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel import plain_check
from tfsnn.compiled.kernel.check import check, maximum, tabulated
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.inputs import SHORT, origin
from tfsnn.compiled.kernel.jit import inlined, kernel
from tfsnn.compiled.kernel.lists import (
    count,
    forget_list,
    gather_reached,
    length_row,
    list_row,
    open_events,
    path_row,
    population,
    row_of,
)
from tfsnn.compiled.kernel.memory import floats, int32s, int64s, shorts, states
from tfsnn.compiled.kernel.proof import admitted, growth
from tfsnn.compiled.kernel.slot import deliver, find, log
from tfsnn.compiled.kernel.vector import add_and_test, lowest_bit


@inlined
def enqueue(context: Array, neuron: Number, units: Number, number: Number) -> None:
    """Append a row to the queue."""
    queue, progress = int64s(context, c.QUEUE), int64s(context, c.PROGRESS)
    row = progress[c.TAIL] * c.QUEUE_WIDTH
    queue[row + c.NEURON], queue[row + c.UNITS], queue[row + c.WHOSE] = neuron, units, number
    progress[c.TAIL] += 1


@kernel
def enqueue_input(context: Array, start: Number, stop: Number) -> None:
    """Append a time stamp's input events to the queue."""
    inputs, neurons, payloads = int64s(context, c.INPUTS), int32s(context, c.NEURONS), int32s(context, c.PAYLOADS)
    for i in range(start, stop):
        which = origin(inputs, neurons[i])
        enqueue(context, neurons[i] - inputs[2 * which + 1], payloads[i], inputs[2 * which])


@inlined
def value_of(context: Array, p: Array, cell: Number, neuron: Number) -> Number:
    """f(x) of one neuron; the maximum over one window."""
    if p[c.KIND] == c.POOL:
        pixel = cell // p[c.CELLS]
        maximum(context, p, pixel)
        return np.int64(states(context, c.VALUES)[cell - pixel * p[c.CELLS]])
    x = np.int64(states(context, c.X_CELLS)[p[c.X] + cell])
    if p[c.KIND] == c.VECTOR:
        return min(max(x, p[c.FLOOR]), p[c.CEILING])
    if p[c.KIND] == c.TABULATED:
        return tabulated(p, int64s(context, c.TABLES), x)
    return x if x >= 0 else np.int64(np.rint(np.float64(x) * floats(context, c.SLOPES)[p[c.TABLE] + neuron]))


@kernel
def fire(context: Array, number: Number, cell: Number) -> None:
    """The neuron rule on one neuron, by the number of its cell; what it sends goes to the queue."""
    p, o = population(context, number), states(context, c.O_CELLS)
    neuron = cell if p[c.CELLS] == p[c.CHANNELS] else cell - cell // p[c.CELLS] * (p[c.CELLS] - p[c.CHANNELS])
    change = value_of(context, p, cell, neuron) - np.int64(o[p[c.O] + cell])
    if p[c.DIRECT]:
        change = plain_check.floored(change, p[c.PAYLOAD])
    if abs(change) >= p[c.CHANGE]:
        units = plain_check.units_of(change, p)
        o[p[c.O] + cell] += units * p[c.PAYLOAD]
        enqueue(context, neuron, units, number)


@kernel
def fire_reached(context: Array, number: Number, found: Number, begin: Number) -> None:
    """The neuron rule on all that is reached of the pixels in TOUCHED; rows of the queue from ``begin`` on are put in neuron order.

    For payloads that no list holds: the queue's are wider.
    """
    p, touched, reached = population(context, number), int32s(context, c.TOUCHED), int64s(context, c.REACHED)
    queue, progress = int64s(context, c.QUEUE), int64s(context, c.PROGRESS)
    for place in range(found):
        pixel = np.int64(touched[place])
        word = p[c.REACH] + pixel * p[c.WORDS]
        for channel in range(p[c.CHANNELS]):
            if not p[c.WORDS] or reached[word + (channel >> 6)] >> np.int64(channel & 63) & 1:
                fire(context, number, pixel * p[c.CELLS] + channel)
        for at in range(word, word + p[c.WORDS]):
            reached[at] = 0
    for row in range(begin + 1, progress[c.TAIL]):
        at = row * c.QUEUE_WIDTH
        neuron, units = queue[at + c.NEURON], queue[at + c.UNITS]
        while at > begin * c.QUEUE_WIDTH and queue[at - c.QUEUE_WIDTH + c.NEURON] > neuron:
            queue[at + c.NEURON], queue[at + c.UNITS] = queue[at - c.QUEUE_WIDTH + c.NEURON], queue[at - c.QUEUE_WIDTH + c.UNITS]
            at -= c.QUEUE_WIDTH
        queue[at + c.NEURON], queue[at + c.UNITS] = neuron, units


@inlined
def pass_run(context: Array, p: Array, number: Number, cell: Number, first: Number, k: Number, width: Number) -> None:
    """Add an event to a run of neurons, and check them."""
    x, hits = states(context, c.X_CELLS), int64s(context, c.HITS)
    found = add_and_test(
        x, p[c.X] + cell, shorts(context, c.WEIGHTS), first, k, width, states(context, c.O_CELLS), p[c.O] + cell, p, hits
    )
    if p[c.KIND] != c.VECTOR or p[c.DIRECT]:
        # The test was of a clip: here each neuron is looked at by itself.
        for i in range(width):
            if (cell + i) % p[c.CELLS] < p[c.CHANNELS]:
                fire(context, number, cell + i)
    elif found:
        for word in range((width + 63) >> 6):
            bits = hits[word]
            while bits:
                bit = lowest_bit(bits)
                fire(context, number, cell + 64 * word + bit)
                bits ^= np.int64(1) << np.int64(bit)


@inlined
def count_passed(context: Array, path: Array, row: Number, column: Number, channel: Number, reached: Number) -> None:
    """Count what an event of a pixel at this row and column reaches, no neuron twice, all of it checked."""
    axes, nonzeros, nonzero = int64s(context, c.AXES), int32s(context, c.NONZEROS), reached
    count(context, c.OPERATIONS, path[c.TARGET], reached)
    count(context, c.CHECKS, path[c.TARGET], reached * population(context, path[c.TARGET])[c.SPIKES])
    if path[c.ZEROS]:
        nonzero = nonzeros[path[c.NONZERO] + axes[path[c.ROW_KINDS] + row] + axes[path[c.COLUMN_KINDS] + column] + 1 + channel]
    count(context, c.OPERATIONS_NONZERO, path[c.TARGET], nonzero)


@kernel
def pass_full(context: Array, number: Number, pixel: Number, channel: Number, k: Number) -> None:
    """Deliver one event along a path that leads it to no neuron twice, and check what it reaches, run after run."""
    path, axes = path_row(context, number), int64s(context, c.AXES)
    p, taps = population(context, path[c.TARGET]), 0
    row = row_of(pixel, path[c.OP_WIDTH])
    column = pixel - row * path[c.OP_WIDTH]
    for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
        for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
            to, run = axes[u + c.TO] + axes[v + c.TO], axes[v + c.COUNT]
            first = path[c.WEIGHT] + axes[u + c.OFFSET] + axes[v + c.OFFSET] + (channel + path[c.SHIFTED]) * axes[v + c.STRIDE]
            pass_run(context, p, path[c.TARGET], to * p[c.CELLS], first, k, run * p[c.CELLS])
            taps += run
    count_passed(context, path, row, column, channel, taps * path[c.OUTER])


@kernel
def pass_diagonal(context: Array, number: Number, pixel: Number, channel: Number, k: Number) -> None:
    """The same where the event leads to one channel of each pixel that it reaches."""
    path, axes, x, o = path_row(context, number), int64s(context, c.AXES), states(context, c.X_CELLS), states(context, c.O_CELLS)
    p, weights, taps, to_channel = population(context, path[c.TARGET]), shorts(context, c.WEIGHTS), 0, channel + path[c.SHIFTED]
    row = row_of(pixel, path[c.OP_WIDTH])
    column = pixel - row * path[c.OP_WIDTH]
    for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
        for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
            cell = (axes[u + c.TO] + axes[v + c.TO]) * p[c.CELLS] + to_channel
            x[p[c.X] + cell] += weights[path[c.WEIGHT] + axes[u + c.OFFSET] + axes[v + c.OFFSET] + to_channel] * k
            taps += 1
            change = min(max(np.int64(x[p[c.X] + cell]), p[c.FLOOR]), p[c.CEILING]) - np.int64(o[p[c.O] + cell])
            if p[c.KIND] != c.VECTOR or p[c.DIRECT] or abs(change) >= p[c.CHANGE]:
                fire(context, path[c.TARGET], cell)
    count_passed(context, path, row, column, channel, taps)


@kernel
def pass_lists(context: Array, first: Number, last: Number, pixel: Number, channel: Number, k: Number) -> None:
    """Deliver one event, as a list of one, along the paths from one population to another, and check all that it has reached."""
    source, target = path_row(context, first)[c.SOURCE], path_row(context, first)[c.TARGET]
    p, at, length, events = population(context, target), list_row(context, source), length_row(context, source), open_events(context)
    forget_list(context, source)
    forget_list(context, target)
    events.pixels[at[c.PIXEL_AT]], events.firsts[at[c.PIXEL_AT]], events.firsts[at[c.PIXEL_AT] + 1] = pixel, 0, 1
    events.channels[at[c.EVENT_AT]], events.units[at[c.EVENT_AT]] = channel, k
    length[c.PIXELS_LISTED] = length[c.LISTED] = 1
    for i in range(first, last):
        find(context, i)
        deliver(context, i)
    found = gather_reached(context, p)
    if p[c.SPIKES]:
        begin, unfit = int64s(context, c.PROGRESS)[c.TAIL], check(context, target, found, c.AFRESH)
        log(context, target)
        if unfit:
            fire_reached(context, target, found, begin)


@inlined
def may_grow(context: Array, target: Number, first: Number, last: Number, size: Number) -> Number:
    """Whether an event of this size may be delivered to a population along these paths."""
    more = 0.0
    for i in range(first, last):
        more += growth(context, i, size, size)
    return admitted(context, target, more)


@kernel
def drain(context: Array) -> Number:
    """Deliver what stands in the queue, and what that sets off; a status."""
    queue, progress = int64s(context, c.QUEUE), int64s(context, c.PROGRESS)
    firsts, consumers = int64s(context, c.CONSUMER_FIRST), int64s(context, c.CONSUMERS)
    narrow = shorts(context, c.EVENT_UNITS).itemsize == 2
    while progress[c.HEAD] < progress[c.TAIL]:
        row = progress[c.HEAD] * c.QUEUE_WIDTH
        source, neuron, left = queue[row + c.WHOSE], queue[row + c.NEURON], queue[row + c.UNITS] - progress[c.PART]
        p = population(context, source)
        if (progress[c.TAIL] + p[c.PUSHES]) * c.QUEUE_WIDTH > len(queue):
            return c.CRAMPED
        k = min(max(left, -p[c.LARGEST]), p[c.LARGEST])
        if narrow and abs(k) >= SHORT:
            return c.WIDEN
        for i in range(firsts[source], firsts[source + 1], c.CONSUMER_WIDTH):
            target, first, last = consumers[i + c.CONSUMER], consumers[i + c.PATHS_FROM], consumers[i + c.PATHS_UP_TO]
            if not may_grow(context, target, first, last, np.float64(abs(k))):
                progress[c.NEXT] = target
                return c.RANGE
        count(context, c.POSITIVE if k > 0 else c.NEGATIVE, source, 1)
        pixel = row_of(neuron, p[c.CHANNELS])
        channel = neuron - pixel * p[c.CHANNELS]
        for i in range(firsts[source], firsts[source + 1], c.CONSUMER_WIDTH):
            first, last = consumers[i + c.PATHS_FROM], consumers[i + c.PATHS_UP_TO]
            count(context, c.RECEIVED, consumers[i + c.CONSUMER], 1)
            path = path_row(context, first)
            if last - first > 1 or not path[c.SINGLE]:
                pass_lists(context, first, last, pixel, channel, k)
            elif path[c.DELIVERY] == c.FULL:
                pass_full(context, first, pixel, channel, k)
            else:
                pass_diagonal(context, first, pixel, channel, k)
        progress[c.PART] += k
        if progress[c.PART] == queue[row + c.UNITS]:
            progress[c.HEAD], progress[c.PART] = progress[c.HEAD] + 1, 0
    return c.DONE
