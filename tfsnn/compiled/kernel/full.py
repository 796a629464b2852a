"""Delivery of convolutions and dense layers: every channel of a pixel leads to every channel of the pixels that it reaches.

    x[to, :] += sum over the pixel's events (channel, k) of k W[from, to][channel, :]

All events of a pixel are summed in registers before its targets are touched. Along a row of targets weights lie side by side
(kernels are stored flipped, and apart for each phase of a stride), so that one run serves a row of the kernel.
"""

from __future__ import annotations

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import stage
from tfsnn.compiled.kernel.lists import count, mark_all, open_marks, open_path, place, reach_of, span
from tfsnn.compiled.kernel.memory import int32s, shorts
from tfsnn.compiled.kernel.vector import add_rows


@stage
def deliver_full(context: Array, number: Number) -> Number:
    """Deliver the list of a path."""
    d, marks, weights, nonzeros = open_path(context, number), open_marks(context), shorts(context, c.WEIGHTS), int32s(context, c.NONZEROS)
    path, p, axes, x = d.path, d.p, d.axes, d.x
    cells, operations, nonzero = p[c.CELLS], 0, 0
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        taps = 0
        for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
            for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
                to, run, stride = axes[u + c.TO] + axes[v + c.TO], axes[v + c.COUNT], axes[v + c.STRIDE]
                first = path[c.WEIGHT] + axes[u + c.OFFSET] + axes[v + c.OFFSET] + path[c.SHIFTED] * stride
                add_rows(
                    x, p[c.X] + to * cells, weights, first, stride, d.events.channels, d.events.units, begin, end, run * cells
                )
                taps += run
                if p[c.SPIKES]:
                    for pixel in range(to, to + run):
                        mark_all(marks, p, pixel)
        reached, some = reach_of(d, nonzeros, begin, end, row, column, taps)
        operations += reached
        nonzero += some
    count(context, c.OPERATIONS, path[c.TARGET], operations)
    count(context, c.OPERATIONS_NONZERO, path[c.TARGET], nonzero)
    return c.DONE
