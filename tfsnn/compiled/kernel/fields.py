"""Delivery seen from the targets: each pixel that is reached looks at its window over what the source has sent.

    x[to, :] += sum over the window's taps and all channels of k[from, channel] W[from, to][channel, :]

Where much has changed this is quicker than event by event: the state is touched once, sums of some targets side by side stay in registers
over the whole window, and nothing has to be found. Payloads stand in an image with a border, 0 where nothing was sent. Whole numbers add
up to the same in any order, so nobody can tell from the result; what is counted, and what is marked as reached, is what the events would
have cost and reached.
"""

from __future__ import annotations

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.full import deliver_full
from tfsnn.compiled.kernel.jit import stage
from tfsnn.compiled.kernel.lists import count, length_row, list_row, open_events, open_path, population
from tfsnn.compiled.kernel.memory import int32s, states
from tfsnn.compiled.kernel.vector import add_windows, send_fields, send_points


@stage
def deliver_windows(context: Array, number: Number, found: Number) -> Number:
    """Deliver the list of a path to the pixels in TOUCHED."""
    d, touched = open_path(context, number), int32s(context, c.TOUCHED)
    path, p, source = d.path, d.p, population(context, d.path[c.SOURCE])
    add_windows(d.x, p, path, d.weights, d.events.images, source[c.PITCH], touched, found)
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
        path.x, states(context, c.O_CELLS), p, path.path, path.weights, int32s(context, c.TOUCHED), found,
        events, at, length,
    )  # fmt: skip
    count(context, c.CHECKS, number, length[c.CHECKED])
    count(context, c.DENSE, number, found * path.path[c.FIELD_PRODUCTS])
    return unfit
