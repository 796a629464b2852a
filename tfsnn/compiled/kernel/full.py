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
from tfsnn.compiled.kernel.lists import mark_all, open_path, place, span
from tfsnn.compiled.kernel.vector import add_rows


@stage
def deliver_full(context: Array, number: Number, adds: Number) -> Number:
    """Deliver the list of a path; or only mark what it reaches, where it has been added in another way."""
    d = open_path(context, number)
    path, p, axes, cells = d.path, d.p, d.events.axes, d.p[c.CELLS]
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
            for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
                to, run, stride = axes[u + c.TO] + axes[v + c.TO], axes[v + c.COUNT], axes[v + c.STRIDE]
                first = path[c.WEIGHT] + axes[u + c.OFFSET] + axes[v + c.OFFSET] + path[c.SHIFTED] * stride
                if adds:
                    at = p[c.X] + to * cells
                    add_rows(d.x, at, d.weights, first, stride, d.events.channels, d.events.units, begin, end, run * cells)
                if p[c.WORDS]:
                    for pixel in range(to, to + run):
                        mark_all(context, p, pixel)
    return c.DONE
