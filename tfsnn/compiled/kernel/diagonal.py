"""Delivery of depthwise convolutions and skip connections: each channel leads to its own in the pixels that it reaches.

    x[to, channel] += k w[from, to][channel]

Where many of a pixel's channels changed, their payloads are spread out over all channels, and each target takes one vector
product of the two.
"""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined, stage
from tfsnn.compiled.kernel.lists import (
    Delivery,
    count,
    gather_bits,
    mark_bits,
    open_marks,
    open_path,
    place,
    reach_of,
    span,
)
from tfsnn.compiled.kernel.memory import int32s, states
from tfsnn.compiled.kernel.vector import add_products

CROWDED = 5
"""A pixel of which more than one channel in so many changed is worked on in vectors over all its channels."""


@inlined
def add_each(d: Delivery, at: Number, scales: Array, first: Number, begin: Number, end: Number) -> None:
    """Add a pixel's events to one target pixel, one by one."""
    for event in range(begin, end):
        channel = d.events.channels[event]
        d.x[at + channel] += scales[first + channel] * np.int64(d.events.units[event])


@stage
def deliver_diagonal(context: Array, number: Number) -> Number:
    """Deliver the list of a path."""
    d, marks, nonzeros = open_path(context, number), open_marks(context), int32s(context, c.NONZEROS)
    scales, spread = states(context, c.SCALES), states(context, c.SPREAD)
    path, p, axes, x = d.path, d.p, d.axes, d.x
    cells, shift, operations, nonzero = p[c.CELLS], path[c.SHIFTED], 0, 0
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        crowded, taps = (end - begin) * CROWDED > cells, 0
        if crowded:
            for i in range(cells):
                spread[i] = 0
            for event in range(begin, end):
                spread[d.events.channels[event] + shift] += d.events.units[event]
        if p[c.SPIKES]:
            gather_bits(marks, d, begin, end)
        for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
            for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
                to, first = axes[u + c.TO] + axes[v + c.TO], path[c.WEIGHT] + axes[u + c.OFFSET] + axes[v + c.OFFSET]
                at = p[c.X] + to * cells
                if crowded:
                    add_products(x, at, scales, first, spread, cells)
                else:
                    add_each(d, at + shift, scales, first + shift, begin, end)
                taps += 1
                if p[c.SPIKES]:
                    mark_bits(marks, p, to)
        reached, some = reach_of(d, nonzeros, begin, end, row, column, taps)
        operations += reached
        nonzero += some
    count(context, c.OPERATIONS, path[c.TARGET], operations)
    count(context, c.OPERATIONS_NONZERO, path[c.TARGET], nonzero)
    return c.DONE
