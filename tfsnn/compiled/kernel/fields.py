"""Delivery seen from the targets: each pixel that is reached looks at its window over what the source has sent.

    x[to, :] += sum over the window's taps and all channels of k[from, channel] W[from, to][channel, :]

Where much has changed this is quicker than event by event: the state is touched once, sums of some targets side by side stay in registers
over the whole window, and nothing has to be found. Payloads stand in an image with a border, 0 where nothing was sent. Whole numbers add
up to the same in any order, so nobody can tell from the result; what is counted, and what is marked as reached, is what the events would
have cost and reached.
"""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.full import deliver_full
from tfsnn.compiled.kernel.jit import inlined, stage
from tfsnn.compiled.kernel.lists import (
    Delivery,
    count,
    length_row,
    list_row,
    open_events,
    open_path,
    place,
    population,
    row_of,
    span,
)
from tfsnn.compiled.kernel.memory import constants, int32s, states
from tfsnn.compiled.kernel.vector import add_windows, send_fields, send_points

TARGETS = 4
"""Targets whose sums stay in registers together."""


@inlined
def paint(d: Delivery, p: Array, shown: Number) -> None:
    """Show an input's list in its image, or take it away."""
    for j in range(d.length[c.PIXELS_LISTED]):
        begin, end = span(d, j)
        row, column = place(d, j)
        first = p[c.IMAGE] + row * p[c.PITCH] + column * p[c.IMAGE_CELLS]
        for event in range(begin, end):
            d.events.images[first + d.events.channels[event]] = d.events.units[event] if shown else 0


@stage
def deliver_windows(context: Array, number: Number, found: Number) -> Number:
    """Deliver the list of a path to the pixels in TOUCHED; other than by neurons, inputs show only here what they have sent."""
    d, touched = open_path(context, number), int32s(context, c.TOUCHED)
    path, p, source, i = d.path, d.p, population(context, d.path[c.SOURCE]), np.int64(0)
    if source[c.KIND] == c.INPUT:
        paint(d, source, True)
    while i < found:
        q = np.int64(touched[i])
        row = row_of(q, p[c.WIDTH])
        column = q - row * p[c.WIDTH]
        beside = i + TARGETS <= found and column + TARGETS <= p[c.WIDTH] and touched[i + TARGETS - 1] == q + TARGETS - 1
        few = np.int64(TARGETS if beside else 1)
        add_windows(
            d.x, p[c.X] + q * p[c.CELLS], p[c.CELLS], few, d.weights, path[c.FIELD], d.events.images,
            path[c.FIELD_START] + row * path[c.FIELD_DOWN] + column * path[c.FIELD_ACROSS], path[c.FIELD_ACROSS], source[c.PITCH],
            path[c.FIELD_ROWS], path[c.FIELD_PAIRS],
        )  # fmt: skip
        i += few
    if source[c.KIND] == c.INPUT:
        paint(d, source, False)
    if p[c.WORDS]:
        deliver_full(context, number, False)
    count(context, c.DENSE, path[c.TARGET], found * path[c.FIELD_PRODUCTS])
    return c.DONE


@stage
def check_points(context: Array, number: Number) -> Number:
    """Deliver the list of an only path that leads each pixel to the same pixel alone, and check; whether a payload does not fit."""
    p, at, length, events = population(context, number), list_row(context, number), length_row(context, number), open_events(context)
    path = open_path(context, p[c.FIRST_PATH])
    listed = path.length[c.PIXELS_LISTED]
    count(context, c.CHECKS, number, listed * p[c.CHANNELS])
    return send_points(
        path.x, states(context, c.O_CELLS), p, path.path, path.weights, path.at, listed, events, at, length
    )  # fmt: skip


@stage
def check_fields(context: Array, number: Number, found: Number) -> Number:
    """Deliver the list of an only path, a depthwise one, to the pixels in TOUCHED, and check; whether a payload does not fit."""
    p, at, length, events = population(context, number), list_row(context, number), length_row(context, number), open_events(context)
    path = open_path(context, p[c.FIRST_PATH])
    unfit = send_fields(
        path.x, states(context, c.O_CELLS), p, path.path, path.weights, constants(context, c.AXES), int32s(context, c.TOUCHED), found,
        events, at, length,
    )  # fmt: skip
    count(context, c.CHECKS, number, length[c.CHECKED])
    count(context, c.DENSE, number, found * path.path[c.FIELD_PRODUCTS])
    return unfit
