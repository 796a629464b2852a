"""Delivery of grouped convolutions: the channels of a group lead to the filters of that group.

    x[to, group] += sum over the group's events (channel, k) of k W[from, to][channel, :]

Events of a pixel come in the order of their channels, so those of one group lie side by side. Rows of weights are filled up with
zeros to whole vectors; what these add to the next group is 0.
"""

from __future__ import annotations

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined, stage
from tfsnn.compiled.kernel.lists import Delivery, gather_bits, mark_bits, open_path, place, span
from tfsnn.compiled.kernel.vector import add_rows


@inlined
def add_groups(d: Delivery, at: Number, first: Number, stride: Number, begin: Number, end: Number) -> None:
    """Add a pixel's events to one target pixel, a group at a time."""
    inner, outer, shift = d.path[c.INNER], d.path[c.OUTER], d.path[c.SHIFTED]
    while begin < end:
        group = (d.events.channels[begin] + shift) // inner
        stop = begin + 1
        while stop < end and (d.events.channels[stop] + shift) // inner == group:
            stop += 1
        add_rows(d.x, at + group * outer, d.weights, first, stride, d.events.channels, d.events.units, begin, stop, stride)
        begin = stop


@stage
def deliver_grouped(context: Array, number: Number) -> Number:
    """Deliver the list of a path."""
    d = open_path(context, number)
    path, p, axes = d.path, d.p, d.events.axes
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        gather_bits(context, d, begin, end)
        for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
            for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
                to, stride = axes[u + c.TO] + axes[v + c.TO], axes[v + c.STRIDE]
                first = path[c.WEIGHT] + axes[u + c.OFFSET] + axes[v + c.OFFSET] + path[c.SHIFTED] * stride
                add_groups(d, p[c.X] + to * p[c.CELLS], first, stride, begin, end)
                mark_bits(context, p, to)
    return c.DONE
