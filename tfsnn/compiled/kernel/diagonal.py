"""Delivery of depthwise convolutions and skip connections: each channel leads to its own in the pixels that it reaches.

    x[to, channel] += k w[from, to][channel]

A pixel's payloads are spread out over its channels; each target pixel takes a product of vectors for each block of eight channels
of which some has changed.
"""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined, stage
from tfsnn.compiled.kernel.lists import (
    Delivery,
    Marks,
    count,
    gather_bits,
    open_marks,
    open_path,
    place,
    reach_of,
    span,
)
from tfsnn.compiled.kernel.memory import int32s, octets, states
from tfsnn.compiled.kernel.vector import add_products


@inlined
def list_blocks(context: Array, d: Delivery, marks: Marks, begin: Number, end: Number) -> Number:
    """List a pixel's blocks at the very beginning, where room is kept for it; how many."""
    spread, found, events = states(context, c.SPREAD), 0, d.events
    gather_bits(marks, d, begin, end)
    for event in range(begin, end):
        spread[events.channels[event] + d.path[c.SHIFTED]] += events.units[event]
    for block in range(d.p[c.CELLS] >> 3):
        mask = (marks.bits[block >> 3] >> ((block & 7) << 3)) & 255
        if mask:
            events.blocks[found], events.masks[found] = block, mask
            for lane in range(8):
                events.lanes[8 * found + lane], spread[8 * block + lane] = spread[8 * block + lane], 0
            found += 1
    return found


@inlined
def blocks_of(context: Array, d: Delivery, marks: Marks, j: Number, begin: Number, end: Number) -> tuple[Number, Number]:
    """The blocks, from and up to, of the pixel at place ``j`` of a list."""
    if d.at[c.BLOCK_STEP] and not d.path[c.SHIFTED]:
        first = d.at[c.PIXEL_AT] + j
        return d.at[c.BLOCK_AT] + d.events.block_firsts[first], d.at[c.BLOCK_AT] + d.events.block_firsts[first + 1]
    return np.int64(0), np.int64(list_blocks(context, d, marks, begin, end))


@stage
def deliver_diagonal(context: Array, number: Number) -> Number:
    """Deliver the list of a path."""
    d, marks, nonzeros = open_path(context, number), open_marks(context), int32s(context, c.NONZEROS)
    scales, reached = states(context, c.SCALES), octets(context, c.REACHED_BYTES)
    path, p, axes, operations, nonzero = d.path, d.p, d.axes, 0, 0
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        taps = 0
        first_block, last_block = blocks_of(context, d, marks, j, begin, end)
        for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
            for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
                to, first = axes[u + c.TO] + axes[v + c.TO], path[c.WEIGHT] + axes[u + c.OFFSET] + axes[v + c.OFFSET]
                marks.flags[p[c.FLAG] + to] = p[c.SPIKES]
                bits = 8 * (p[c.REACH] + to * p[c.WORDS])
                add_products(d.x, p[c.X] + to * p[c.CELLS], scales, first, reached, bits, d.events, first_block, last_block)
                taps += 1
        here, some = reach_of(d, nonzeros, begin, end, row, column, taps)
        operations += here
        nonzero += some
    count(context, c.OPERATIONS, path[c.TARGET], operations)
    count(context, c.OPERATIONS_NONZERO, path[c.TARGET], nonzero)
    return c.DONE
