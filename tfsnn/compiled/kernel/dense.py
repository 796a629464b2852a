"""Delivery of a whole layer at once, where so much has changed that this is faster than event by event.

    x[to, :] += sum over the window's taps and all channels of k[from, channel] W[from, to][channel, :]

Payloads are laid out as an image with its border, 0 where nothing was sent. Sums of some targets side by side stay in registers over
the whole window. Whole numbers add up to the same in any order, so nobody can tell from the result; what is counted, and what is
marked as reached, is what the events would have cost and reached.
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
    mark_all,
    open_marks,
    open_path,
    place,
    population,
    reach_of,
    span,
)
from tfsnn.compiled.kernel.memory import int32s, octets, shorts
from tfsnn.compiled.kernel.vector import add_windows

TARGETS = 4
"""Targets whose sums stay in registers together."""


@inlined
def paint(context: Array, d: Delivery) -> None:
    """Lay out a list as an image."""
    path, image = d.path, shorts(context, c.IMAGE)
    pitch, channels = path[c.DENSE_PITCH], population(context, path[c.SOURCE])[c.CHANNELS]
    for i in range(path[c.DENSE_ROWS] * pitch):
        image[i] = 0
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        first = (row + path[c.DENSE_TOP]) * pitch + (column + path[c.DENSE_LEFT]) * channels
        for event in range(begin, end):
            image[first + d.events.channels[event]] = d.events.units[event]


@inlined
def multiply(context: Array, d: Delivery) -> None:
    """Add the windows over the image to all targets."""
    path, p, image, weights = d.path, d.p, shorts(context, c.IMAGE), shorts(context, c.DENSE_WEIGHTS)
    pitch, across = path[c.DENSE_PITCH], path[c.DENSE_ACROSS] * population(context, path[c.SOURCE])[c.CHANNELS]
    wide = p[c.WIDTH]
    for row in range(p[c.PIXELS] // wide):
        start = row * path[c.DENSE_DOWN] * pitch
        column = np.int64(0)
        while column < wide:
            few = np.int64(TARGETS if column + TARGETS <= wide else 1)
            add_windows(
                d.x, p[c.X] + (row * wide + column) * p[c.CELLS], p[c.CELLS], few, weights, path[c.DENSE_WEIGHT], image,
                start + column * across, across, pitch, path[c.DENSE_HIGH], path[c.DENSE_PAIRS],
            )  # fmt: skip
            column += few


@inlined
def mark_rows(context: Array, d: Delivery, marks: Marks, row: Number) -> None:
    """Mark the targets of one row of pixels, whose columns stand in HITS; forget these."""
    path, p, axes, hits = d.path, d.p, d.axes, octets(context, c.HITS)
    for u in range(axes[path[c.ROWS] + row], axes[path[c.ROWS] + row + 1], c.ENTRY_WIDTH):
        first = axes[u + c.TO]
        for column in range(p[c.WIDTH]):
            marks.flags[p[c.FLAG] + first + column] |= hits[column]
        if p[c.WORDS]:
            for column in range(p[c.WIDTH]):
                if hits[column]:
                    mark_all(marks, p, first + column)
    for column in range(p[c.WIDTH]):
        hits[column] = 0


@stage
def deliver_dense(context: Array, number: Number) -> Number:
    """Deliver the list of a path."""
    d, marks, nonzeros, hits = open_path(context, number), open_marks(context), int32s(context, c.NONZEROS), octets(context, c.HITS)
    path, p, axes, operations, nonzero, last = d.path, d.p, d.axes, 0, 0, np.int64(-1)
    paint(context, d)
    multiply(context, d)
    for column in range(p[c.WIDTH]):
        hits[column] = 0
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        if row != last and last >= 0:
            mark_rows(context, d, marks, last)
        last, taps = row, 0
        for v in range(axes[path[c.COLUMNS] + column], axes[path[c.COLUMNS] + column + 1], c.ENTRY_WIDTH):
            for target in range(axes[v + c.TO], axes[v + c.TO] + axes[v + c.COUNT]):
                hits[target] = 1
            taps += axes[v + c.COUNT]
        taps *= (axes[path[c.ROWS] + row + 1] - axes[path[c.ROWS] + row]) // c.ENTRY_WIDTH
        reached, some = reach_of(d, nonzeros, begin, end, row, column, taps)
        operations += reached
        nonzero += some
    if last >= 0:
        mark_rows(context, d, marks, last)
    count(context, c.OPERATIONS, path[c.TARGET], operations)
    count(context, c.OPERATIONS_NONZERO, path[c.TARGET], nonzero)
    count(context, c.DENSE, path[c.TARGET], path[c.DENSE_MACS])
    return c.DONE
