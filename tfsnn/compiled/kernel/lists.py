"""Lists of events, what a list reaches, and where events lead.

A list names pixels, and of each pixel the channels that changed and by how many payload units, side by side, as the check leaves
them. Where a pixel leads follows from two axes, one for its row and one for its column: entries that say which target pixels are
reached, and where their weights begin. Which pixels a list reaches, and how many neurons, is the same however it is delivered.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined, kernel
from tfsnn.compiled.kernel.memory import constants, int32s, int64s, row_opener, shorts, states
from tfsnn.compiled.kernel.plain import Events
from tfsnn.compiled.kernel.vector import clear, lowest_bit


class Delivery(NamedTuple):
    """One path, opened.

    Parameters
    ----------
    path, p
        Rows of the path and of its target.
    at, length
        Where the list of its events lies, and what it holds.
    events
        The lists.
    x
        All states.
    weights
        All weights.
    """

    path: Array
    p: Array
    at: Array
    length: Array
    events: Events
    x: Array
    weights: Array


population = row_opener(c.POPULATION_TABLE, c.POPULATION_WIDTH)
path_row = row_opener(c.PATH_TABLE, c.PATH_WIDTH)
list_row = row_opener(c.LIST_TABLE, c.LIST_WIDTH)
"""Of (context, number): the row of a population, of a path; where a list of events lies."""
length_row = row_opener(c.LENGTHS, c.LENGTH_WIDTH, constant=False)
"""Of (context, number): what a list of events holds."""


@inlined
def open_events(context: Array) -> Events:
    """The arrays in which all lists lie, and what tells how much their events reach."""
    return Events(
        int32s(context, c.EVENT_PIXELS), int32s(context, c.EVENT_FIRSTS), int32s(context, c.EVENT_CHANNELS),
        shorts(context, c.EVENT_UNITS), int64s(context, c.EVENT_TIMES), shorts(context, c.IMAGES),
        int32s(context, c.NONZEROS), constants(context, c.AXES),
    )  # fmt: skip


@inlined
def open_path(context: Array, number: Number) -> Delivery:
    """A path and the list of its events."""
    path = path_row(context, number)
    return Delivery(
        path, population(context, path[c.TARGET]), list_row(context, path[c.LIST]), length_row(context, path[c.LIST]),
        open_events(context), states(context, c.X_CELLS), shorts(context, c.WEIGHTS),
    )  # fmt: skip


@inlined
def span(d: Delivery, j: Number) -> tuple[Number, Number]:
    """The events, from and up to, of the pixel at place ``j`` of a list."""
    first = d.at[c.PIXEL_AT] + j
    return d.at[c.EVENT_AT] + d.events.firsts[first], d.at[c.EVENT_AT] + d.events.firsts[first + 1]


@inlined
def row_of(pixel: Number, width: Number) -> Number:
    """The row of a pixel."""
    return np.int64(np.uint32(pixel) // np.uint32(width))


@inlined
def place(d: Delivery, j: Number) -> tuple[Number, Number]:
    """Row and column of the pixel at place ``j`` of a list."""
    pixel = np.int64(d.events.pixels[d.at[c.PIXEL_AT] + j])
    row = row_of(pixel, d.path[c.OP_WIDTH])
    return row, pixel - row * d.path[c.OP_WIDTH]


@inlined
def count(context: Array, row: Number, number: Number, amount: Number) -> None:
    """Add to a row of the ledger."""
    ledger = int64s(context, c.LEDGER)
    ledger[row * (len(ledger) // c.COUNTS) + number] += amount


@inlined
def fan_of(d: Delivery, kind: Number, begin: Number, end: Number) -> tuple[Number, Number]:
    """Neurons that events of pixels of one kind reach, and those through weights other than 0, looked up event by event."""
    counts, events, operations, nonzero = d.path[c.NONZERO] + kind, d.events, np.int64(0), np.int64(0)
    fan, zeros, many = np.int64(events.nonzeros[counts]), d.path[c.ZEROS], d.length[c.MANY]
    for event in range(begin, end):
        times = events.times[event] if many else np.int64(1)
        operations += times * fan
        nonzero += times * (np.int64(events.nonzeros[counts + 1 + events.channels[event]]) if zeros else fan)
    return operations, nonzero


@kernel
def fans(d: Delivery) -> tuple[Number, Number]:
    """:func:`fan_of` over a whole list."""
    operations, nonzero = np.int64(0), np.int64(0)
    for j in range(d.length[c.PIXELS_LISTED]):
        row, column = place(d, j)
        begin, end = span(d, j)
        kind = d.events.axes[d.path[c.ROW_KINDS] + row] + d.events.axes[d.path[c.COLUMN_KINDS] + column]
        more, more_nonzero = fan_of(d, kind, begin, end)
        operations, nonzero = operations + more, nonzero + more_nonzero
    return operations, nonzero


@inlined
def mark_row(context: Array, d: Delivery, row: Number, bits: Number) -> None:
    """The columns in ``bits``, and further ones in COLUMN_BITS, are reached in all rows that a row of pixels reaches."""
    flags, more, first = int64s(context, c.FLAGS), int64s(context, c.COLUMN_BITS), d.p[c.FLAG]
    for u in range(d.events.axes[d.path[c.REACH_ROWS] + row], d.events.axes[d.path[c.REACH_ROWS] + row + 1]):
        flags[first + d.events.axes[u]] |= bits
        for word in range(1, d.p[c.ROW_WORDS]):
            flags[first + d.events.axes[u] + word] |= more[word]
    for word in range(1, d.p[c.ROW_WORDS]):
        more[word] = 0


@inlined
def count_reached(context: Array, d: Delivery, operations: Number) -> Number:
    """Count what a path delivers, ``operations`` where no row of its list stands for several events; of max pooling, windows are counted
    when they are looked at. How many neurons it reaches, each as often as it is reached."""
    nonzero = operations if not d.path[c.ZEROS] else d.length[c.NONZERO_SUM]
    if d.length[c.MANY] or d.path[c.ZEROS] and not (d.path[c.COUNTED] and d.length[c.HAS_NONZERO]):
        operations, nonzero = fans(d)
    if d.path[c.DELIVERY] != c.POOLED:
        count(context, c.OPERATIONS, d.path[c.TARGET], operations)
        count(context, c.OPERATIONS_NONZERO, d.path[c.TARGET], nonzero)
    return operations


@kernel
def reach_points(context: Array, d: Delivery) -> Number:
    """:func:`reach` where each pixel leads to the same pixel alone; what the list names goes into TOUCHED."""
    touched, first = int32s(context, c.TOUCHED), d.at[c.PIXEL_AT]
    for j in range(d.length[c.PIXELS_LISTED]):
        touched[j] = d.events.pixels[first + j]
    return count_reached(context, d, d.length[c.LISTED] * np.int64(d.events.nonzeros[d.path[c.NONZERO]]))


@kernel
def reach_windows(context: Array, d: Delivery) -> Number:
    """:func:`reach` where pixels lead to others; these are flagged."""
    counts, more, first, kinds = d.events.nonzeros, int64s(context, c.COLUMN_BITS), d.at[c.PIXEL_AT], np.int64(0)
    path, axes, words, width, listed = d.path, d.events.axes, d.p[c.ROW_WORDS], d.path[c.OP_WIDTH], d.length[c.PIXELS_LISTED]
    columns, column_kinds = path[c.REACH_COLUMNS], path[c.COLUMN_KINDS]
    operations, row, base, bits, begin = np.int64(0), np.int64(-1), np.int64(0), np.int64(0), np.int64(0)
    for j in range(first, first + listed):
        pixel, end = np.int64(d.events.pixels[j]), np.int64(d.events.firsts[j + 1])
        if row < 0 or pixel < base or pixel >= base + width:
            if row >= 0:
                mark_row(context, d, row, bits)
            row, bits = row_of(pixel, width), np.int64(0)
            base, kinds = row * width, path[c.NONZERO] + axes[path[c.ROW_KINDS] + row]
        column = pixel - base
        bits |= axes[columns + column * words]
        for word in range(1, words):
            more[word] |= axes[columns + column * words + word]
        operations += (end - begin) * np.int64(counts[kinds + axes[column_kinds + column]])
        begin = end
    if listed:
        mark_row(context, d, row, bits)
    return count_reached(context, d, operations)


@inlined
def reach(context: Array, number: Number) -> Number:
    """Count the neurons that the list of a path reaches, and find their pixels; how many neurons, each as often as it is reached."""
    d = open_path(context, number)
    return reach_points(context, d) if d.path[c.POINT] else reach_windows(context, d)


@kernel
def gather_flags(context: Array, p: Array) -> Number:
    """List the pixels that are flagged in TOUCHED, rising, and clear their flags; how many there are."""
    flags, touched, found, base, at = int64s(context, c.FLAGS), int32s(context, c.TOUCHED), 0, np.int64(0), p[c.FLAG]
    while base < p[c.PIXELS]:
        for word in range(p[c.ROW_WORDS]):
            left = flags[at + word]
            flags[at + word] = 0
            while left:
                bit = lowest_bit(left)
                touched[found] = base + 64 * word + bit
                left ^= np.int64(1) << np.int64(bit)
                found += 1
        base += p[c.WIDTH]
        at += p[c.ROW_WORDS]
    return found


@inlined
def gather_reached(context: Array, p: Array) -> Number:
    """How many pixels of a population have been reached, once TOUCHED names them."""
    if path_row(context, p[c.FIRST_PATH])[c.POINT]:
        return np.int64(length_row(context, path_row(context, p[c.FIRST_PATH])[c.LIST])[c.PIXELS_LISTED])
    return np.int64(gather_flags(context, p))


@inlined
def flag(context: Array, p: Array, pixel: Number) -> None:
    """Flag a pixel."""
    row, flags = row_of(pixel, p[c.WIDTH]), int64s(context, c.FLAGS)
    column = pixel - row * p[c.WIDTH]
    flags[p[c.FLAG] + row * p[c.ROW_WORDS] + (column >> 6)] |= np.int64(1) << np.int64(column & 63)


@inlined
def mark_all(context: Array, p: Array, pixel: Number) -> None:
    """All channels of a pixel are reached."""
    reached = int64s(context, c.REACHED)
    for word in range(p[c.WORDS]):
        left = min(p[c.CHANNELS] - 64 * word, 64)
        reached[p[c.REACH] + pixel * p[c.WORDS] + word] = np.int64(-1) if left == 64 else (np.int64(1) << np.int64(left)) - 1


@inlined
def gather_bits(context: Array, d: Delivery, begin: Number, end: Number) -> None:
    """Put together the bits of the target channels that a pixel's events reach."""
    bits, outer, inner = int64s(context, c.BITS), d.path[c.OUTER], d.path[c.INNER]
    for word in range(d.p[c.WORDS]):
        bits[word] = 0
    for event in range(begin, end):
        first = d.events.channels[event] + d.path[c.SHIFTED]
        if inner > 1 or outer > 1:
            first = first // inner * outer
        for channel in range(first, first + outer):
            bits[channel >> 6] |= np.int64(1) << np.int64(channel & 63)


@inlined
def mark_bits(context: Array, p: Array, pixel: Number) -> None:
    """Those channels of a pixel are reached."""
    reached, bits = int64s(context, c.REACHED), int64s(context, c.BITS)
    for word in range(p[c.WORDS]):
        reached[p[c.REACH] + pixel * p[c.WORDS] + word] |= bits[word]


@kernel
def forget_list(context: Array, number: Number) -> None:
    """Empty a population's list, and clear its pixels in its image."""
    p, at, length, events = population(context, number), list_row(context, number), length_row(context, number), open_events(context)
    if p[c.PITCH] and p[c.KIND] != c.INPUT:
        for j in range(at[c.PIXEL_AT], at[c.PIXEL_AT] + length[c.PIXELS_LISTED]):
            pixel = np.int64(events.pixels[j])
            row = row_of(pixel, p[c.WIDTH])
            first = p[c.IMAGE] + row * p[c.PITCH] + (pixel - row * p[c.WIDTH]) * p[c.IMAGE_CELLS]
            for channel in range(first, first + p[c.IMAGE_CELLS], 8):
                clear(events.images, channel)
    for column in range(c.LENGTH_WIDTH):
        length[column] = 0


@kernel
def take_back(context: Array, number: Number) -> None:
    """Undo what a population's list says that it has sent, and empty it."""
    p, at, length, events = population(context, number), list_row(context, number), length_row(context, number), open_events(context)
    o = states(context, c.O_CELLS)
    for j in range(at[c.PIXEL_AT], at[c.PIXEL_AT] + length[c.PIXELS_LISTED]):
        cell = p[c.O] + np.int64(events.pixels[j]) * p[c.CELLS]
        for event in range(at[c.EVENT_AT] + events.firsts[j], at[c.EVENT_AT] + events.firsts[j + 1]):
            o[cell + events.channels[event]] -= np.int64(events.units[event]) * p[c.PAYLOAD]
    forget_list(context, number)
