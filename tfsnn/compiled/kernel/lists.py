"""Lists of events, and what the deliveries of a path have in common: its tables, its counts, and the marks of what it reaches.

A list names pixels, and of each pixel the channels that changed and by how many payload units, side by side, as the check leaves
them. Where a pixel leads follows from two axes, one for its row and one for its column: entries that say which target pixels are
reached, and where their weights begin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined
from tfsnn.compiled.kernel.memory import constants, int32s, int64s, octets, row_opener, shorts, states
from tfsnn.compiled.kernel.plain import Events


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
    axes
        All axes.
    x
        All states.
    """

    path: Array
    p: Array
    at: Array
    length: Array
    events: Events
    axes: Array
    x: Array


class Marks(NamedTuple):
    """What has been reached.

    Parameters
    ----------
    flags
        uint8: one a pixel.
    reached
        Bits of neurons, of populations whose channels are reached one by one.
    bits
        Those of one pixel, while they are put together.
    """

    flags: Array
    reached: Array
    bits: Array


population = row_opener(c.POPULATION_TABLE, c.POPULATION_WIDTH)
path_row = row_opener(c.PATH_TABLE, c.PATH_WIDTH)
list_row = row_opener(c.LIST_TABLE, c.LIST_WIDTH)
"""Of (context, number): the row of a population, of a path; where a list of events lies."""
length_row = row_opener(c.LENGTHS, c.LENGTH_WIDTH, constant=False)
"""Of (context, number): what a list of events holds."""


@inlined
def open_events(context: Array) -> Events:
    """The arrays in which all lists lie."""
    return Events(
        int32s(context, c.EVENT_PIXELS), int32s(context, c.EVENT_FIRSTS), int32s(context, c.EVENT_CHANNELS),
        shorts(context, c.EVENT_UNITS), int64s(context, c.EVENT_TIMES), int32s(context, c.BLOCK_FIRSTS),
        int32s(context, c.EVENT_BLOCKS), octets(context, c.EVENT_MASKS), states(context, c.EVENT_LANES),
    )  # fmt: skip


@inlined
def open_path(context: Array, number: Number) -> Delivery:
    """A path and the list of its events."""
    path = path_row(context, number)
    return Delivery(
        path, population(context, path[c.TARGET]), list_row(context, path[c.LIST]), length_row(context, path[c.LIST]),
        open_events(context), constants(context, c.AXES), states(context, c.X_CELLS),
    )  # fmt: skip


@inlined
def open_marks(context: Array) -> Marks:
    """What has been reached."""
    return Marks(octets(context, c.FLAGS), int64s(context, c.REACHED), int64s(context, c.BITS))


@inlined
def span(d: Delivery, j: Number) -> tuple[Number, Number]:
    """The events, from and up to, of the pixel at place ``j`` of a list."""
    first = d.at[c.PIXEL_AT] + j
    return d.at[c.EVENT_AT] + d.events.firsts[first], d.at[c.EVENT_AT] + d.events.firsts[first + 1]


@inlined
def place(d: Delivery, j: Number) -> tuple[Number, Number]:
    """Row and column of the pixel at place ``j`` of a list."""
    q, width = np.uint32(d.events.pixels[d.at[c.PIXEL_AT] + j]), np.uint32(d.path[c.OP_WIDTH])
    row = q // width
    return np.int64(row), np.int64(q - row * width)


@inlined
def count(context: Array, row: Number, number: Number, amount: Number) -> None:
    """Add to a row of the ledger."""
    ledger = int64s(context, c.LEDGER)
    ledger[row * (len(ledger) // c.COUNTS) + number] += amount


@inlined
def reach_of(d: Delivery, nonzeros: Array, begin: Number, end: Number, row: Number, column: Number, taps: Number) -> tuple[Number, Number]:
    """Neurons that a pixel's events reach in ``taps`` target pixels, and those through weights other than 0."""
    fan, many, zeros = taps * d.path[c.OUTER], d.length[c.MANY], d.path[c.ZEROS]
    if not many and not zeros:
        return (end - begin) * fan, (end - begin) * fan
    kind = d.path[c.NONZERO]
    if zeros:
        kind += d.axes[d.path[c.ROW_KINDS] + row] + d.axes[d.path[c.COLUMN_KINDS] + column]
    operations, nonzero = 0, 0
    if not many:
        for event in range(begin, end):
            nonzero += nonzeros[kind + d.events.channels[event]]
        return (end - begin) * fan, nonzero
    for event in range(begin, end):
        operations += d.events.times[event] * fan
        nonzero += d.events.times[event] * (nonzeros[kind + d.events.channels[event]] if zeros else fan)
    return operations, nonzero


@inlined
def mark_all(marks: Marks, p: Array, pixel: Number) -> None:
    """All channels of a pixel are reached."""
    marks.flags[p[c.FLAG] + pixel] = 1
    for word in range(p[c.WORDS]):
        left = min(p[c.CHANNELS] - 64 * word, 64)
        marks.reached[p[c.REACH] + pixel * p[c.WORDS] + word] = np.int64(-1) if left == 64 else (np.int64(1) << np.int64(left)) - 1


@inlined
def gather_bits(marks: Marks, d: Delivery, begin: Number, end: Number) -> None:
    """Put together the bits of the target channels that a pixel's events reach."""
    outer, inner = d.path[c.OUTER], d.path[c.INNER]
    for word in range(d.p[c.WORDS]):
        marks.bits[word] = 0
    for event in range(begin, end):
        first = d.events.channels[event] + d.path[c.SHIFTED]
        if inner > 1 or outer > 1:
            first = first // inner * outer
        for channel in range(first, first + outer):
            marks.bits[channel >> 6] |= np.int64(1) << np.int64(channel & 63)


@inlined
def mark_bits(marks: Marks, p: Array, pixel: Number) -> None:
    """Those channels of a pixel are reached."""
    marks.flags[p[c.FLAG] + pixel] = 1
    for word in range(p[c.WORDS]):
        marks.reached[p[c.REACH] + pixel * p[c.WORDS] + word] |= marks.bits[word]
