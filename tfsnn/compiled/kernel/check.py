"""The check of what has been reached: the neuron rule, as ``eager.check``, and the maximum over windows.

    d = f(x) - o;   while abs(d) >= T:   k = clip(trunc(d / p), -K, K);   o += k p;   send k;   d = f(x) - o

The loop's payloads are listed as their sum; :func:`tfsnn.compiled.kernel.plain_check.send` has it for all channels of a pixel at once.
"""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined, kernel, stage
from tfsnn.compiled.kernel.lists import count, length_row, list_row, open_events, population
from tfsnn.compiled.kernel.memory import floats, int32s, int64s, states
from tfsnn.compiled.kernel.vector import count_bits, raise_to, send, send_pixels, summarize


@inlined
def tabulated(p: Array, table: Array, x: Number) -> Number:
    """f(x) by a table, as :class:`tfsnn.plan.grid_function.Function`."""
    low, shift = p[c.LOW], p[c.SHIFT]
    inside = min(max(x, low), low + ((p[c.ENTRIES] - 2) << shift))
    beyond = x - inside
    if (beyond < 0 and p[c.FLAT_LOW]) or (beyond > 0 and p[c.FLAT_HIGH]):
        beyond = 0
    at = p[c.TABLE] + ((inside - low) >> shift)
    rest = (inside - low) & ((1 << shift) - 1)
    return table[at] + ((table[at + 1] - table[at]) * rest >> shift) + beyond


@kernel
def evaluate(context: Array, p: Array, pixel: Number) -> None:
    """f(x) of a pixel's neurons, where f is no clip, into VALUES."""
    x, values, at = states(context, c.X_CELLS), states(context, c.VALUES), p[c.X] + pixel * p[c.CELLS]
    slopes, table = floats(context, c.SLOPES), int64s(context, c.TABLES)
    for channel in range(p[c.CHANNELS], p[c.CELLS]):
        # What fills up the last vector is to send nothing.
        values[channel] = 0
    for channel in range(p[c.CHANNELS]):
        state = np.int64(x[at + channel])
        if p[c.KIND] == c.TABULATED:
            values[channel] = tabulated(p, table, state)
        elif state >= 0:
            values[channel] = state
        else:
            values[channel] = np.int64(np.rint(np.float64(state) * slopes[p[c.TABLE] + pixel * p[c.CHANNELS] + channel]))


@kernel
def maximum(context: Array, p: Array, pixel: Number) -> Number:
    """The maximum over one pixel's windows, into VALUES; how many values lie in each."""
    x, values, wide = states(context, c.X_CELLS), states(context, c.VALUES), p[c.WIDTH]
    top, left = pixel // wide * p[c.POOL_DOWN] - p[c.POOL_TOP], pixel % wide * p[c.POOL_ACROSS] - p[c.POOL_LEFT]
    first, start = max(top, 0), max(left, 0)
    stop, end = min(top + p[c.POOL_HIGH], p[c.POOLED_HIGH]), min(left + p[c.POOL_WIDE], p[c.POOLED_WIDE])
    at = p[c.X] + (first * p[c.POOLED_WIDE] + start) * p[c.CELLS]
    for channel in range(p[c.CELLS]):
        values[channel] = x[at + channel]
    for row in range(first, stop):
        for column in range(start, end):
            raise_to(values, x, p[c.X] + (row * p[c.POOLED_WIDE] + column) * p[c.CELLS], p[c.CELLS])
    return (stop - first) * (end - start)


@inlined
def forget(context: Array, p: Array, found: Number) -> Number:
    """How many neurons of the touched pixels have been reached."""
    reached, touched, total = int64s(context, c.REACHED), int32s(context, c.TOUCHED), 0
    if p[c.WORDS] == 0:
        return found * p[c.CHANNELS]
    for number in range(found):
        for word in range(p[c.WORDS]):
            total += count_bits(reached[p[c.REACH] + touched[number] * p[c.WORDS] + word])
    return total


@kernel
def check_one(context: Array, number: Number, place: Number, comparisons: Number) -> Number:
    """Check one touched pixel whose f(x) is worked out first; whether a payload does not fit."""
    p, at, events = population(context, number), list_row(context, number), open_events(context)
    touched, values, reached = int32s(context, c.TOUCHED), states(context, c.VALUES), int64s(context, c.REACHED)
    pixel = np.int64(touched[place])
    if p[c.KIND] == c.POOL:
        taps, windows = maximum(context, p, pixel), 0
        for word in range(p[c.REACH] + pixel * p[c.WORDS], p[c.REACH] + (pixel + 1) * p[c.WORDS]):
            windows += count_bits(reached[word])
        if comparisons:
            count(context, c.COMPARISONS, number, windows * (taps - 1))
    else:
        evaluate(context, p, pixel)
    return send(
        values, 0, 0, states(context, c.O_CELLS), p, touched, place, place + 1, reached,
        events, at, length_row(context, number),
    )  # fmt: skip


@kernel
def check_vectors(context: Array, number: Number, found: Number, whole: Number) -> Number:
    """Check the touched pixels where f is a clip; whether a payload does not fit."""
    p, at, events, length = population(context, number), list_row(context, number), open_events(context), length_row(context, number)
    x, o, touched, reached = states(context, c.X_CELLS), states(context, c.O_CELLS), int32s(context, c.TOUCHED), int64s(context, c.REACHED)
    if whole:
        return send_pixels(x, o, p, touched, found, reached, events, at, length)
    return send(x, p[c.X], p[c.CELLS], o, p, touched, 0, found, reached, events, at, length)


@stage
def check(context: Array, number: Number, found: Number, how: Number) -> Number:
    """Check the pixels in TOUCHED of a population, into its list; whether a payload does not fit.

    Where one does not, all that is reached is left, for a wide context to check it AGAIN: neither counted nor listed anew. How: AFRESH,
    AGAIN, or WHOLE_PIXELS where :func:`tfsnn.compiled.kernel.proof.at_rest` allows it.
    """
    p, reached, touched, unfit = population(context, number), int64s(context, c.REACHED), int32s(context, c.TOUCHED), 0
    if how != c.AGAIN:
        count(context, c.CHECKS, number, forget(context, p, found))
    if p[c.KIND] == c.VECTOR:
        unfit = check_vectors(context, number, found, how == c.WHOLE_PIXELS)
    else:
        for place in range(found):
            unfit |= check_one(context, number, place, how != c.AGAIN)
    if not unfit:
        for place in range(found):
            for word in range(p[c.REACH] + touched[place] * p[c.WORDS], p[c.REACH] + (touched[place] + 1) * p[c.WORDS]):
                reached[word] = 0
    return unfit


@kernel
def settle(context: Array, number: Number) -> None:
    """Count what a population's list holds, and sum it up for the proof of what it is delivered to."""
    p, at, length, events = population(context, number), list_row(context, number), length_row(context, number), open_events(context)
    begin, end = at[c.EVENT_AT], at[c.EVENT_AT] + length[c.LISTED]
    negative, largest = summarize(events.units, begin, end, length), p[c.LARGEST]
    length[c.EVENTS], length[c.MANY] = length[c.LISTED], 0
    if length[c.LARGEST_SIZE] > largest:
        length[c.EVENTS], length[c.MANY], negative = 0, 1, 0
        for event in range(begin, end):
            k = np.int64(events.units[event])
            events.times[event] = (abs(k) - 1) // largest + 1
            length[c.EVENTS] += events.times[event]
            negative += events.times[event] if k < 0 else 0
    count(context, c.NEGATIVE, number, negative)
    count(context, c.POSITIVE, number, length[c.EVENTS] - negative)
