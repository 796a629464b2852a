"""Delivery of depthwise convolutions and skip connections: each channel leads to its own in the pixels that it reaches.

    x[to, channel] += k w[from, to][channel]

A pixel's payloads are spread out over its channels; each target pixel takes a product of vectors.
"""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined, stage
from tfsnn.compiled.kernel.lists import Delivery, gather_bits, mark_bits, open_path, place, span
from tfsnn.compiled.kernel.memory import states
from tfsnn.compiled.kernel.vector import add_products

FEW = 8
"""A pixel of which at most one channel in so many has changed has its events added one by one."""


@inlined
def spread_out(context: Array, d: Delivery, begin: Number, end: Number, wanted: bool) -> None:
    """Lay a pixel's payloads out by channel, or take them away."""
    spread = states(context, c.SPREAD)
    for event in range(begin, end):
        # A list made by an index map may name a channel twice.
        at = d.events.channels[event] + d.path[c.SHIFTED]
        spread[at] = spread[at] + d.events.units[event] if wanted else 0


@inlined
def add_events(d: Delivery, at: Number, first: Number, begin: Number, end: Number) -> None:
    """Add a pixel's events to a target pixel, one by one."""
    for event in range(begin, end):
        channel = d.events.channels[event] + d.path[c.SHIFTED]
        d.x[at + channel] += np.int64(d.weights[first + channel]) * np.int64(d.events.units[event])


@stage
def deliver_diagonal(context: Array, number: Number) -> Number:
    """Deliver the list of a path."""
    d, spread = open_path(context, number), states(context, c.SPREAD)
    path, p, axes = d.path, d.p, d.events.axes
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        gather_bits(context, d, begin, end)
        few = (end - begin) * FEW < p[c.CELLS]
        if not few:
            spread_out(context, d, begin, end, True)
        for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
            for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
                to, first = axes[u + c.TO] + axes[v + c.TO], path[c.WEIGHT] + axes[u + c.OFFSET] + axes[v + c.OFFSET]
                if few:
                    add_events(d, p[c.X] + to * p[c.CELLS], first, begin, end)
                else:
                    add_products(d.x, p[c.X] + to * p[c.CELLS], d.weights, first, spread, p[c.CELLS])
                mark_bits(context, p, to)
        if not few:
            spread_out(context, d, begin, end, False)
    return c.DONE
