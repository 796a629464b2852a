"""Delivery to max pooling: it keeps what it has received, and the windows over that are looked at again.

    x[to, channel] += k

Here x is as large as what is pooled; the windows have a flag a pixel and a bit a channel, like neurons.
"""

from __future__ import annotations

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined, stage
from tfsnn.compiled.kernel.lists import Delivery, gather_bits, mark_bits, open_path, place, span


@inlined
def mark_windows(context: Array, d: Delivery, row: Number, column: Number) -> None:
    """The windows over a pixel of what is pooled are reached."""
    rows, columns, axes = d.path[c.WINDOW_ROWS] + row, d.path[c.WINDOW_COLUMNS] + column, d.events.axes
    for u in range(axes[rows], axes[rows + 1], c.ENTRY_WIDTH):
        for v in range(axes[columns], axes[columns + 1], c.ENTRY_WIDTH):
            mark_bits(context, d.p, axes[u + c.TO] + axes[v + c.TO])


@stage
def deliver_pooled(context: Array, number: Number) -> Number:
    """Deliver the list of a path."""
    d = open_path(context, number)
    path, p, axes = d.path, d.p, d.events.axes
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        gather_bits(context, d, begin, end)
        for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
            for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
                at = p[c.X] + (axes[u + c.TO] * p[c.POOLED_WIDE] + axes[v + c.TO]) * p[c.CELLS] + path[c.SHIFTED]
                for event in range(begin, end):
                    d.x[at + d.events.channels[event]] += d.events.units[event]
                mark_windows(context, d, axes[u + c.TO], axes[v + c.TO])
    return c.DONE
